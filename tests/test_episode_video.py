from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numbered_videos import even, number_in, write

from somtom.schemas.reasons import DataError
from somtom.schemas.settings import ClipSettings
from somtom.sources.av_video import AvVideo
from somtom.sources.episode_video import frames_at
from somtom.sources.pictures import ArrayPicture, VideoInfo


@dataclass
class ListedVideo:
    """A video of 8 x 8 pixels whose frames have the colour of their place; counts what it gives out."""

    pts: list[int | None]
    damaged: frozenset[int] = frozenset()
    time_base: Fraction = Fraction(1, 1000)
    errors: int = 0
    starts: list[int | None] = field(default_factory=list)
    given: int = 0

    @property
    def info(self) -> VideoInfo:
        return VideoInfo(8, 8, "drawn", self.time_base, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def packet_times(self) -> list[int] | None:
        return None

    def pictures(self, first_pts: int | None = None, exact: bool = True) -> Iterator[ArrayPicture]:
        self.starts.append(first_pts)
        for place, pts in enumerate(self.pts):
            if first_pts is None or (pts is not None and pts >= first_pts):
                self.given += 1
                colour = np.zeros((8, 8, 3), np.uint8)
                colour[..., 0], colour[..., 1] = divmod(place, 256)
                yield ArrayPicture(pts, 8, 8, colour, damaged=place in self.damaged)


def places(video: ListedVideo, times_s: list[float], tolerance_s: float) -> list[int | None]:
    """Place of the frame given for each time, None for an error."""
    found: list[int | None] = []
    for one in frames_at(video, times_s, tolerance_s, 8):
        if isinstance(one, DataError):
            assert one.reason == "corrupt_frame"
            found.append(None)
        else:
            assert one[1] == (8, 8)
            found.append(256 * int(one[0][0, 0, 0]) + int(one[0][0, 0, 1]))
    return found


@given(
    st.lists(st.integers(0, 2000), min_size=1, max_size=60, unique=True),
    st.lists(st.integers(0, 2000), min_size=1, max_size=20, unique=True),
    st.integers(0, 100),
)
def test_the_nearest_frame_within_the_tolerance_is_given(
    pts: list[int], wanted: list[int], tolerance: int
) -> None:
    pts, wanted = sorted(pts), sorted(wanted)
    video = ListedVideo(list(pts))

    found = places(video, [one / 1000 for one in wanted], tolerance / 1000)

    for time, place in zip(wanted, found, strict=True):
        gap = min(abs(one - time) for one in pts)
        nearest = [n for n, one in enumerate(pts) if abs(one - time) == gap]
        # Seconds are floats: two that are equally far, or just as far as allowed, may go either way.
        right = [*(nearest if gap <= tolerance else []), *([None] if gap >= tolerance else [])]
        assert place in right
    assert len(video.starts) == 1


def test_only_the_stretches_with_wanted_frames_are_decoded() -> None:
    video = ListedVideo([50 * n for n in range(2000)])

    found = places(video, [10.0, 10.05, 40.0, 95.0], 0.025)

    assert found == [200, 201, 800, 1900]
    assert video.starts == [9974, 39974, 94974]
    assert video.given <= 4 + 3 * 2


def test_damaged_timeless_and_jumping_frames_are_never_given() -> None:
    video = ListedVideo([0, 50, None, 40, 100, 150, 200], damaged=frozenset({4}))

    assert places(video, [0.0, 0.05, 0.1, 0.15, 0.2, 0.3], 0.02) == [0, 1, None, 5, 6, None]


def test_a_frame_may_serve_several_steps() -> None:
    assert places(ListedVideo([0, 100, 200]), [0.0, 0.02, 0.08, 0.1, 0.15], 0.05) == [0, 0, 1, 1, 1]


@pytest.mark.parametrize("options", [{}, {"bf": "2"}, {"x264-params": "open-gop=1"}])
def test_seeking_gives_the_same_frames_as_decoding_from_the_start(
    tmp_path: Path, options: dict[str, str]
) -> None:
    path = write(tmp_path / "a.mp4", even(100, 50), **options)

    for first in (0, 1, 11, 12, 13, 60, 99):
        steps = range(first, min(first + 5, 100))
        with AvVideo(str(path), ClipSettings()) as video:
            found = list(frames_at(video, [step * 0.05 for step in steps], 0.025, 512))
        assert [number_in(one[0]) for one in found if not isinstance(one, DataError)] == list(steps)


def test_no_times_need_no_frame() -> None:
    assert list(frames_at(ListedVideo([0]), [], 0.1, 8)) == []
