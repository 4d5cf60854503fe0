"""Runs an export: writes the samples chosen beside their place, says what they are, and puts them there."""

import dataclasses
import json
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from tqdm import tqdm

from somtom.pipelines.export_folder import whole_folder
from somtom.pipelines.export_selection import Selection, Written
from somtom.pipelines.exporters import Exporter
from somtom.pipelines.output import OutputError
from somtom.schemas.action_stats import ACTION_STATS
from somtom.schemas.croissant import table_digest
from somtom.schemas.files import write_whole
from somtom.schemas.folder import META, PROVENANCE
from somtom.schemas.record import load_json

EXPORT = "export.json"


def export_data_set(
    chosen: Selection, form: str, exporter: Exporter, out: Path, shown: bool = False
) -> Written:
    """Write the samples chosen to `out`, which is whole or stays as it was; `shown` draws a bar.

    Raises:
        OutputError: `out` cannot be used.
        ConfigError: the form cannot hold what is asked for.
        DataError: the data set cannot be read.
    """
    if out.resolve().is_relative_to(chosen.folder.resolve()):
        raise OutputError(f"{out}: lies in the data set that is exported; choose another --out")
    with whole_folder(out) as aside:
        with tqdm(total=chosen.total, desc="export", unit=" samples", disable=not shown) as bar:
            chosen.on_sample = bar.update
            written = exporter.export(chosen, aside)
        _describe(chosen, form, exporter, aside, written)
    return written


def _describe(chosen: Selection, form: str, exporter: Exporter, out: Path, written: Written) -> None:
    """Say in meta/ what was exported of what; no path and no time, so that equal exports are equal."""
    facts = {
        "form": form,
        "settings": dataclasses.asdict(cast(Any, exporter)),
        "samples_sha256": table_digest(chosen.folder),
        "split": chosen.split,
        "where": chosen.where,
        "limit": chosen.limit,
        "chosen": chosen.counts,
        "samples": written.samples,
        "left_out": dict(sorted(written.left_out.items())),
        "somtom": version("somtom"),
    }
    path = out / META / PROVENANCE
    if path.is_file():  # a data set again: what its samples were made with stays true
        before = load_json((chosen.folder / META / PROVENANCE).read_bytes())
        now = load_json(path.read_bytes())
        whole = (now if isinstance(now, dict) else {}) | {"exported": facts, "exported_from": before}
        write_whole(path, json.dumps(whole, indent=1).encode() + b"\n")
        return
    write_whole(out / META / EXPORT, json.dumps(facts, indent=1).encode() + b"\n")
    stats = chosen.folder / META / ACTION_STATS
    if stats.is_file():
        shutil.copyfile(stats, out / META / ACTION_STATS)
