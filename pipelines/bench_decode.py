"""What scanning and reading cost a frame, against decoding alone."""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

from somtom.pipelines.bench_figures import Figure, Findings
from somtom.schemas.reasons import DataError
from somtom.schemas.refs import Item, Scan
from somtom.schemas.settings import ClipSettings, ShotSettings
from somtom.sources.backends import open_video
from somtom.sources.video import VideoSource

VIDEOS = 12  # looked at, evenly over the folder


def bench_decode(videos: Path, runs: int) -> Findings:
    """Time scanning (all frames, small, with shot detection) and reading (all clips) of some videos."""
    source, shots, clips = VideoSource(path=str(videos), dataset="bench"), ShotSettings(), ClipSettings()
    items = list(source.items(0))
    items = items[:: max(1, len(items) // VIDEOS)][:VIDEOS]
    figures: list[tuple[float, float, float, int]] = []
    notes = ["video, ms of CPU a frame: decoding alone, scanning, reading all clips (per frame of them)"]
    for item in items:
        scan = source.scan(item, shots, clips, run_length=1_000_000)
        if not scan.refs:
            continue
        frames = scan.facts.frames
        wanted = len({pts for ref in scan.refs for pts in ref.frames})
        bare = _least(runs, lambda item=item: _decode(item, clips)) / frames  # type: ignore[misc]
        whole = _least(runs, lambda item=item: source.scan(item, shots, clips, 32)) / frames  # type: ignore[misc]
        read = _least(runs, lambda scan=scan: _read(source, scan, clips)) / wanted  # type: ignore[misc]
        figures.append((bare, whole, read, frames))
        size = f"{scan.facts.width} x {scan.facts.height} {scan.facts.codec}"
        notes.append(f"{item.uri} ({size}): {bare:.2f}, {whole:.2f}, {read:.2f}")
    if not figures:
        raise DataError("missing", f"{videos} holds no video with clips")
    bare, whole, read = (statistics.median(one[column] for one in figures) for column in range(3))
    return Findings(
        "decode",
        f"ms of CPU a frame, the median of {len(figures)} videos, each the least of {runs} runs",
        (
            Figure("decoding alone", bare, "ms/frame"),
            Figure("scanning", whole, "ms/frame"),
            Figure("reading clips", read, "ms/frame of a clip"),
            Figure("scanning / decoding alone", statistics.median(one[1] / one[0] for one in figures)),
        ),
        tuple(notes),
    )


def _least(runs: int, work: Callable[[], object]) -> float:
    """Milliseconds of CPU of the fastest run."""
    spent = []
    for _ in range(runs):
        begun = time.process_time()
        work()
        spent.append(1000 * (time.process_time() - begun))
    return min(spent)


def _decode(item: Item, clips: ClipSettings) -> None:
    with open_video("pyav", item.locator, clips) as video:
        for _ in video.pictures():
            pass


def _read(source: VideoSource, scan: Scan, clips: ClipSettings) -> None:
    for _ in source.read(scan.refs, clips):
        pass
