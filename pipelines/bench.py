"""`somtom bench`: how fast, how large and how exact, as ratios with the aims beside them."""

import contextlib
import difflib
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from somtom.pipelines.bench_build import bench_build, bench_workers
from somtom.pipelines.bench_decode import bench_decode
from somtom.pipelines.bench_figures import Findings, as_json, table_lines
from somtom.pipelines.bench_marks import bench_marks
from somtom.pipelines.bench_memory import bench_memory
from somtom.pipelines.bench_plan import bench_plan
from somtom.pipelines.bench_sources import bench_sources
from somtom.pipelines.bench_trackers import bench_trackers
from somtom.pipelines.bench_tracking import truth_paths
from somtom.pipelines.bench_trainer import bench_trainer
from somtom.pipelines.bench_writer import bench_writer
from somtom.pipelines.config_rules import ConfigError
from somtom.pipelines.samples import DEFAULT_KINDS, write_samples
from somtom.pipelines.track import override_tracking
from somtom.schemas.files import write_whole
from somtom.schemas.reasons import DataError
from somtom.tracking.trackers import tracker_factory

BUILT_WITH = ("dis", "lk")
SAMPLES, MANY_SAMPLES = 8, 60  # made-up videos; 15 and 120 clips
REFS, MANY_REFS = 100_000, 2_500_000  # clips that are planned, and nothing more


@dataclass(frozen=True)
class BenchOptions:
    """What is measured.

    Args:
        only: names of parts; empty for all.
        data: a folder of real inputs; None for made-up ones.
        runs: of each measurement; 0 for two, or three with `full`.
        full: the large sizes, which take about an hour, instead of about six minutes.
        json_path: where the figures go as well.
        trackers: those that are compared; empty for all there are.
        overrides: settings of theirs, such as "tracking.weights=cotracker3.pth".
        refs: how many clips are planned; 0 for a hundred thousand, or 2.5 million with `full`.
    """

    only: tuple[str, ...] = ()
    data: Path | None = None
    runs: int = 0
    full: bool = False
    json_path: Path | None = None
    trackers: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    refs: int = 0


class BenchInputs:
    """What the parts measure on, made when first wanted."""

    def __init__(self, options: BenchOptions, folder: Path) -> None:
        self.options = options
        self.runs = options.runs or (3 if options.full else 2)
        self.folder = folder

    @cached_property
    def samples(self) -> Path:
        """Made-up videos with their truth."""
        folder = self.folder / "samples"
        write_samples(folder, MANY_SAMPLES if self.options.full else SAMPLES, seed=0, kinds=["videos"])
        return folder

    @cached_property
    def folders(self) -> list[Path]:
        """What sources read: the folder of each kind of made-up input, or one's own."""
        if self.options.data is not None:
            return [self.options.data]
        folder = self.folder / "kinds"
        write_samples(folder, MANY_SAMPLES if self.options.full else SAMPLES, seed=0)
        return [folder / kind for kind in DEFAULT_KINDS]

    @cached_property
    def with_truth(self) -> Path:
        """Where videos with truth lie: one's own, or the made-up ones where those have none."""
        if self.options.data is not None:
            with contextlib.suppress(DataError):
                truth_paths(self.options.data)
                return self.options.data
        return self.samples

    @property
    def videos(self) -> Path:
        """What builds read."""
        return self.options.data or self.samples / "videos"


def _build(inputs: BenchInputs) -> Findings:
    return bench_build(inputs.videos, BUILT_WITH, inputs.runs)


def _workers(inputs: BenchInputs) -> Findings:
    overlap = 0.0 if inputs.options.data else 0.75 if inputs.options.full else 0.9
    return bench_workers(inputs.videos, "dis", inputs.runs, overlap)


def _memory(inputs: BenchInputs) -> Findings:
    return bench_memory(100, 1000, 120) if inputs.options.full else bench_memory(20, 200, 10)


def _writer(inputs: BenchInputs) -> Findings:
    return bench_writer(20_000 if inputs.options.full else 2_000, inputs.runs)


def _marks(inputs: BenchInputs) -> Findings:
    return bench_marks(inputs.videos)


def _decode(inputs: BenchInputs) -> Findings:
    return bench_decode(inputs.videos, inputs.runs)


def _sources(inputs: BenchInputs) -> Findings:
    return bench_sources(inputs.folders, inputs.runs)


def _tracking(inputs: BenchInputs) -> Findings:
    options = inputs.options
    return bench_trackers(
        inputs.with_truth,
        options.trackers,
        override_tracking(options.overrides),
        inputs.runs,
        inputs.folder,
    )


def _plan(inputs: BenchInputs) -> Findings:
    return bench_plan(inputs.options.refs or (MANY_REFS if inputs.options.full else REFS))


def _trainer(inputs: BenchInputs) -> Findings:
    return bench_trainer(inputs.videos, inputs.runs)


PARTS: dict[str, Callable[[BenchInputs], Findings]] = {
    "build": _build,
    "workers": _workers,
    "memory": _memory,
    "writer": _writer,
    "decode": _decode,
    "sources": _sources,
    "plan": _plan,
    "marks": _marks,
    "tracking": _tracking,
    "trainer": _trainer,
}


def bench_lines(options: BenchOptions) -> Iterator[str]:
    """Measure part after part and give each one's table as soon as it is there.

    Raises:
        ConfigError: an option is wrong.
    """
    _check(options)
    return _bench(options, options.only or tuple(PARTS))


def _check(options: BenchOptions) -> None:
    for name in options.only:
        if name not in PARTS:
            near = difflib.get_close_matches(name, PARTS, n=1, cutoff=0.0)[0]
            raise ConfigError(f"--only {name}: did you mean {near}? ({', '.join(PARTS)})")
    if options.data is not None and not options.data.is_dir():
        raise ConfigError(f"--data {options.data}: is no folder")
    if options.refs < 0:
        raise ConfigError(f"--refs {options.refs}: must be 1 or more")
    if options.runs < 0:
        raise ConfigError(f"--runs {options.runs}: must be 1 or more")
    override_tracking(options.overrides)
    for name in options.trackers:
        try:
            tracker_factory(name)
        except ValueError as error:
            raise ConfigError(f"--tracker {name}: {error}") from error


def _bench(options: BenchOptions, names: Sequence[str]) -> Iterator[str]:
    found: list[Findings] = []
    with tempfile.TemporaryDirectory(prefix="somtom-bench-") as name:
        inputs = BenchInputs(options, Path(name))
        for part in names:
            found.append(PARTS[part](inputs))
            yield from [*table_lines(found[-1]), ""]
            if options.json_path is not None:
                write_whole(options.json_path, json.dumps(as_json(found), indent=1).encode() + b"\n")
