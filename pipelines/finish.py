"""The finish stage: merge the manifests into meta/, balance the books, write the card, sweep up."""

import functools
import itertools
import json
import platform
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import cv2

from somtom.pipelines.buckets import Buckets
from somtom.pipelines.card import title_of, write_card
from somtom.pipelines.job_metrics import (
    METRICS,
    JobMetrics,
    forget_metrics,
    noted_metrics,
    read_metrics,
    write_metrics,
)
from somtom.pipelines.output import notes_path, work_path
from somtom.schemas.books import SCAN, Books, add_books
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
    count_scan,
    read_items,
    read_rejects,
    read_samples,
    write_counts,
    write_features,
    write_rejects,
    write_samples,
    write_wids,
)
from somtom.schemas.plan_table import PlannedShard
from somtom.schemas.reasons import Reject
from somtom.schemas.sample import extra_names
from somtom.schemas.sample_rows import SampleRow
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

    `firsts` are the first reject of each data set, stage and reason; `seconds`, `load` and `metrics` are of
    all runs.
    """

    books: tuple[Books, ...]
    firsts: tuple[Reject, ...]
    clips: int
    samples: int
    shards: int
    size_bytes: int
    seconds: dict[str, float]
    load: TrackerLoad = field(default_factory=TrackerLoad)
    metrics: JobMetrics = field(default_factory=JobMetrics)


def finish_build(folder: Path, planned: Sequence[PlannedShard], clips: int, settings: ClipSettings) -> Totals:
    """Write everything of meta/ that follows from the manifests; raises when the books do not balance."""
    listed = _merge_manifests(folder, planned)
    write_duplicates(folder, find_duplicates(read_samples(folder)))
    # Only samples have further members, and `check` can only see them there.
    extra = extra_names(settings.history, settings.cameras) if listed.samples else ()
    write_features(folder, extra)
    # Not the folder's name: the same build elsewhere must give the same bytes.
    names = sorted({one.source for one in listed.books})
    write_wids(folder, "-".join(names), listed.shards)
    write_energon(folder, listed.shards)
    write_croissant(folder, title_of(names), listed.shards, extra)
    write_provenance(folder)
    write_card(folder, title_of(names), extra)
    metrics = _keep_metrics(folder)
    _sweep(folder, {one.name for one in planned})
    if clips:
        _remove_views(folder)
    seconds: Counter[str] = Counter()
    for one in planned:
        seconds.update(read_timings(folder, one.name))
    return Totals(
        books=tuple(listed.books),
        firsts=tuple(listed.firsts.values()),
        clips=clips,
        samples=listed.samples,
        shards=sum(one.size_bytes > 0 for one in listed.shards),
        size_bytes=sum(one.size_bytes for one in listed.shards),
        seconds=dict(seconds),
        load=sum((read_tracker_load(folder, one.name) for one in planned), TrackerLoad()),
        metrics=metrics,
    )


@dataclass
class _Listed:
    """What is kept of all manifests, whose rows may be more than memory holds.

    `shards` are the manifests without rejects, and with nothing but the licence of each sample.
    """

    shards: list[Manifest] = field(default_factory=list)
    books: list[Books] = field(default_factory=list)
    firsts: dict[tuple[str, str, str], Reject] = field(default_factory=dict)
    samples: int = 0

    def add(self, manifest: Manifest) -> None:
        lean = tuple(_licence_row(str(row["licence"])) for row in manifest.samples)
        self.shards.append(replace(manifest, samples=lean, rejects=(), copies=()))
        self.books = add_books([*self.books, *manifest.books()])
        self.samples += len(lean)


@functools.cache
def _licence_row(licence: str) -> SampleRow:
    """A row that all samples of the licence share."""
    return {"licence": licence}


def _merge_manifests(folder: Path, planned: Sequence[PlannedShard]) -> _Listed:
    """Write samples, rejects and counts; each manifest is read once, and let go."""
    scan_rejects = [reject for reject in read_rejects(folder) if reject.stage == SCAN]
    listed = _Listed(books=count_scan(read_items(folder), scan_rejects))
    scratch = work_path(folder) / "rejects"
    shutil.rmtree(scratch, ignore_errors=True)
    aside = Buckets(scratch)

    def first_of(reject: Reject) -> Reject:
        listed.firsts.setdefault((reject.source, reject.stage, reject.reason), reject)
        return reject

    def rows() -> Iterator[SampleRow]:
        for manifest in _manifests(folder, planned):
            listed.add(manifest)
            _complete_index(folder, manifest)
            for reject in manifest.rejects:
                aside.add("label", astuple(reject))
            yield from manifest.samples

    write_samples(folder, rows())
    write_counts(folder, listed.books)
    labelled = (Reject(*row) for row in aside.read("label"))
    write_rejects(folder, map(first_of, itertools.chain(scan_rejects, labelled)))
    shutil.rmtree(scratch)
    return listed


def _keep_metrics(folder: Path) -> JobMetrics:
    """Add what this run's pipelines counted to what those of earlier runs did, apart: runs differ in it."""
    path = folder / META / TIMINGS / METRICS
    notes = notes_path(folder)
    counted = noted_metrics(notes)
    if counted.counters:
        counted.add(read_metrics([path]))
        write_metrics(path, counted)
        forget_metrics(notes)
    return read_metrics([path])


def _manifests(folder: Path, planned: Sequence[PlannedShard]) -> Iterator[Manifest]:
    for one in planned:
        manifest = read_manifest(folder, one.name)
        if manifest is None:
            raise RuntimeError(f"{one.name}: its manifest is missing or damaged; run the build again")
        yield manifest


def _complete_index(folder: Path, manifest: Manifest) -> None:
    """Index a shard that has no index, because it was removed or damaged, or an older version wrote none."""
    keys = [str(row["key"]) for row in manifest.samples]
    if keys and not has_index(folder, manifest.shard, keys):
        write_dali_index(folder, manifest.shard, list_members(shard_path(folder, manifest.shard)))


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
            if path.name.removesuffix(suffix) not in planned and path.name != METRICS:
                path.unlink()
