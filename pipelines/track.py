"""Tracks one clip of a video and writes its tracks, in the video's own pixels, for people and programs."""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePath

import cv2
import numpy as np
from numpy.typing import NDArray

from somtom.pipelines.config import apply_overrides, parse_config
from somtom.pipelines.config_rules import BOUNDS, ConfigError
from somtom.pipelines.preview import write_preview
from somtom.schemas.clips import Clip
from somtom.schemas.files import write_whole
from somtom.schemas.keys import sample_key
from somtom.schemas.motion import Motion
from somtom.schemas.reasons import DataError
from somtom.schemas.refs import Ref
from somtom.schemas.settings import ClipSettings, MotionSettings, TrackingSettings
from somtom.schemas.tracks import Tracks
from somtom.sources.backends import open_video
from somtom.sources.clips import frame_interval
from somtom.sources.files import open_binary
from somtom.sources.fingerprint import fingerprint
from somtom.sources.reading import read_clips
from somtom.sources.sniff import HEAD_BYTES, check_is_video
from somtom.sources.timeline import Timeline, record_timeline
from somtom.tracking.grid import grid_queries
from somtom.tracking.motion import estimate_motion
from somtom.tracking.trackers import make_tracker, map_points, track_clip

MAX_FRAMES = 300  # what is held at once: pictures of 512 pixels, and 7 MB of flow a frame


@dataclass(frozen=True)
class TrackRequest:
    """What to track.

    Args:
        video: a local path or a Beam URI.
        tracker: a name of TRACKERS, or "module:Class".
        grid: grid x grid query points on the first frame.
        start_s: seconds in the video's own time; the first frame at or behind it is taken.
        frames: how many are tracked; fewer where the video ends before.
        step_s: seconds between them (the nearest frames); 0.0 takes every frame.
        overrides: further settings of the tracking, such as "tracking.weights=cotracker3.pth".
    """

    video: str
    tracker: str = "dis"
    grid: int = 15
    start_s: float = 0.0
    frames: int = 17
    step_s: float = 0.0
    overrides: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrackedClip:
    """A clip's pictures, and its tracks and motion in the pixels of the upright video."""

    clip: Clip
    tracks: Tracks
    motion: Motion


def track_video(request: TrackRequest, output: Path, preview: Path | None) -> str:
    """Track the clip, write the arrays to `output` (.npz) and, if asked, a video to look at.

    The arrays: queries (N, 3) float32 frame, x, y; tracks (T, N, 2) float32, not compensated; visible (T, N)
    bool; moving (N,) bool; background_motion (T, 3, 3) float64, frame 0 to t; epsilon, pixels per step; and
    times_s (T,) float64, size (2,) width and height.

    Returns:
        What was done, in one line.

    Raises:
        ConfigError: a number, the tracker's name or a file's ending is wrong.
        DataError: the video cannot be used.
    """
    _check(request, output, preview)
    done = track_request(request)
    clip, tracks, motion = done.clip, done.tracks, done.motion
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        allow_pickle=False,
        queries=tracks.queries,
        tracks=tracks.xy,
        visible=tracks.seen,
        moving=motion.moving,
        background_motion=motion.background_motion,
        epsilon=np.float64(motion.epsilon),
        times_s=clip.times_s,
        size=np.array([clip.source_width, clip.source_height]),
    )
    write_whole(output, buffer.getvalue())
    line = (
        f"{output}: {len(tracks.queries)} points over {len(clip.frames)} frames "
        f"({clip.times_s[0]:.3f} to {clip.times_s[-1]:.3f} s) of {clip.source_width} x {clip.source_height}; "
        f"{int(motion.moving.sum())} move more than epsilon, {motion.epsilon:.3f} px a step; "
        f"the camera {'moved' if motion.camera_moved else 'stood still'}"
    )
    if preview is not None:
        write_preview(preview, clip, tracks, motion)
        line += f"; look at {preview}"
    return line


def track_request(request: TrackRequest) -> TrackedClip:
    """Read and track what the request names."""
    cv2.setNumThreads(1)  # results must not depend on how many processors there are
    tracking = tracking_settings(request)
    tracker = make_tracker(tracking)
    clip = _read(request)
    queries = grid_queries(clip.width, clip.height, request.grid)
    small = track_clip(tracker, clip.frames, queries, tracking)
    width, height = clip.source_width, clip.source_height
    enlarge = np.array([width / clip.width, height / clip.height])
    tracks = Tracks(
        queries=grid_queries(width, height, request.grid),
        xy=map_points(small.xy, enlarge),
        visible=small.visible,
        confidence=small.confidence,
    )
    # As in a build: a video slower than the step asked for may move more in each of its steps.
    interval_s = float(np.diff(clip.times_s).mean())
    slower = max(1.0, interval_s / request.step_s) if request.step_s else 1.0
    key = sample_key("track", "", PurePath(request.video).name, "", float(clip.times_s[0]))
    motion = estimate_motion(tracks, width, height, slower, MotionSettings(), False, key)
    return TrackedClip(clip, tracks, motion)


