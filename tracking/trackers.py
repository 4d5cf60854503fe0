"""Which trackers there are, and all that is common to them."""

import difflib
import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from somtom.schemas.settings import TrackingSettings
from somtom.schemas.tracks import TrackerInfo, Tracks

# name -> "module:Class"; the module is imported when the tracker is made.
TRACKERS: dict[str, str] = {
    "cotracker3": "somtom.tracking.cotracker3:CoTracker3",
    "cotracker3-official": "somtom.tracking.cotracker3_official:CoTracker3Official",
    "dis": "somtom.tracking.dis:DisTracker",
    "lk": "somtom.tracking.lk:LkTracker",
}

POINTS_AT_ONCE = 1024  # more are tracked one part after the other, in one session


class ClipSession(Protocol):
    """One clip in a tracker's hands: owns what is computed once and shared over queries."""

    def track(self, queries: NDArray[np.float32]) -> Tracks:
        """Follow `queries` (N, 3: frame, x, y; N >= 1, any frames) through the whole clip, both ways."""
        ...


class PointTracker(Protocol):
    """What follows points: made once a process, opened once a clip."""

    info: TrackerInfo

    def open(self, frames: NDArray[np.uint8]) -> ClipSession:
        """Take a clip: (T, H, W, 3) uint8 RGB, 2 to `info.max_frames` frames (0: any number)."""
        ...


def tracker_factory(name: str) -> Callable[[TrackingSettings], PointTracker]:
    """Find what makes the tracker `name`: one of `TRACKERS`, or the user's own "module:Class".

    Raises:
        ValueError: the name is unknown, or the module or class cannot be loaded.
    """
    path = TRACKERS.get(name, name)
    module, _, attribute = path.partition(":")
    if not module or not attribute:
        near = difflib.get_close_matches(name, TRACKERS, n=1, cutoff=0.0)
        raise ValueError(f'unknown tracker {name!r}: did you mean {near[0]!r}? (or "module:Class")')
    try:
        factory: Callable[[TrackingSettings], PointTracker] = getattr(
            importlib.import_module(module), attribute
        )
    except (ModuleNotFoundError, AttributeError) as error:
        raise ValueError(f"cannot load tracker {path!r}: {error}") from error
    return factory


def make_tracker(settings: TrackingSettings) -> PointTracker:
    """Make the tracker that the settings name; see `tracker_factory`."""
    return tracker_factory(settings.tracker)(settings)


def track_clip(
    tracker: PointTracker,
    frames: NDArray[np.uint8],
    queries: NDArray[np.float32],
    settings: TrackingSettings,
) -> Tracks:
    """Follow points through a clip at the working size, and give positions back in the clip's pixels.

    Args:
        frames: (T, H, W, 3) uint8 RGB.
        queries: (N, 3): frame, x, y, on any frames.

    Returns:
        Tracks in the order of the queries. In its query frame a point stands on its query, visible 1 and
        confidence 1, except that a tracker's confidence of 0 there stays: it had nothing to hold on to.
    """
    clip = at_working_size(frames, queries, settings)
    return in_own_pixels(clip, track_alone(tracker, clip))


@dataclass(frozen=True)
class WorkingClip:
    """A clip at the size that trackers work at, and the points to follow through it.

    Args:
        frames: (T, h, w, 3) uint8 RGB.
        queries: (N, 3): frame, x, y in the pixels of `frames`.
        asked: (N, 3): the same in the clip's own pixels.
        scale: (2,) float64, by which the clip was scaled: x, y.
    """

    frames: NDArray[np.uint8]
    queries: NDArray[np.float32]
    asked: NDArray[np.float32]
    scale: NDArray[np.float64]


def at_working_size(
    frames: NDArray[np.uint8], queries: NDArray[np.float32], settings: TrackingSettings
) -> WorkingClip:
    """Scale a clip (T, H, W, 3) down to `settings.short_side`, and its queries (N, 3) with it."""
    length, height, width = frames.shape[:3]
    queries = np.asarray(queries, np.float32).reshape(-1, 3)
    if not (np.isfinite(queries).all() and np.isin(queries[:, 0], np.arange(length)).all()):
        raise ValueError(f"queries must be finite and lie on frames 0 to {length - 1}")
    working = resize_frames(frames, settings.short_side)
    scale = np.array([working.shape[2] / width, working.shape[1] / height])
    scaled = queries.copy()
    scaled[:, 1:] = map_points(queries[:, 1:], scale)
    return WorkingClip(working, scaled, queries, scale)


def in_own_pixels(clip: WorkingClip, tracks: Tracks) -> Tracks:
    """Map what a tracker said of a working clip back, and put every point on its query; see `track_clip`."""
    queries, scale = clip.asked, clip.scale
    home = queries[:, 0].astype(np.int64)
    points = np.arange(len(queries))
    xy = map_points(tracks.xy, 1.0 / scale)
    visible = np.clip(np.nan_to_num(tracks.visible), 0.0, 1.0)
    confidence = np.clip(np.nan_to_num(tracks.confidence), 0.0, 1.0)
    xy[home, points] = queries[:, 1:]
    visible[home, points] = 1.0
    confidence[home, points] = np.where(confidence[home, points] > 0.0, 1.0, 0.0)
    missed = np.where(tracks.round_trip < 0, -1.0, tracks.round_trip / scale.mean()).astype(np.float32)
    missed[home, points] = -1.0
    return Tracks(queries, xy, visible, confidence, missed)


