"""A tracker that misbehaves where a test wants it: "bad_trackers:OnMarked" in a configuration.

A clip is marked when its first frame has a white top-left corner, see `drawn_videos.draw_frames`. What
happens then stands in the environment, which worker processes inherit: SOMTOM_TEST_BEHAVIOUR.
"""

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from somtom.marks.draw import STYLES
from somtom.schemas.clips import Clip
from somtom.schemas.marks import Mark
from somtom.schemas.reasons import DataError
from somtom.schemas.refs import Ref
from somtom.schemas.settings import ClipSettings, TrackingSettings
from somtom.schemas.tracks import Tracks
from somtom.sources.video import VideoSource
from somtom.tracking.batches import OutOfMemory
from somtom.tracking.lk import LkTracker
from somtom.tracking.trackers import ClipSession

BEHAVIOUR, FIFO, TOO_MANY = "SOMTOM_TEST_BEHAVIOUR", "SOMTOM_TEST_FIFO", "SOMTOM_TEST_TOO_MANY"
LAST_DRAWING = "SOMTOM_TEST_LAST_DRAWING"


class OnMarked:
    """The `lk` tracker, until it is given a marked clip."""

    def __init__(self, settings: TrackingSettings) -> None:
        if os.environ.get(BEHAVIOUR) == "must not be made":
            raise AssertionError("the tracker was made")
        if os.environ.get(BEHAVIOUR) == "abort when made" and multiprocessing.parent_process():
            os.abort()
        self._inner = LkTracker(settings)
        self.info = self._inner.info

    def open(self, frames: NDArray[np.uint8]) -> ClipSession:
        if frames[0, :8, :8].min() > 240:
            misbehave(os.environ.get(BEHAVIOUR, ""))
        return self._inner.open(frames)


class InBatches(OnMarked):
    """The same for several clips at once, but not of as many as SOMTOM_TEST_TOO_MANY names: "8 9"."""

    def open_batch(self, clips: Sequence[NDArray[np.uint8]]) -> "Batch":
        if f"{len(clips)}" in os.environ.get(TOO_MANY, "").split():
            raise OutOfMemory(f"no room for {len(clips)} clips")
        return Batch([self.open(frames) for frames in clips])


class OnGpu(InBatches):
    """The same, as if it were on a GPU: not in a worker process, unless somebody asks for some."""

    on_gpu = True

    def open_batch(self, clips: Sequence[NDArray[np.uint8]]) -> "Batch":
        if multiprocessing.parent_process():
            raise AssertionError("a worker process has a model of its own")
        return super().open_batch(clips)


class Batch:
    """Clips in the hands of `InBatches`."""

    def __init__(self, sessions: Sequence[ClipSession]) -> None:
        self._sessions = sessions

    def track_batch(self, queries: Sequence[NDArray[np.float32]]) -> list[Tracks]:
        return [session.track(asked) for session, asked in zip(self._sessions, queries, strict=True)]


class AbortsWhileDecoding(VideoSource):
    """Videos, in which the process dies while the clip that begins at a fifth of a second is decoded."""

    def read(self, refs: Sequence[Ref], clips: ClipSettings) -> Iterator[tuple[Ref, Clip | DataError]]:
        for ref, clip in super().read(refs, clips):
            if abs(ref.start_s - 0.2) < 1e-3:
                misbehave(os.environ.get(BEHAVIOUR, ""))
            yield ref, clip


def misbehave(how: str) -> None:
    if how == "abort":
        os.abort()
    if how.startswith("die unless ") and not (once := Path(how.removeprefix("die unless "))).exists():
        once.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "bug":
        raise ZeroDivisionError("a bug in the tracker")
    if how == "refuse":
        raise DataError("tracker_failed", "the tracker cannot hold on to this clip")
    if how == "take all memory":
        raise OutOfMemory("no room for the clip")
    if how == "block":  # says so through the fifo, then waits to be killed
        Path(os.environ[FIFO]).write_text("here")
        os.read(os.pipe()[0], 1)


def paint_boxes(image: NDArray[np.uint8], marks: Sequence[Mark]) -> None:
    """A mark style, "bad_trackers:paint_boxes"; its process dies when LAST_DRAWING is counted down."""
    if left := os.environ.get(LAST_DRAWING):
        os.environ[LAST_DRAWING] = str(int(left) - 1)
        if left == "1":
            os.kill(os.getpid(), signal.SIGKILL)
    STYLES["box"](image, marks)


def paint_nothing(image: NDArray[np.uint8], marks: Sequence[Mark]) -> None:
    """A mark style, "bad_trackers:paint_nothing"."""
    if os.environ.get(BEHAVIOUR) == "abort when drawing":
        os.abort()
