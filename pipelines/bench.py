"""`somtom bench`: how fast, how large and how exact, as ratios with the aims beside them."""

import difflib
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from somtom.pipelines.bench_build import bench_build, bench_workers
from somtom.pipelines.bench_decode import bench_decode
from somtom.pipelines.bench_figures import Figure, Findings, as_json, table_lines
from somtom.pipelines.bench_memory import bench_memory
from somtom.pipelines.bench_sources import bench_sources
from somtom.pipelines.bench_tracking import bench_tracking, format_rows
from somtom.pipelines.bench_writer import bench_writer
from somtom.pipelines.config_rules import ConfigError
from somtom.pipelines.samples import SAMPLE_KINDS, write_samples
from somtom.schemas.files import write_whole

TRACKERS = ("dis", "lk")
# TAP-Vid average Jaccard, percent, and F1 of moving points, that the trackers shall reach.
TRACKING_AIMS = {"dis": (70.0, 92.0), "lk": (65.0, 85.0)}
SAMPLES, MANY_SAMPLES = 8, 60  # made-up videos; 15 and 120 clips


@dataclass(frozen=True)
class BenchOptions:
    """What is measured.

    Args:
        only: names of parts; empty for all.
        data: a folder of real inputs; None for made-up ones.
        runs: of each measurement; 0 for two, or three with `full`.
        full: the large sizes, which take about an hour, instead of about five minutes.
        json_path: where the figures go as well.
    """

    only: tuple[str, ...] = ()
    data: Path | None = None
    runs: int = 0
    full: bool = False
    json_path: Path | None = None


class BenchInputs:
    """What the parts measure on, made when first wanted."""

    def __init__(self, options: BenchOptions, folder: Path) -> None:
        self.options = options
        self.runs = options.runs or (3 if options.full else 2)
        self._folder = folder

    @cached_property
    def samples(self) -> Path:
        """Made-up videos with their truth."""
        folder = self._folder / "samples"
        write_samples(folder, MANY_SAMPLES if self.options.full else SAMPLES, seed=0, kinds=["videos"])
        return folder

    @cached_property
    def folders(self) -> list[Path]:
        """What sources read: the folder of each kind of made-up input, or one's own."""
        if self.options.data is not None:
            return [self.options.data]
        folder = self._folder / "kinds"
        write_samples(folder, MANY_SAMPLES if self.options.full else SAMPLES, seed=0)
        return [folder / kind for kind in SAMPLE_KINDS]

    @property
    def videos(self) -> Path:
        """What builds read."""
        return self.options.data or self.samples / "videos"


def _build(inputs: BenchInputs) -> Findings:
    return bench_build(inputs.videos, TRACKERS, inputs.runs)


def _workers(inputs: BenchInputs) -> Findings:
    overlap = 0.0 if inputs.options.data else 0.75 if inputs.options.full else 0.9
    return bench_workers(inputs.videos, "dis", inputs.runs, overlap)


def _memory(inputs: BenchInputs) -> Findings:
    return bench_memory(100, 1000, 120) if inputs.options.full else bench_memory(20, 200, 10)


def _writer(inputs: BenchInputs) -> Findings:
    return bench_writer(20_000 if inputs.options.full else 2_000, inputs.runs)


def _decode(inputs: BenchInputs) -> Findings:
    return bench_decode(inputs.videos, inputs.runs)


def _sources(inputs: BenchInputs) -> Findings:
    return bench_sources(inputs.folders, inputs.runs)


def _tracking(inputs: BenchInputs) -> Findings:
    with_truth = inputs.options.data is not None and any(inputs.options.data.glob("*.npz"))
    folder = inputs.options.data if with_truth and inputs.options.data is not None else inputs.samples
    rows = bench_tracking(folder, TRACKERS)
    figures = []
    for tracker, (jaccard, f1) in TRACKING_AIMS.items():
        own = [row for row in rows if row.tracker == tracker]
        mean_jaccard = 100 * sum(row.tracks.average_jaccard for row in own) / len(own)
        mean_f1 = 100 * sum(row.moving.f1 for row in own) / len(own)
        figures.append(Figure(f"{tracker}: average Jaccard", mean_jaccard, "%", at_least=jaccard))
        figures.append(Figure(f"{tracker}: F1 of moving", mean_f1, "%", at_least=f1))
        figures.append(
            Figure(f"{tracker}: tracking", sum(row.ms_per_frame for row in own) / len(own), "ms/frame")
        )
    notes = tuple(format_rows(rows).splitlines())
    return Findings(
        "tracking", "TAP-Vid scores and the moving/static split against the truth", tuple(figures), notes
    )


PARTS: dict[str, Callable[[BenchInputs], Findings]] = {
    "build": _build,
    "workers": _workers,
    "memory": _memory,
    "writer": _writer,
    "decode": _decode,
    "sources": _sources,
    "tracking": _tracking,
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
    if options.runs < 0:
        raise ConfigError(f"--runs {options.runs}: must be 1 or more")


def _bench(options: BenchOptions, names: Sequence[str]) -> Iterator[str]:
    found: list[Findings] = []
    with tempfile.TemporaryDirectory(prefix="somtom-bench-") as name:
        inputs = BenchInputs(options, Path(name))
        for part in names:
            found.append(PARTS[part](inputs))
            yield from [*table_lines(found[-1]), ""]
            if options.json_path is not None:
                write_whole(options.json_path, json.dumps(as_json(found), indent=1).encode() + b"\n")
