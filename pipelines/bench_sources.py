"""What a source costs beside a bare loop of the same decoding: clips a second, memory, bytes read to plan."""

import importlib
import itertools
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
from PIL import Image

from somtom.pipelines.bench_bare import Spool, Work, plan_bare
from somtom.pipelines.bench_figures import Figure, Findings
from somtom.pipelines.bench_process import own_cpu_s, own_peak_mb, run_apart
from somtom.pipelines.config import BuildConfig, parse_config
from somtom.pipelines.config_rules import ConfigError
from somtom.pipelines.peek import Sighting, peek
from somtom.schemas.clips import Clip
from somtom.schemas.reasons import DataError
from somtom.schemas.refs import Item, Ref
from somtom.sources.files import is_remote, local_path

MAX_ITEMS = 300  # of a data set that are scanned and read, evenly over it


@dataclass(frozen=True)
class Prepared:
    """What a source holds, and what must be decoded for it.

    Args:
        listed, items: how many there are, and how many of them were taken.
        clips, rejected: what became of them.
        works: the bare loop's.
        size_bytes: of the files that the source is made of.
    """

    listed: int
    items: int
    clips: int
    rejected: int
    works: tuple[Work, ...]
    size_bytes: int


@dataclass(frozen=True)
class Spent:
    """What one pass cost, in CPU seconds; the bytes are those that listing and scanning read."""

    list_s: float
    scan_s: float
    read_s: float
    planned_bytes: int
    peak_mb: float

    @property
    def total_s(self) -> float:
        """All together."""
        return self.list_s + self.scan_s + self.read_s


@dataclass(frozen=True)
class Looped:
    """What the bare loop cost, and how many pictures it gave."""

    cpu_s: float
    pictures: int
    peak_mb: float


def bench_sources(folders: Sequence[Path], runs: int) -> Findings:
    """List, scan and read what every kind finds in the folders, and decode the same in a plain loop.

    Raises:
        DataError: no kind knows what is there.
    """
    sightings = [one for folder in folders for one in peek(str(folder))]
    if not sightings:
        raise DataError("missing", f"no kind knows what lies in {', '.join(map(str, folders))}")
    figures: list[Figure] = []
    notes = [
        f"clips a second of CPU time, without imports and tracking; the least of {runs} interleaved runs",
        "ratio: of listing, scanning and reading to the bare loop; reading: of reading alone to it",
        "planning: CPU time of listing and scanning, and what they read of the source's files",
    ]
    for label, sighting in zip(_labels(sightings), sightings, strict=True):
        more, note = _measure(label, sighting, runs)
        figures += more
        notes.append(f"{label}: {note}")
    title = "each source beside a bare loop of the same decoding"
    return Findings("sources", title, tuple(figures), tuple(notes), is_grid=True)


def _labels(sightings: Sequence[Sighting]) -> list[str]:
    """The kinds, with the folder's name where several are of one kind."""
    count = Counter(one.kind for one in sightings)
    return [one.kind if count[one.kind] == 1 else f"{one.kind} ({Path(one.path).name})" for one in sightings]


def _measure(label: str, sighting: Sighting, runs: int) -> tuple[list[Figure], str]:
    """The figures of one source, and a line about what was measured."""
    with tempfile.TemporaryDirectory(prefix="somtom-bench-") as name:
        prepared: Prepared | str = run_apart(_prepare, sighting, Path(name) / "pictures").result
        if isinstance(prepared, str):
            return [], prepared
        passes: list[Spent] = []
        loops: list[Looped] = []
        for _ in range(runs):
            passes.append(run_apart(_pass_over, sighting).result)
            loops.append(run_apart(_loop, prepared.works).result)
    whole_s, read_s = min(one.total_s for one in passes), min(one.read_s for one in passes)
    plan_s = min(one.list_s + one.scan_s for one in passes)
    bare_s = min(one.cpu_s for one in loops)
    share = 100 * min(one.planned_bytes for one in passes) / max(prepared.size_bytes, 1)
    wanted, given = sum(map(len, prepared.works)), loops[0].pictures
    note = (
        f"{sighting.path}: {prepared.clips} clips of {prepared.items} items ({prepared.listed} listed, "
        f"{prepared.rejected} rejects), {wanted} pictures, {prepared.size_bytes / 1e6:.1f} MB"
    )
    if given != wanted:
        note += f"; the bare loop gave {given} pictures"
    columns = (
        ("source", prepared.clips / whole_s, "clips/s"),
        ("bare loop", prepared.clips / bare_s, "clips/s"),
        ("ratio", bare_s / whole_s, ""),
        ("reading", bare_s / read_s, "ratio"),
        ("planning", 1000 * plan_s / prepared.items, "ms/item"),
        ("planning reads", share, "% of files"),
        ("peak", min(one.peak_mb for one in passes), "MB"),
        ("bare peak", min(one.peak_mb for one in loops), "MB"),
    )
    return [Figure(f"{label}: {name}", value, unit) for name, value, unit in columns], note


