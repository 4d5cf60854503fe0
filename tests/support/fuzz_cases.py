"""What is done with a damaged input, or a damaged data set, and what may come of it.

A case gives one word: "fine", or why the input is refused (a reason of `REASONS`, "refused", "faults").
All else is a fault of somtom's: an exception of another kind, a sample that breaks the contract.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from somtom.pipelines.action_sums import gather_stats, sum_actions
from somtom.pipelines.config import parse_config
from somtom.pipelines.config_rules import ConfigError
from somtom.pipelines.explain import explain_lines
from somtom.pipelines.export import export_data_set
from somtom.pipelines.export_selection import Selection
from somtom.pipelines.exporters import make_exporter
from somtom.pipelines.output import OutputError, read_config_tree
from somtom.pipelines.plan import list_items
from somtom.pipelines.report import write_report
from somtom.pipelines.show import write_contact_sheets
from somtom.schemas import iterate, list_splits
from somtom.schemas.action_stats import read_action_stats
from somtom.schemas.check import check_dataset
from somtom.schemas.check_sample import check_sample
from somtom.schemas.check_tar import read_checked
from somtom.schemas.folder import plan_path, shard_path
from somtom.schemas.manifest import read_manifest
from somtom.schemas.plan_table import read_plan, write_plan
from somtom.schemas.reasons import DataError
from somtom.schemas.refs import ShardSpec
from somtom.schemas.tracks_table import read_tracks
from somtom.sources.sources import SOURCES
from somtom.transforms.label_shard import LabelShards
from somtom.transforms.place import InFolder
from somtom.transforms.relabel_shard import RelabelShards
from somtom.transforms.scan import ScanItems, ScanTask, read_actions, read_scans, scan_to_file

Tree = dict[str, Any]
SETTINGS: Tree = {
    "clips": {
        "steps": 2,
        "step_s": 0.03,
        "short_side": 96,
        "screen_short_side": 128,
        "history": 1,
        "cameras": 1,
        "min_side": 16,
    },
    "tracking": {"tracker": "lk", "grid": 4, "detect": "never"},
}
MOST_ITEMS, MOST_REFS = 4, 4
SHARD = "train-000000"
FORMS = ("tar", "llava", "parquet", "magma", "lerobot-annotations")


class Broken(Exception):
    """Something that damaged files must not bring about."""


def read_source(tree: Tree, work: Path) -> str:
    """List, scan, decode and label a source as a build does, into a shard that must keep the contract."""
    config = parse_config({"source": [{**tree, "dataset": "d"}], **SETTINGS})
    SOURCES[tree["kind"]].recognise(tree.get("annotations", tree["path"]))
    try:
        items = list_items(config)[:MOST_ITEMS]
    except ConfigError as error:
        return _refused(error)
    place = InFolder(work)
    settings = config.settings
    context = ScanItems(config.sources, settings.shots, settings.clips, 32, place, "scans", None)
    task = ScanTask("a", tuple(items))
    scan_to_file(task, context, work / "scans")
    scans = [scan for _, scan in read_scans(work / "scans" / "a.jsonl")]
    refs = tuple(ref for scan in scans for ref in scan.refs)[:MOST_REFS]
    if not refs:
        return scans[0].reject.reason if scans and scans[0].reject else "empty"
    stats = gather_stats(config.sources, sum_actions(config.sources, read_actions(work / "scans", task)), {})
    spec = ShardSpec(SHARD, "train", refs, "t", "l")
    write_plan(work / "plan.parquet", [spec])
    (spec,) = read_plan(work / "plan.parquet")
    LabelShards(config.sources, settings, place, None, stats=stats).run(spec)
    manifest = read_manifest(work, SHARD)
    if manifest is None:
        raise Broken("the manifest cannot be read back")
    if sum(1 for _ in read_tracks(work / "tracks" / f"{SHARD}.parquet")) != len(refs):
        raise Broken("stored clips are missing")
    faults: list[str] = []
    if shard_path(work, SHARD).is_file():
        for key, members in read_checked(shard_path(work, SHARD), faults):
            check_sample(key, "train", members, stats, faults)
    if faults:
        raise Broken(f"a sample breaks the contract: {faults[0]}")
    return "fine" if manifest.samples else manifest.rejects[0].reason


def _check(folder: Path, _: Path) -> str:
    lines = list(check_dataset(folder))
    for line in lines:
        _one_line(line)
    return "faults" if lines else "fine"


def _iterate(folder: Path, _: Path) -> str:
    for split in list_splits(folder):
        for sample in iterate(folder, split):
            for picture in (sample.marked, sample.clean, *sample.earlier, *sample.cameras):
                picture.pixels()
    return "fine"


def _report(folder: Path, work: Path) -> str:
    write_report(folder, work / "report.html")
    return "fine"


def _show(folder: Path, work: Path) -> str:
    write_contact_sheets(folder, work / "sheets", limit=2, cell=200)
    return "fine"


def _explain(folder: Path, _: Path) -> str:
    manifest = next(
        (read_manifest(folder, path.stem) for path in (folder / "meta/manifests").iterdir()), None
    )
    rows = manifest.samples if manifest else ()
    for line in explain_lines(folder, str(rows[0]["key"]) if rows else "v"):
        _one_line(line)
    return "fine"


def _relabel(folder: Path, work: Path) -> str:
    """The step alone: what starts it would cost more than it does."""
    settings = parse_config(read_config_tree(folder)).settings
    step = RelabelShards(InFolder(folder), InFolder(work), settings, None, stats=read_action_stats(folder))
    for spec in read_plan(plan_path(folder)):
        step.run(spec)
    return "fine"


def _export(form: str) -> Callable[[Path, Path], str]:
    def export(folder: Path, work: Path) -> str:
        export_data_set(Selection(folder), form, make_exporter(form), work / "new")
        return "fine"

    return export


# What reads a finished data set: (folder, a folder to write to) -> outcome
USES: dict[str, Callable[[Path, Path], str]] = {
    "check": _check,
    "iterate": _iterate,
    "report": _report,
    "show": _show,
    "explain": _explain,
    "relabel": _relabel,
    **{
        f"export {form}": _export(form)
        for form in ("tar", "llava", "parquet", "magma", "lerobot-annotations")
    },
}


def run_case(action: Callable[[], str]) -> str:
    """Run a case; anything but an outcome is raised.

    A refusal must be one line that can be shown on a terminal.
    """
    try:
        return action()
    except DataError as error:
        _one_line(error.message)
        return error.reason
    except (ConfigError, OutputError) as error:
        return _refused(error)


def _refused(error: Exception) -> str:
    _one_line(str(error))
    return "refused"


def _one_line(said: str) -> None:
    if "\n" in said or len(said) > 20_000:
        raise Broken(f"a message of {len(said)} characters, {said.count(chr(10)) + 1} lines: {said[:300]!r}")


def victims(folder: Path) -> list[list[Path]]:
    """The files below a folder, gathered by what they are: to choose the sort first is fairer to the rare."""
    sorts: dict[tuple[str, str], list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            sorts.setdefault((path.parent.name, path.suffix), []).append(path)
    return list(sorts.values())


def emptied(folder: Path) -> Path:
    """The folder with nothing in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
