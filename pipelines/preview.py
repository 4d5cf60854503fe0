"""A video of a tracked clip for people: every frame with the traces up to it."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from somtom.marks.draw import draw_traces
from somtom.pipelines.samples_videos import encode_video
from somtom.schemas.clips import Clip
from somtom.schemas.marks import Mark, Marks
from somtom.schemas.motion import Motion
from somtom.schemas.tracks import Tracks
from somtom.tracking.trackers import map_points

TAIL = 5  # steps of a trace that are drawn behind its point


def write_preview(path: Path, clip: Clip, tracks: Tracks, motion: Motion) -> None:
    """Write an H.264 video at the clip's pace; moving traces are warm, static ones cool, unseen steps thin.

    `tracks` are in pixels of the upright source picture, the video has the clip's size (even numbers).
    """
    pace = round(1.0 / max(float(np.diff(clip.times_s).mean()), 1e-3))
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        encode_video(aside, np.stack(list(draw_frames(clip, tracks, motion))), max(pace, 1))
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def draw_frames(clip: Clip, tracks: Tracks, motion: Motion) -> Iterator[NDArray[np.uint8]]:
    """Draw each frame of the clip with the last `TAIL` steps of its traces; sides are cut to even numbers."""
    scale = np.array([clip.width / clip.source_width, clip.height / clip.source_height])
    traces = np.concatenate([map_points(tracks.xy, scale), tracks.seen[..., None]], axis=2).astype(np.float32)
    marks = tuple(
        Mark(number, float(x), float(y), foreground=bool(moves))
        for number, ((x, y, _), moves) in enumerate(zip(traces[0], motion.moving, strict=True), start=1)
    )
    width, height = clip.width // 2 * 2, clip.height // 2 * 2
    for frame, picture in enumerate(clip.frames):
        tail = traces[max(0, frame - TAIL) : frame + 1]
        drawn = draw_traces(picture, Marks(marks, tail))
        for mark, (x, y, seen) in zip(marks, traces[frame], strict=True):
            if seen and 0 <= x < clip.width and 0 <= y < clip.height:
                colour = (255, 40, 0) if mark.foreground else (0, 90, 255)
                cv2.circle(drawn, (round(float(x)), round(float(y))), 3, colour, -1, cv2.LINE_AA)
        yield drawn[:height, :width]