def track_alone(tracker: PointTracker, clip: WorkingClip) -> Tracks:
    """Track one clip of any length, through one frame and without points too, in its working pixels."""
    if len(clip.frames) < 2 or not len(clip.queries):
        shape = (len(clip.frames), len(clip.queries))
        return Tracks(
            queries=clip.queries,
            xy=np.broadcast_to(clip.queries[None, :, 1:], (*shape, 2)).copy(),
            visible=np.ones(shape, np.float32),
            confidence=np.ones(shape, np.float32),
        )
    return _track_frames(tracker, clip.frames, clip.queries)


def resize_frames(frames: NDArray[np.uint8], short_side: int) -> NDArray[np.uint8]:
    """Scale (T, H, W, 3) frames down until the shorter side is `short_side`, never up."""
    height, width = frames.shape[1:3]
    factor = short_side / min(height, width)
    if factor >= 1.0:
        return frames
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return np.stack([cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in frames])


def map_points(xy: NDArray[np.float32], scale: NDArray[np.float64]) -> NDArray[np.float32]:
    """Map (..., 2) positions into the picture scaled by `scale` (x, y).

    Pixel centres are whole numbers, so the picture's left edge is at -0.5 before and after.
    """
    mapped: NDArray[np.float32] = ((xy.astype(np.float64) + 0.5) * scale - 0.5).astype(np.float32)
    return mapped


def _track_frames(tracker: PointTracker, frames: NDArray[np.uint8], queries: NDArray[np.float32]) -> Tracks:
    """Track a clip of any length with a tracker that takes `info.max_frames` at once."""
    longest = tracker.info.max_frames
    if longest <= 0 or len(frames) <= longest:
        return _track_points(tracker.open(frames), queries)
    onward = _track_onward(tracker, frames, queries)
    if not queries[:, 0].any():
        return onward
    # Before the query frame: the same, on the reversed clip.
    reversed_queries = queries.copy()
    reversed_queries[:, 0] = len(frames) - 1 - queries[:, 0]
    back = _track_onward(tracker, frames[::-1], reversed_queries)
    before = np.arange(len(frames))[:, None] < queries[None, :, 0]
    return replace(
        onward,
        xy=np.where(before[..., None], back.xy[::-1], onward.xy),
        visible=np.where(before, back.visible[::-1], onward.visible),
        confidence=np.where(before, back.confidence[::-1], onward.confidence),
        round_trip=np.where(before, back.round_trip[::-1], onward.round_trip),
    )


def _track_onward(tracker: PointTracker, frames: NDArray[np.uint8], queries: NDArray[np.float32]) -> Tracks:
    """Track from the query frames to the end, chunk by chunk; what lies before them is left at the query.

    Chunks overlap by a quarter; a point goes on from the frame of the overlap in which it was seen best.

        chunk 0  |-----------====|
        chunk 1              |====-----------|      = overlap
    """
    length, longest = len(frames), tracker.info.max_frames
    overlap = max(1, longest // 4)
    xy = np.repeat(queries[None, :, 1:], length, axis=0)
    visible = np.zeros((length, len(queries)), np.float32)
    confidence = np.zeros((length, len(queries)), np.float32)
    missed = np.full((length, len(queries)), -1.0, np.float32)
    handed = queries.copy()  # where each point enters the chunk
    for start in range(0, length - overlap, longest - overlap):
        stop = min(start + longest, length)
        active = np.flatnonzero(handed[:, 0] < stop)
        if not len(active):
            continue
        local = handed[active]
        local[:, 0] -= start
        part = _track_points(tracker.open(frames[start:stop]), local)
        now = np.arange(start, stop)[:, None]
        fresh = (now > handed[None, active, 0]) | (now == queries[None, active, 0])
        for whole, piece in (
            (visible, part.visible),
            (confidence, part.confidence),
            (missed, part.round_trip),
        ):
            whole[start:stop, active] = np.where(fresh, piece, whole[start:stop, active])
        xy[start:stop, active] = np.where(fresh[..., None], part.xy, xy[start:stop, active])
        # The last of the best frames of the overlap, in which the next chunk begins.
        shared = np.arange(stop - overlap, stop)
        score = visible[shared][:, active] * confidence[shared][:, active]
        best = shared[len(shared) - 1 - np.argmax(score[::-1], axis=0)]
        best = np.maximum(best, handed[active, 0].astype(np.int64))
        handed[active] = np.column_stack([best, xy[best, active]])
    return Tracks(queries, xy, visible, confidence, missed)


def _track_points(session: ClipSession, queries: NDArray[np.float32]) -> Tracks:
    """Track any number of points, `POINTS_AT_ONCE` at a time, so that memory stays bounded."""
    parts = [
        session.track(queries[first : first + POINTS_AT_ONCE])
        for first in range(0, len(queries), POINTS_AT_ONCE)
    ]
    return join_points(parts, queries)


def join_points(parts: Sequence[Tracks], queries: NDArray[np.float32]) -> Tracks:
    """Put the tracks of parts of the queries together."""
    if len(parts) == 1:
        return parts[0]
    return Tracks(
        queries=queries,
        xy=np.concatenate([part.xy for part in parts], axis=1),
        visible=np.concatenate([part.visible for part in parts], axis=1),
        confidence=np.concatenate([part.confidence for part in parts], axis=1),
        round_trip=np.concatenate([part.round_trip for part in parts], axis=1),
    )
