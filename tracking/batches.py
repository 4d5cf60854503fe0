"""Several clips tracked at once, by the trackers that can."""

from collections.abc import Sequence
from typing import Protocol, TypeGuard

import numpy as np
from numpy.typing import NDArray

from somtom.schemas.settings import TrackingSettings
from somtom.schemas.tracks import Tracks
from somtom.tracking.trackers import (
    POINTS_AT_ONCE,
    PointTracker,
    WorkingClip,
    join_points,
    track_alone,
)

GPU_BATCH = 8  # clips at once where the settings name no number


class OutOfMemory(Exception):
    """What a tracker raises when the clips it was given do not fit into memory; with fewer it may go on."""


class BatchSession(Protocol):
    """Clips in a tracker's hands."""

    def track_batch(self, queries: Sequence[NDArray[np.float32]]) -> list[Tracks]:
        """Follow as many queries in each clip, (N, 3) each: like `ClipSession.track`, a clip each."""
        ...


class BatchTracker(PointTracker, Protocol):
    """A tracker that takes several clips at once.

    Where it has an attribute `on_gpu` that is true, a process's threads take turns at it, and it is given
    batches unless the settings say otherwise.
    """

    def open_batch(self, clips: Sequence[NDArray[np.uint8]]) -> BatchSession:
        """Take clips of as many frames each, (T, H, W, 3) uint8 RGB, whose pictures may differ in size.

        Raises:
            OutOfMemory: they are too many; `track_batch` may raise it, too.
        """
        ...


def takes_batches(tracker: PointTracker) -> TypeGuard[BatchTracker]:
    """Whether it takes several clips at once; most need not."""
    return hasattr(tracker, "open_batch")


def runs_on_gpu(tracker: PointTracker) -> bool:
    """Whether the tracker computes on a GPU, of which the process has one."""
    return bool(getattr(tracker, "on_gpu", False))


def batch_size(tracker: PointTracker, settings: TrackingSettings) -> int:
    """How many clips to track at once: what the settings say, and no more than one where it cannot."""
    if not takes_batches(tracker):
        return 1
    return settings.batch_clips or (GPU_BATCH if runs_on_gpu(tracker) else 1)


def batch_length(tracker: PointTracker, frames: int) -> int:
    """How many frames the others of a batch with a clip of `frames` must have; 0: it is tracked alone."""
    return frames if 2 <= frames <= (tracker.info.max_frames or frames) else 0


def track_together(tracker: PointTracker, clips: Sequence[WorkingClip]) -> list[Tracks]:
    """Track clips of one `batch_length` and as many queries each at once, in their working pixels.

    Raises:
        OutOfMemory: they do not fit into memory.
        DataError: one of them cannot be tracked.
    """
    if len(clips) == 1 or not takes_batches(tracker):
        return [track_alone(tracker, clip) for clip in clips]
    session = tracker.open_batch([clip.frames for clip in clips])
    parts = [
        session.track_batch([clip.queries[first : first + POINTS_AT_ONCE] for clip in clips])
        for first in range(0, len(clips[0].queries), POINTS_AT_ONCE)
    ]
    of_clips = zip(*parts, strict=True)
    return [join_points(found, clip.queries) for clip, found in zip(clips, of_clips, strict=True)]
