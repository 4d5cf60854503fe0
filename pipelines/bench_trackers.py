"""Trackers side by side on the same clips: how good they are, and what they cost."""

import importlib.util
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from somtom.pipelines.bench_figures import Figure, Findings
from somtom.pipelines.bench_process import run_apart
from somtom.pipelines.bench_tracking import (
    CLIP_FRAMES,
    TrackingRow,
    bench_tracking,
    format_rows,
    read_known_video,
    truth_paths,
)
from somtom.schemas.settings import TrackingSettings
from somtom.tracking.cotracker3 import TORCH, WEIGHTS_LICENCE
from somtom.tracking.trackers import TRACKERS, make_tracker, track_clip

WITH_WEIGHTS = ("cotracker3", "cotracker3-official")
# TAP-Vid average Jaccard, percent, and F1 of moving points, that the trackers shall reach.
AIMS = {"dis": (70.0, 92.0), "lk": (65.0, 85.0)}
WARM_UP_FRAMES = 2
_MB = 1 << 20


@dataclass(frozen=True)
class TrackerCost:
    """What tracking a clip's points cost, once everything was loaded; a GPU's memory is 0 without one.

    `peak_mb` is the whole process, its imports included.
    """

    cpu_ms_per_frame: float
    wall_ms_per_frame: float
    peak_mb: float
    gpu_mb: float


def bench_trackers(
    folder: Path,
    names: Sequence[str],
    settings: TrackingSettings,
    runs: int,
    scratch: Path,
) -> Findings:
    """Score trackers on all videos with truth under `folder`, and measure what a clip of them costs.

    A tracker with weights of which none are set is given made-up ones, written to `scratch`: its cost is the
    same, its tracks are nonsense and are not scored. One that cannot be made is left out, and the notes say
    why. The cost is the least of some runs, each in a process of its own, on the first clip of the first
    video.

    Args:
        names: of `TRACKERS`, or "module:Class"; none for all of `TRACKERS`.
        settings: of all of them.

    Raises:
        DataError: there is no video with truth.
    """
    able: list[TrackingSettings] = []
    made_up, notes = [], []
    for name in names or sorted(TRACKERS):
        wanted = replace(settings, tracker=name)
        if name in WITH_WEIGHTS and not settings.weights and importlib.util.find_spec(TORCH):
            wanted = _with_made_up_weights(wanted, scratch)
            made_up.append(name)
        try:
            make_tracker(wanted)
        except ValueError as error:
            notes.append(f"{name} is left out: {error}")
        else:
            able.append(wanted)
    if made_up:
        notes.append(
            f"{', '.join(made_up)}: made-up weights, for the cost alone; for scores give --set "
            f'tracking.weights=FILE --set tracking.accept_licence="{WEIGHTS_LICENCE}"'
        )
    rows = bench_tracking(folder, [one for one in able if one.tracker not in made_up])
    costs = _measure(*truth_paths(folder)[0], able, runs)
    figures = [figure for one in able for figure in _figures(one.tracker, rows, costs[one.tracker])]
    tables = [*summary_lines(costs, rows), "", *(format_rows(rows).splitlines() if rows else [])]
    return Findings(
        "tracking",
        "TAP-Vid scores and the moving/static split against the truth, and what trackers cost",
        tuple(figures),
        (*tables, *notes),
    )


def _with_made_up_weights(settings: TrackingSettings, scratch: Path) -> TrackingSettings:
    from somtom.tracking.cotracker3_made_up import write_made_up_weights

    path = scratch / "made_up.pth"
    if not path.is_file():
        write_made_up_weights(path)
    return replace(settings, weights=str(path), weights_sha256="", accept_licence=WEIGHTS_LICENCE)


def track_cost(video: Path, truth: Path, settings: TrackingSettings) -> tuple[float, float, float]:
    """Track the first clip of a video: CPU and wall-clock milliseconds a frame, and MB of a GPU's memory."""
    cv2.setNumThreads(1)
    known = read_known_video(video, truth)
    frames = known.frames[:CLIP_FRAMES]
    tracker = make_tracker(settings)
    track_clip(tracker, frames[:WARM_UP_FRAMES], known.queries, settings)
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    track_clip(tracker, frames, known.queries, settings)
    cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - wall_s
    torch = sys.modules.get(TORCH)
    gpu_mb = torch.cuda.max_memory_allocated() / _MB if torch and torch.cuda.is_available() else 0.0
    return 1000 * cpu_s / len(frames), 1000 * wall_s / len(frames), gpu_mb


def _measure(
    video: Path, truth: Path, trackers: Sequence[TrackingSettings], runs: int
) -> dict[str, TrackerCost]:
    """Run the trackers in turn, each some times, of which the least counts."""
    figures = np.zeros((len(trackers), runs, 4))
    for run in range(runs):
        for number, settings in enumerate(trackers):
            cost = run_apart(track_cost, video, truth, settings)
            cpu_ms, wall_ms, gpu_mb = cost.result
            figures[number, run] = cpu_ms, wall_ms, cost.peak_mb, gpu_mb
    least = figures.min(axis=1)
    return {one.tracker: TrackerCost(*map(float, row)) for one, row in zip(trackers, least, strict=True)}


def _means(tracker: str, rows: Sequence[TrackingRow]) -> list[float]:
    """A tracker's mean delta_avg, OA, AJ and F1 of moving points, in percent; empty where it has no rows."""
    own = [
        [row.tracks.delta_avg, row.tracks.occlusion_accuracy, row.tracks.average_jaccard, row.moving.f1]
        for row in rows
        if row.tracker == tracker
    ]
    return [100 * float(mean) for mean in np.mean(own, axis=0)] if own else []


def _figures(tracker: str, rows: Sequence[TrackingRow], cost: TrackerCost) -> list[Figure]:
    figures = []
    if means := _means(tracker, rows):
        jaccard, f1 = AIMS.get(tracker, (None, None))
        figures.append(Figure(f"{tracker}: average Jaccard", means[2], "%", at_least=jaccard))
        figures.append(Figure(f"{tracker}: F1 of moving", means[3], "%", at_least=f1))
    figures.append(Figure(f"{tracker}: tracking, CPU", cost.cpu_ms_per_frame, "ms/frame"))
    figures.append(Figure(f"{tracker}: peak memory", cost.peak_mb, "MB"))
    return figures


def summary_lines(costs: dict[str, TrackerCost], rows: Sequence[TrackingRow]) -> list[str]:
    """A Markdown table with a line a tracker; "-" where there is nothing to say."""
    lines = [
        "| tracker | delta_avg | OA | AJ | F1 | CPU ms/frame | wall ms/frame | peak MB | GPU MB |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for tracker, cost in costs.items():
        scores = [f"{mean:.1f}" for mean in _means(tracker, rows)] or ["-"] * 4
        spent = [f"{cost.cpu_ms_per_frame:.1f}", f"{cost.wall_ms_per_frame:.1f}", f"{cost.peak_mb:.0f}"]
        spent.append(f"{cost.gpu_mb:.0f}" if cost.gpu_mb else "-")
        lines.append(f"| {' | '.join([tracker, *scores, *spent])} |")
    return lines
