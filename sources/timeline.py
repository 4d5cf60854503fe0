"""All frames of a video in the order of display: their times and where its shots begin."""

from array import array
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scenedetect.detector import SceneDetector

from somtom.sources.pictures import Picture, Video, scaled_size
from somtom.sources.shots import SHORT_SIDE, CutFinder


@dataclass(frozen=True)
class Shot:
    """Frames `first` to `end` (exclusive) of a timeline: one camera, one size, rising times.

    `part` counts the backward jumps of the clock before it: within a part a time names one frame.
    """

    first: int
    end: int
    part: int
    width: int
    height: int


@dataclass(frozen=True)
class Timeline:
    """Times and shots of a video.

    Args:
        pts: (N,) int64 in the video's time base, damaged and timeless frames left out.
        shots: in order, without gaps between them.
        parts: stretches of rising times.
        damaged, timeless: frames left out.
        errors: packets that could not be decoded.
        rotation: of the first frame, degrees clockwise.
    """

    pts: NDArray[np.int64]
    shots: tuple[Shot, ...]
    parts: int
    damaged: int
    timeless: int
    errors: int
    rotation: int

    def times_s(self, time_base: Fraction) -> NDArray[np.float64]:
        """(N,) times in seconds."""
        return self.pts.astype(np.float64) * float(time_base)


class Parts:
    """Counts the backward jumps of a video's clock, the same way when scanning and when reading."""

    def __init__(self) -> None:
        self._last: int | None = None
        self.index = 0

    def place(self, pts: int) -> tuple[int, int]:
        """Give the part of the next frame, and its time."""
        if self._last is not None and pts <= self._last:
            self.index += 1
        self._last = pts
        return self.index, pts


class _Recorder:
    """Collects times and shots as the pictures pass; keeps none of them."""

    def __init__(self, make_detector: Callable[[], SceneDetector] | None) -> None:
        self._make_detector = make_detector
        self._finder: CutFinder | None = None
        self._parts = Parts()
        self._look: tuple[int, int, int] | None = None  # part, width, height of the current stretch
        self._stretch = 0  # its first frame
        self.pts: array[int] = array("q")
        self.shots: list[Shot] = []
        self._cuts: list[int] = []

    def add(self, picture: Picture, pts: int) -> None:
        """Take the next good picture."""
        part, _ = self._parts.place(pts)
        look = (part, picture.width, picture.height)
        if look != self._look:
            self.finish()
            self._look, self._stretch = look, len(self.pts)
            self._finder = CutFinder(self._make_detector()) if self._make_detector else None
        self.pts.append(pts)
        if self._finder is not None:
            self._cuts += self._finder.add(
                picture.rgb(*scaled_size(picture.width, picture.height, SHORT_SIDE))
            )

    def finish(self) -> None:
        """Close the current stretch and turn its cuts into shots."""
        if self._look is None:
            return
        if self._finder is not None:
            self._cuts += self._finder.finish()
        length = len(self.pts) - self._stretch
        bounds = [0, *sorted({cut for cut in self._cuts if 0 < cut < length}), length]
        for first, end in pairwise(bounds):
            self.shots.append(Shot(self._stretch + first, self._stretch + end, *self._look))
        self._cuts = []

    @property
    def parts(self) -> int:
        """Stretches of rising times so far."""
        return self._parts.index + 1


def record_timeline(
    video: Video, make_detector: Callable[[], SceneDetector] | None, span: tuple[int, int] | None = None
) -> Timeline:
    """Decode a video once; without a detector only its packets are read, where they tell enough.

    With a `span` (first and last time, in the time base) only that stretch is sought and decoded; parts are
    counted from its start, so one with more than one has no place in the whole video.
    """
    recorder = _Recorder(make_detector)
    damaged = timeless = rotation = 0
    first: Picture | None = None
    errors = video.errors
    times = None if make_detector or span else video.packet_times()
    for picture in video.pictures(span[0], exact=False) if span else video.pictures():
        if span and picture.pts is not None and picture.pts > span[1]:
            break
        if first is None:
            first, rotation = picture, picture.rotation
        if times is not None:
            break
        if picture.damaged:
            damaged += 1
        elif picture.pts is None:
            timeless += 1
        else:
            recorder.add(picture, picture.pts)
    if times is not None and first is not None:
        for pts in times:
            recorder.add(first, pts)
    recorder.finish()
    return Timeline(
        pts=np.frombuffer(recorder.pts, np.int64).copy() if recorder.pts else np.zeros(0, np.int64),
        shots=tuple(recorder.shots),
        parts=recorder.parts,
        damaged=damaged,
        timeless=timeless,
        errors=video.errors - errors,
        rotation=rotation,
    )
