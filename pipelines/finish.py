"""The finish stage: merge the manifests into meta/, balance the books, write the card, sweep up."""

import json
import platform
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import cv2

from somtom.pipelines.card import title_of, write_card
from somtom.pipelines.output import work_path
from somtom.schemas.books import SCAN, Books, add_books, count_books
from somtom.schemas.croissant import write_croissant
from somtom.schemas.duplicates import find_duplicates, write_duplicates
from somtom.schemas.energon import write_energon
from somtom.schemas.files import sweep_temporaries, write_whole
from somtom.schemas.folder import (
    DALI,
    MANIFESTS,
    META,
    PROVENANCE,
    REPORT,
    SHARDS,
    SHEETS,
    TIMINGS,
    TRACKS,
    shard_path,
)
from somtom.schemas.manifest import Manifest, read_manifest, read_timings, read_tracker_load
from somtom.schemas.meta_tables import (
    read_items,
    read_rejects,
    write_counts,
    write_features,
    write_rejects,
    write_samples,
    write_wids,
)
from somtom.schemas.plan_table import PlannedShard
from somtom.schemas.reasons import Reject
from somtom.schemas.sample import extra_names
from somtom.schemas.settings import ClipSettings
from somtom.schemas.shard_index import has_index, write_dali_index
from somtom.schemas.tar import list_members
from somtom.schemas.tracker_load import TrackerLoad

PACKAGES = (
    "somtom",
    "apache-beam",
    "av",
    "decord2",
    "numpy",
    "opencv-python-headless",
    "pillow",
    "pyarrow",
    "scenedetect-headless",
    "torch",
)


@dataclass(frozen=True)
class Totals:
    """What a finished data set holds, and how many `clips` of it this run labelled.

    `firsts` are the first reject of each data set, stage and reason; `seconds` and `load` are of all runs.
    """

    books: tuple[Books, ...]
    firsts: tuple[Reject, ...]
    clips: int
    samples: int
    shards: int
    size_bytes: int
    seconds: dict[str, float]
    load: TrackerLoad = field(default_factory=TrackerLoad)


def finish_build(folder: Path, planned: Sequence[PlannedShard], clips: int, settings: ClipSettings) -> Totals:
    """Write everything of meta/ that follows from the manifests; raises when the books do not balance."""
    manifests = list(_manifests(folder, planned))
    scan_rejects = [reject for reject in read_rejects(folder) if reject.stage == SCAN]
    items: Counter[str] = Counter()
    useful: Counter[str] = Counter()
    for row in read_items(folder):
        items[row.source] += 1
        useful[row.source] += row.refs > 0
    books = add_books(
        [
            *count_books(SCAN, items, useful, scan_rejects),
            *(one for manifest in manifests for one in manifest.books()),
        ]
    )
    write_counts(folder, books)
    rejects: list[Reject] = [*scan_rejects, *(one for manifest in manifests for one in manifest.rejects)]
    write_rejects(folder, rejects)
    write_samples(folder, (row for manifest in manifests for row in manifest.samples))
    write_duplicates(folder, find_duplicates(row for manifest in manifests for row in manifest.samples))
    # Only samples have further members, and `check` can only see them there.
    has_samples = any(manifest.samples for manifest in manifests)
    extra = extra_names(settings.history, settings.cameras) if has_samples else ()
    write_features(folder, extra)
    # Not the folder's name: the same build elsewhere must give the same bytes.
    names = sorted({one.source for one in books})
    write_wids(folder, "-".join(names), manifests)
    write_energon(folder, manifests)
    write_croissant(folder, title_of(names), manifests, extra)
    _complete_indices(folder, manifests)
    write_provenance(folder)
    write_card(folder, title_of(names), extra)
    _sweep(folder, {one.name for one in planned})
    if clips:
        _remove_views(folder)
    seconds: Counter[str] = Counter()
    for one in planned:
        seconds.update(read_timings(folder, one.name))
    return Totals(
        books=tuple(books),
        firsts=tuple({(one.source, one.stage, one.reason): one for one in reversed(rejects)}.values()),
        clips=clips,
        samples=sum(len(manifest.samples) for manifest in manifests),
        shards=sum(manifest.size_bytes > 0 for manifest in manifests),
        size_bytes=sum(manifest.size_bytes for manifest in manifests),
        seconds=dict(seconds),
        load=sum((read_tracker_load(folder, one.name) for one in planned), TrackerLoad()),
    )


def _manifests(folder: Path, planned: Sequence[PlannedShard]) -> Iterator[Manifest]:
    for one in planned:
        manifest = read_manifest(folder, one.name)
        if manifest is None:
            raise RuntimeError(f"{one.name}: its manifest is missing or damaged; run the build again")
        yield manifest


def _complete_indices(folder: Path, manifests: Sequence[Manifest]) -> None:
    """Index the shards that have none: it was removed, cut off, or an older version wrote them."""
    for one in manifests:
        if one.samples and not has_index(folder, one.shard, [str(row["key"]) for row in one.samples]):
            write_dali_index(folder, one.shard, list_members(shard_path(folder, one.shard)))


def write_provenance(folder: Path) -> None:
    """Write what the data set was made with; it differs from machine to machine, so it is never compared."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    facts = {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": cv2.getCPUFeaturesLine(),
        "packages": versions,
    }
    write_whole(folder / META / PROVENANCE, json.dumps(facts, indent=1).encode() + b"\n")


def _remove_views(folder: Path) -> None:
    """Remove what was drawn of the data set as it was: it may show what is taken out by now."""
    shutil.rmtree(folder / META / SHEETS, ignore_errors=True)
    (folder / META / REPORT).unlink(missing_ok=True)


def _sweep(folder: Path, planned: set[str]) -> None:
    """Remove what attempts that died left, what only a run under way needs, and shards of no plan."""
    sweep_temporaries(folder)
    shutil.rmtree(work_path(folder), ignore_errors=True)
    for part, suffix in (
        (SHARDS, ".tar"),
        (TRACKS, ".parquet"),
        (f"{META}/{MANIFESTS}", ".json"),
        (f"{META}/{TIMINGS}", ".json"),
        (f"{META}/{DALI}", ".idx"),
    ):
        for path in (folder / part).glob(f"*{suffix}"):
            if path.name.removesuffix(suffix) not in planned:
                path.unlink()
