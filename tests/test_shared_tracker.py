"""The process's tracker: in batches as large as memory allows, one thread at a time on a GPU."""

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from somtom.schemas.reasons import DataError
from somtom.schemas.settings import TrackingSettings
from somtom.schemas.tracks import TrackerInfo, Tracks
from somtom.tracking.batches import OutOfMemory, batch_length, batch_size
from somtom.tracking.trackers import WorkingClip
from somtom.transforms.shared_tracker import BUSY, SHARD, WAITING, Meter, SharedTracker

SETTINGS = TrackingSettings(batch_clips=8)


class Room:
    """A tracker with room for a few clips at once, which refuses black ones and notes what it was given."""

    info = TrackerInfo("room", "1", "none", max_frames=16)

    def __init__(self, room: int, on_gpu: bool = False) -> None:
        self.room, self.on_gpu = room, on_gpu
        self.given: list[int] = []
        self.threads_in, self.most_threads_in = 0, 0

    def open(self, frames: NDArray[np.uint8]) -> Any:
        return self.open_batch([frames])

    def open_batch(self, clips: Sequence[NDArray[np.uint8]]) -> Any:
        self.threads_in += 1
        self.most_threads_in = max(self.most_threads_in, self.threads_in)
        self.given.append(len(clips))
        try:
            if len(clips) > self.room:
                raise OutOfMemory("no room")
            if any(not clip.any() for clip in clips):
                raise DataError("tracker_failed", "it is black")
        finally:
            self.threads_in -= 1
        return self

    def track(self, queries: NDArray[np.float32]) -> Tracks:
        return self.track_batch([queries])[0]

    def track_batch(self, queries: Sequence[NDArray[np.float32]]) -> list[Tracks]:
        return [still(asked) for asked in queries]


def still(queries: NDArray[np.float32]) -> Tracks:
    xy = np.repeat(queries[None, :, 1:], 2, axis=0)
    return Tracks(queries, xy, np.ones(xy.shape[:2], np.float32), np.ones(xy.shape[:2], np.float32))


def clip(number: int) -> WorkingClip:
    """Two frames of brightness `number`, with one query at (`number`, 0)."""
    query = np.float32([[0, number, 0]])
    return WorkingClip(np.full((2, 8, 8, 3), number, np.uint8), query, query, np.ones(2))


def outcomes(shared: SharedTracker, numbers: Sequence[int]) -> list[Any]:
    """Of each clip the x of its point, or the reason why there is none."""
    return [
        one.reason if isinstance(one, DataError) else one.xy[0, 0, 0]
        for one in shared.track([clip(number) for number in numbers])
    ]


@pytest.mark.parametrize(
    ("room", "given"),
    [(8, [8, 8, 4]), (7, [8, 4, 4, 4, 4, 4]), (3, [8, 4, *[2] * 10]), (1, [8, 4, 2, *[1] * 20])],
)
def test_a_batch_that_does_not_fit_is_halved_for_good(room: int, given: list[int]) -> None:
    tracker = Room(room)
    shared = SharedTracker(tracker, SETTINGS)

    found = [
        *outcomes(shared, range(1, 9)),
        *outcomes(shared, range(9, 17)),
        *outcomes(shared, range(17, 21)),
    ]

    assert found == list(range(1, 21)) and tracker.given == given
    assert shared.meter.drain().halved == len(given) - -(-20 // shared.batch) or room == 8


def test_a_clip_for_which_there_is_no_room_at_all_is_a_reject() -> None:
    assert outcomes(SharedTracker(Room(0), SETTINGS), [1, 2, 3]) == ["out_of_memory"] * 3


def test_only_the_clip_that_is_refused_is_a_reject() -> None:
    tracker = Room(8)
    assert outcomes(SharedTracker(tracker, SETTINGS), [1, 2, 0, 4]) == [1, 2, "tracker_failed", 4]
    assert tracker.given == [4, 1, 1, 1, 1]


def test_what_the_tracker_does_not_say_is_memory_is_raised() -> None:
    class Broken(Room):
        def open_batch(self, clips: Sequence[NDArray[np.uint8]]) -> Any:
            raise MemoryError("of the machine")

    with pytest.raises(MemoryError):
        SharedTracker(Broken(8), SETTINGS).track([clip(1), clip(2)])


def test_threads_take_turns_on_a_gpu() -> None:
    tracker = Room(8, on_gpu=True)
    shared = SharedTracker(tracker, TrackingSettings())
    threads = [
        threading.Thread(target=lambda: [outcomes(shared, range(1, 9)) for _ in range(50)]) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert tracker.given == [8] * 400 and tracker.most_threads_in == 1


@pytest.mark.parametrize(
    ("on_gpu", "asked", "batch", "ahead"),
    [(True, 0, 8, True), (True, 1, 1, True), (True, 3, 3, True), (False, 0, 1, False), (False, 4, 4, True)],
)
def test_how_many_clips_go_at_once(on_gpu: bool, asked: int, batch: int, ahead: bool) -> None:
    shared = SharedTracker(Room(8, on_gpu), TrackingSettings(batch_clips=asked))
    assert (shared.batch, shared.is_fed_ahead) == (batch, ahead)


def test_a_tracker_that_takes_no_batches_gets_none() -> None:
    class Single:
        info = TrackerInfo("single", "1", "none")

        def open(self, frames: NDArray[np.uint8]) -> Any:
            raise AssertionError("not asked")

    assert batch_size(Single(), SETTINGS) == 1
    assert not SharedTracker(Single(), SETTINGS).is_fed_ahead


@pytest.mark.parametrize(("frames", "length"), [(1, 0), (2, 2), (16, 16), (17, 0)])
def test_clips_in_chunks_and_single_frames_are_tracked_alone(frames: int, length: int) -> None:
    assert batch_length(Room(8), frames) == length


def test_every_second_of_work_on_shards_is_booked_once() -> None:
    meter = Meter()
    with meter.during(SHARD):
        with meter.during(WAITING), meter.during(SHARD), meter.during(BUSY):
            first = sum(range(10_000))
        before = meter.drain()
        with meter.during(WAITING):
            second = sum(range(10_000))
    after = meter.drain()

    assert first == second
    assert before.busy_s > 0 and before.halved == 0
    assert after.busy_s == 0 and after.waited_s > 0 and after.other_s > 0
    assert meter.drain().total_s == 0
