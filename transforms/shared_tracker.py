"""The process's one tracker: shared by its threads, given clips in batches, and watched."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

from somtom.schemas.reasons import DataError
from somtom.schemas.settings import TrackingSettings
from somtom.schemas.tracker_load import TrackerLoad
from somtom.schemas.tracks import Tracks
from somtom.tracking.batches import OutOfMemory, batch_size, runs_on_gpu, track_together
from somtom.tracking.trackers import PointTracker, WorkingClip, make_tracker

SHARD, WAITING, BUSY = "shard", "waiting", "busy"  # what a thread does, see `Meter`
TOO_LARGE = (
    "the tracker ran out of memory with this clip alone: lower tracking.rows_at_once or "
    'tracking.chunk_frames, or set tracking.device = "cpu"'
)


class SharedTracker:
    """A tracker, how many clips it is given at once, and how busy it is.

    Args:
        tracker: made from the settings.
        settings: of the tracking.
    """

    def __init__(self, tracker: PointTracker, settings: TrackingSettings) -> None:
        self.tracker = tracker
        self.batch = batch_size(tracker, settings)
        # On processors that all track, to decode in a thread beside would gain nothing.
        self.is_fed_ahead = self.batch > 1 or runs_on_gpu(tracker)
        self.meter = Meter()
        # Threads that compute on one GPU at the same time only share its time, and need twice the memory.
        turn: AbstractContextManager[object] = threading.Lock() if runs_on_gpu(tracker) else nullcontext()
        self._turn = turn

    def track(self, clips: Sequence[WorkingClip]) -> list[Tracks | DataError]:
        """Track clips of one `batch_length` in as few batches as memory allows: tracks or a reject for each.

        A batch that does not fit is halved, and so are all that follow in this process.
        """
        found: list[Tracks | DataError] = []
        if not clips:
            return found
        alone = 0  # clips up to this one are tracked alone: one of them spoils what it is tracked with
        with self._turn, self.meter.during(BUSY):
            while (first := len(found)) < len(clips):
                size = 1 if first < alone else min(self.batch, len(clips) - first)
                try:
                    found += track_together(self.tracker, clips[first : first + size])
                    continue
                # The errors themselves are not kept: they would hold on to all that was computed.
                except OutOfMemory as error:
                    why, failed = "memory", DataError("out_of_memory", TOO_LARGE)
                    logging.getLogger(__name__).warning("no memory for %d clips at once: %s", size, error)
                except DataError as error:
                    why, failed = "clip", DataError(error.reason, error.message)
                if size == 1:
                    found.append(failed)
                elif why == "memory":
                    self.batch = min(self.batch, size // 2)
                    self.meter.note_halving()
                else:
                    alone = first + size
        return found


class Meter:
    """Says where the time of a tracker goes that several threads bring clips to.

    At every moment the tracker is busy when a thread is in it; else it waits, when a thread waits for clips;
    else, when threads are at work on shards at all, they do other things.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now: Counter[str] = Counter()  # threads by what they do
        self._seconds: Counter[str] = Counter()
        self._halved = 0
        self._last = time.perf_counter()

    @contextmanager
    def during(self, what: str) -> Iterator[None]:
        """Note that this thread does `what` (SHARD, and within it WAITING or BUSY)."""
        self._enter(what, 1)
        try:
            yield
        finally:
            self._enter(what, -1)

    def note_halving(self) -> None:
        """Count a batch that did not fit into memory."""
        with self._lock:
            self._halved += 1

    def drain(self) -> TrackerLoad:
        """Give what came together since the last time: whoever asks, each second is given once."""
        with self._lock:
            self._book()
            load = TrackerLoad(
                self._seconds[BUSY], self._seconds[WAITING], self._seconds[SHARD], self._halved
            )
            self._seconds.clear()
            self._halved = 0
            return load

    def _enter(self, what: str, by: int) -> None:
        with self._lock:
            self._book()
            self._now[what] += by

    def _book(self) -> None:
        now = time.perf_counter()
        for what in (BUSY, WAITING, SHARD):
            if self._now[what]:
                self._seconds[what] += now - self._last  # type: ignore[assignment]  # a Counter adds floats, too
                break
        self._last = now


_shared: dict[TrackingSettings, SharedTracker] = {}
_making = threading.Lock()


def shared_tracker(settings: TrackingSettings) -> SharedTracker:
    """Give the process's tracker: made once, since it may load a large model."""
    with _making:
        if settings not in _shared:
            _shared.clear()  # a model that is no longer wanted must not hold its memory
            _shared[settings] = SharedTracker(make_tracker(settings), settings)
        return _shared[settings]
