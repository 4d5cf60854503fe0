"""A camera's video as an episode wants it: the frame nearest to each step's time, in one pass."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from somtom.schemas.reasons import DataError
from somtom.sources.episodes import StepPicture
from somtom.sources.pictures import Picture, Video, scaled_size
from somtom.sources.reading import SEEK_GAP_S

# Floats of one time, computed in two ways, differ by less.
ROUNDING_S = 1e-6


def frames_at(
    video: Video, times_s: Sequence[float], tolerance_s: float, short_side: int
) -> Iterator[StepPicture | DataError]:
    """Decode the frame nearest to each time, the earlier of two equally near ones; one for each, in order.

    Only stretches that hold wanted frames are sought and decoded. A time that no good frame is near to gives
    a `corrupt_frame`, and the next ones go on.

    Args:
        video: the opened video; times are on its own clock.
        times_s: rising.
        tolerance_s: how far off the nearest frame may be.
        short_side: pictures are scaled down to it.

    Raises:
        DataError: nothing can be decoded any further.
    """
    for stretch in _stretches(times_s):
        yield from _decode(video, stretch, tolerance_s + ROUNDING_S, short_side)


def _stretches(times_s: Sequence[float]) -> Iterator[list[float]]:
    """Split where seeking costs less than decoding on."""
    stretch = list(times_s[:1])
    for before, time in pairwise(times_s):
        if time - before > SEEK_GAP_S:
            yield stretch
            stretch = []
        stretch.append(time)
    if stretch:
        yield stretch


class _Shown:
    """A decoded frame, converted once, when it is first wanted."""

    def __init__(self, picture: Picture, time_s: float) -> None:
        self._picture = picture
        self._result: StepPicture | None = None
        self.time_s = time_s
        self.damaged = picture.damaged

    def result(self, short_side: int) -> StepPicture:
        if self._result is None:
            size = (self._picture.width, self._picture.height)
            self._result = (self._picture.rgb(*scaled_size(*size, short_side)), size)
        return self._result


def _decode(
    video: Video, times_s: Sequence[float], tolerance_s: float, short_side: int
) -> Iterator[StepPicture | DataError]:
    shown = _rising(video, times_s[0] - tolerance_s)
    before: _Shown | None = None
    after = next(shown, None)
    for time_s in times_s:
        while after is not None and after.time_s < time_s:
            before, after = after, next(shown, None)
        near = [one for one in (before, after) if one is not None and abs(one.time_s - time_s) <= tolerance_s]
        nearest = min(near, key=lambda one: abs(one.time_s - time_s), default=None)
        if nearest is None:
            yield DataError("corrupt_frame", f"no frame is within {tolerance_s:.4f} s of {time_s:.4f} s")
        elif nearest.damaged:
            yield DataError("corrupt_frame", f"the frame at {nearest.time_s:.4f} s is damaged")
        else:
            yield nearest.result(short_side)


def _rising(video: Video, first_s: float) -> Iterator[_Shown]:
    """Frames from a time on; those without a time, or where the clock jumps back, are left out."""
    time_base = video.info.time_base
    first_pts = math.floor(first_s / time_base)
    last: int | None = None
    for picture in video.pictures(first_pts if first_pts > 0 else None, exact=False):
        if picture.pts is not None and (last is None or picture.pts > last):
            last = picture.pts
            yield _Shown(picture, float(picture.pts * time_base))
