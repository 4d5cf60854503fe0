"""A tracker that misbehaves where a test wants it: "bad_trackers:OnMarked" in a configuration.

A clip is marked when its first frame has a white top-left corner, see `drawn_videos.draw_frames`. What
happens then stands in the environment, which worker processes inherit: SOMTOM_TEST_BEHAVIOUR.
"""

import multiprocessing
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from somtom.schemas.marks import Mark
from somtom.schemas.reasons import DataError
from somtom.schemas.settings import TrackingSettings
from somtom.tracking.lk import LkTracker
from somtom.tracking.trackers import ClipSession

BEHAVIOUR, FIFO = "SOMTOM_TEST_BEHAVIOUR", "SOMTOM_TEST_FIFO"


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
    if how == "block":  # says so through the fifo, then waits to be killed
        Path(os.environ[FIFO]).write_text("here")
        os.read(os.pipe()[0], 1)


def paint_nothing(image: NDArray[np.uint8], marks: Sequence[Mark]) -> None:
    """A mark style, "bad_trackers:paint_nothing"."""
    if os.environ.get(BEHAVIOUR) == "abort when drawing":
        os.abort()