def _config(sighting: Sighting) -> BuildConfig:
    return parse_config({"source": [{"kind": sighting.kind, **sighting.found.settings}]})


def _taken(items: Sequence[Item]) -> Sequence[Item]:
    return items[:: -(-len(items) // MAX_ITEMS)]


def _runs(refs: Sequence[Ref]) -> Iterator[list[Ref]]:
    """The refs that are read in one pass each."""
    for _, run in itertools.groupby(refs, key=lambda ref: (ref.uri, ref.run)):
        yield list(run)


def _prepare(sighting: Sighting, pictures: Path) -> Prepared | str:
    """Find what is readable; says why where nothing is."""
    try:
        config = _config(sighting)
        source, settings = config.sources[0], config.settings
        items = list(source.items(0))
    except (ConfigError, DataError, ValueError, OSError) as error:
        return f"{sighting.path}: not measured: {error}"
    refs: list[Ref] = []
    reasons: Counter[str] = Counter()
    for item in _taken(items):
        scan = source.scan(item, settings.shots, settings.clips, settings.output.clips_per_run)
        if scan.reject is not None:
            reasons[scan.reject.reason] += 1
        for run in _runs(scan.refs):
            for ref, clip in source.read(run, settings.clips):
                if isinstance(clip, Clip):
                    refs.append(ref)
                else:
                    reasons[clip.reason] += 1
    if not refs:
        return f"{sighting.path}: not measured: nothing of {len(items)} items can be read ({dict(reasons)})"
    try:
        with pictures.open("wb") as file:
            works = plan_bare(source, refs, settings.clips, Spool(pictures, file))
    except LookupError as error:
        return f"{sighting.path}: not measured: {error}"
    size_bytes = _size_bytes(sighting)
    return Prepared(len(items), len(_taken(items)), len(refs), reasons.total(), tuple(works), size_bytes)


def _size_bytes(sighting: Sighting) -> int:
    """Size of the files under every path that the settings name, each once."""
    files: dict[Path, int] = {}
    for value in sighting.found.settings.values():
        if isinstance(value, str) and "/" in value and not is_remote(value) and local_path(value).exists():
            path = local_path(value)
            for one in [path] if path.is_file() else path.rglob("*"):
                if one.is_file():
                    files[one] = one.stat().st_size
    return sum(files.values())


def _warm() -> None:
    """Import what sources import when they first need it: it is no cost of theirs."""
    for name in ("h5py", "pandas", "pyarrow.parquet"):  # pyarrow imports pandas where it can
        try:
            importlib.import_module(name)
        except ImportError:
            continue  # an extra that is not there
    Image.init()
    cv2.setNumThreads(1)


def _bytes_read() -> int:
    """Bytes that this process and its ended children have read so far, from the disk or from the cache."""
    counts = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(counts["rchar"])


def _pass_over(sighting: Sighting) -> Spent:
    _warm()
    config = _config(sighting)
    source, settings = config.sources[0], config.settings
    read_before, marks = _bytes_read(), [own_cpu_s()]
    items = _taken(list(source.items(0)))
    marks.append(own_cpu_s())
    refs: list[Ref] = []
    for item in items:
        refs += source.scan(item, settings.shots, settings.clips, settings.output.clips_per_run).refs
    marks.append(own_cpu_s())
    planned_bytes = _bytes_read() - read_before
    for run in _runs(refs):
        for _ in source.read(run, settings.clips):
            pass
    marks.append(own_cpu_s())
    list_s, scan_s, read_s = (after - before for before, after in itertools.pairwise(marks))
    return Spent(list_s, scan_s, read_s, planned_bytes, own_peak_mb())


def _loop(works: Sequence[Work]) -> Looped:
    _warm()
    begun = own_cpu_s()
    pictures = sum(work.decode() for work in works)
    return Looped(max(own_cpu_s() - begun, 1e-6), pictures, own_peak_mb())
