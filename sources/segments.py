"""The clips inside one annotated stretch of a video: only that stretch is sought and decoded."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scenedetect.detector import SceneDetector

from somtom.schemas.reasons import DataError
from somtom.schemas.settings import ClipSettings, ShotSettings
from somtom.sources.annotations import Row
from somtom.sources.clips import Clips, cut_clips, frame_interval, sampling_of
from somtom.sources.pictures import Video, check_size
from somtom.sources.shots import detector_maker
from somtom.sources.timeline import Shot, Timeline, record_timeline
from somtom.sources.video_refs import lay_clips

SLACK_S = 0.001  # times in annotations are rounded
END_PTS = 1 << 62


@dataclass(frozen=True)
class Segment:
    """The clips of a row, and the frames they are of.

    `widened_s` is how much of the clip lies outside the row.
    """

    timeline: Timeline
    cut: Clips
    widened_s: float = 0.0


def cut_segment(video: Video, row: Row, shots: ShotSettings, clips: ClipSettings, widen_s: float) -> Segment:
    """Lay clips into a row; one that is shorter than a clip is widened by up to `widen_s` to hold one.

        video    |---------- shot ----------|------- shot -------|
        row                             |==|
        clip                  |------------|       about the row's middle, moved to stay in its shot

    Raises:
        DataError: why there is none.
    """
    base = video.info.time_base
    first_pts = _first_pts(video)

    def record(start_s: float, stop_s: float) -> Timeline:
        first = first_pts + math.ceil((max(start_s, 0.0) - SLACK_S) / base)
        last = END_PTS if stop_s == math.inf else first_pts + math.floor((stop_s + SLACK_S) / base)
        timeline = record_timeline(video, make_detector, (max(first, first_pts), last))
        if timeline.parts > 1:
            raise DataError("bad_timestamps", "the clock jumps back within the row: remux the file")
        return timeline

    make_detector: Callable[[], SceneDetector] | None = detector_maker(shots)
    timeline = record(row.start_s, row.stop_s)
    try:
        if len(timeline.pts):
            return Segment(timeline, lay_clips(timeline, video.info, shots, clips))
        raise _no_frame(row, timeline)
    except DataError as error:
        if widen_s == 0 or row.stop_s == math.inf or error.reason not in ("too_short", "bad_record"):
            raise
    timeline = record(row.start_s - widen_s, row.stop_s + widen_s)
    if not len(timeline.pts):
        raise _no_frame(row, timeline)
    return _widened(timeline, video, row, clips, widen_s, first_pts)


def _first_pts(video: Video) -> int:
    """Time of the first picture, from which annotations count."""
    for picture in video.pictures():
        if picture.pts is not None and not picture.damaged:
            return picture.pts
    raise DataError(
        "undecodable", f"no frame of the {video.info.codec} stream could be decoded: fetch it again"
    )


def _no_frame(row: Row, timeline: Timeline) -> DataError:
    if timeline.damaged or timeline.errors:
        return DataError(
            "undecodable",
            f"no frame from {row.start_s:g} to {row.stop_s:g} s could be decoded ({timeline.damaged} damaged,"
            f" {timeline.errors} failed packets): fetch the video again",
        )
    return DataError(
        "bad_record",
        f"no frame of the video lies from {row.start_s:g} to {row.stop_s:g} s: correct the times",
    )


def _widened(
    timeline: Timeline, video: Video, row: Row, clips: ClipSettings, widen_s: float, first_pts: int
) -> Segment:
    base = float(video.info.time_base)
    times = (timeline.pts - first_pts).astype(np.float64) * base
    interval_s = frame_interval(times)
    if row.start_s > times[-1] + interval_s or row.stop_s < times[0] - interval_s:
        raise _no_frame(row, timeline)
    need_s = clips.steps * sampling_of(interval_s, clips).step_s

    def piece(shot: Shot) -> tuple[float, float]:
        start_s, end_s = float(times[shot.first]), float(times[shot.end - 1])
        return min(max(row.start_s, start_s), end_s), max(min(row.stop_s, end_s), start_s)

    shot = max(timeline.shots, key=lambda shot: piece(shot)[1] - piece(shot)[0])
    check_size(shot.width, shot.height, clips)
    start_s, stop_s = piece(shot)
    earliest, latest = float(times[shot.first]), float(times[shot.end - 1])
    if need_s - (stop_s - start_s) <= widen_s + SLACK_S:
        wanted_s = max(earliest, min((start_s + stop_s - need_s) / 2, latest - need_s))
        first = max(shot.first, int(np.searchsorted(times, wanted_s + SLACK_S, side="right")) - 1)
        cut = cut_clips(times, [(first, shot.end)], interval_s, replace(clips, max_per_video=0))
        if cut.frames and cut.frames[0][0] == first:
            clip = cut.frames[0]
            outside_s = max(row.start_s - times[clip[0]], 0.0) + max(times[clip[-1]] - row.stop_s, 0.0)
            return Segment(timeline, replace(cut, frames=(clip,)), float(outside_s))
        if cut.gaps:
            raise DataError("frame_gap", f"frames are missing around the row's {stop_s - start_s:.2f} s")
    raise DataError(
        "too_short",
        f"the row has {stop_s - start_s:.2f} s in a shot of {latest - earliest:.2f} s looked at;"
        f" a clip needs {need_s:.2f} s: raise widen_s ({widen_s:g}) or lower clips.steps",
    )