def _check(request: TrackRequest, output: Path, preview: Path | None) -> None:
    numbers = {
        "--grid": (request.grid, *BOUNDS["tracking.grid"]),
        "--frames": (request.frames, 2, MAX_FRAMES),
        "--start": (request.start_s, 0.0, 1e7),
        "--step-s": (request.step_s, 0.0, BOUNDS["clips.step_s"][1]),
    }
    for name, (value, low, high) in numbers.items():
        if not low <= value <= high:  # also refuses NaN
            raise ConfigError(f"{name} {value:g}: must be {low:g} to {high:g}")
    for name, path, ending in (("-o", output, ".npz"), ("--preview", preview, ".mp4")):
        if path is not None and path.suffix.lower() != ending:
            raise ConfigError(f"{name} {path}: the file's name must end in {ending}")
    try:
        make_tracker(tracking_settings(request))
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError(f"--tracker {request.tracker}: {error}") from error


def tracking_settings(request: TrackRequest) -> TrackingSettings:
    """The settings of the tracking that the request asks for; see `override_tracking`."""
    return replace(override_tracking(request.overrides), tracker=request.tracker, grid=request.grid)


def override_tracking(overrides: Sequence[str]) -> TrackingSettings:
    """Change the default settings of the tracking, checked as a configuration's are.

    Raises:
        ConfigError: an override is wrong, or of something else.
    """
    for override in overrides:
        if not override.startswith("tracking."):
            raise ConfigError(f"--set {override!r}: only the tracking can be set, as in tracking.threads=2")
    tree: dict[str, object] = {"source": [{"kind": "video", "path": "unread"}]}
    apply_overrides(tree, overrides)
    return parse_config(tree).settings.tracking


def _read(request: TrackRequest) -> Clip:
    """Decode the clip's frames, upright and scaled down to the size that a build would store.

    Raises:
        DataError: there is no such clip.
    """
    settings = ClipSettings()
    with open_binary(request.video) as file:
        check_is_video(file.read(HEAD_BYTES), request.video)
    with open_video("pyav", request.video, settings) as video:
        timeline = record_timeline(video, None)
        time_base, stream = video.info.time_base, video.info.stream
    times = timeline.times_s(time_base)
    part, chosen = _choose(timeline, times, request)
    ref = Ref(
        key="track",
        source=0,
        kind="video",
        dataset="",
        uri=request.video,
        locator=request.video,
        fingerprint=fingerprint(request.video),
        licence="",
        group="",
        run=0,
        position=0,
        start_s=float(times[chosen[0]]),
        end_s=float(times[chosen[-1]]),
        step_s=request.step_s,
        fps=0.0,
        frames=tuple(timeline.pts[chosen].tolist()),
        payload=json.dumps(
            {
                "stream": stream,
                "time_base": [time_base.numerator, time_base.denominator],
                "part": part,
                "parts": timeline.parts,
            }
        ),
    )
    _, clip = next(read_clips([ref], settings, partial(open_video, "pyav")))
    if isinstance(clip, DataError):
        raise clip
    return clip


def _choose(
    timeline: Timeline, times: NDArray[np.float64], request: TrackRequest
) -> tuple[int, NDArray[np.intp]]:
    """Pick the frames, as indices into `times`, within one stretch of rising times and one picture size."""
    if not len(times):
        raise DataError("undecodable", f"{request.video}: no frame could be decoded")
    start_s = max(request.start_s, float(times[0])) - frame_interval(times) / 1000
    shot = next((shot for shot in timeline.shots if times[shot.end - 1] >= start_s), None)
    if shot is None:
        raise DataError(
            "too_short", f"{request.video}: ends at {times.max():.3f} s, before --start {request.start_s:g}"
        )
    first = shot.first + int(np.searchsorted(times[shot.first : shot.end], start_s))
    left = times[first : shot.end]
    if request.step_s:
        wanted = times[first] + request.step_s * np.arange(request.frames)
        # Half an interval of slack: the last frame is still the nearest one.
        wanted = wanted[wanted <= left[-1] + frame_interval(times) / 2]
        picked = np.unique(np.searchsorted((left[1:] + left[:-1]) / 2, wanted))
    else:
        picked = np.arange(min(request.frames, len(left)))
    if len(picked) < 2:
        raise DataError(
            "too_short",
            f"{request.video}: {len(left)} frame(s) are left at {times[first]:.3f} s and two are needed; "
            "give an earlier --start or a shorter --step-s",
        )
    return shot.part, first + picked
