"""What every decoder gives: pictures with a time, and the sizes they are brought to."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from types import TracebackType
from typing import Protocol, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from somtom.schemas.reasons import DataError
from somtom.schemas.settings import ClipSettings


class Picture(Protocol):
    """One decoded frame, not yet converted.

    `pts` counts the video's `time_base`, None where the file does not say; `width`, `height` are those of
    the upright picture with square pixels; `rotation` is how far, in degrees clockwise, the stored one was
    turned; `damaged`: the decoder reported errors in it, or in a picture it is built on.
    """

    @property
    def pts(self) -> int | None: ...  # noqa: D102 - the class says it
    @property
    def width(self) -> int: ...  # noqa: D102
    @property
    def height(self) -> int: ...  # noqa: D102
    @property
    def rotation(self) -> int: ...  # noqa: D102
    @property
    def damaged(self) -> bool: ...  # noqa: D102

    def rgb(self, width: int, height: int) -> NDArray[np.uint8]:
        """Convert to (height, width, 3) uint8 RGB, upright."""
        ...


@dataclass(frozen=True)
class ArrayPicture:
    """A picture that came out of its decoder as an array; see `Picture`."""

    pts: int | None
    width: int
    height: int
    array: NDArray[np.uint8]
    rotation: int = 0
    damaged: bool = False

    def rgb(self, width: int, height: int) -> NDArray[np.uint8]:
        """Scale to (height, width, 3) uint8 RGB."""
        if self.array.shape[:2] == (height, width):
            return self.array
        return np.asarray(cv2.resize(self.array, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


@dataclass(frozen=True)
class VideoInfo:
    """What is known of a video before a picture is decoded; sizes are 0 where the container does not say."""

    width: int
    height: int
    codec: str
    time_base: Fraction
    stream: int


class Video(Protocol):
    """One opened video: a context manager that frees the decoder."""

    info: VideoInfo
    errors: int  # packets that could not be decoded so far

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def packet_times(self) -> list[int] | None:
        """Presentation times of all frames without decoding, in order; None where the packets do not tell."""
        ...

    def pictures(self, first_pts: int | None = None, exact: bool = True) -> Iterator[Picture]:
        """Decode in order of display, from the start, or from the picture at `first_pts` on.

        Unless `exact`, none need have that time: the first one after it will do.
        """
        ...


def square_size(width: int, height: int, aspect: Fraction | None) -> tuple[int, int]:
    """Size of a picture once its pixels are square: the height stays, the width is stretched.

    Within one percent of square they are left alone: encoders round the ratio, and resampling blurs.

    >>> square_size(160, 180, Fraction(2)), square_size(160, 180, None)
    ((320, 180), (160, 180))
    >>> square_size(176, 144, Fraction(128, 117)), square_size(321, 181, Fraction(321, 320))
    ((193, 144), (321, 181))
    """
    if not aspect or aspect <= 0 or abs(aspect - 1) <= Fraction(1, 100):
        return width, height
    return max(1, round(width * aspect)), height


def scaled_size(width: int, height: int, short_side: int) -> tuple[int, int]:
    """Scale a size down, never up, to a shorter side; the longer one is rounded to the nearest pixel.

    >>> scaled_size(1920, 1080, 512), scaled_size(320, 240, 512)
    ((910, 512), (320, 240))
    """
    short = min(width, height)
    if short <= short_side:
        return width, height
    return max(1, round(width * short_side / short)), max(1, round(height * short_side / short))


def check_pixels(width: int, height: int, settings: ClipSettings) -> None:
    """Refuse to decode a picture that is larger than the bound.

    Raises:
        DataError: `too_large`.
    """
    if width * height > settings.max_pixels:
        raise DataError(
            "too_large",
            f"a frame is {width}x{height}: raise clips.max_pixels ({settings.max_pixels}) if that is meant",
        )


def check_size(width: int, height: int, settings: ClipSettings) -> None:
    """Refuse a picture that cannot carry marks.

    Raises:
        DataError: `extreme_aspect` or `too_small`.
    """
    long, short = max(width, height), min(width, height)
    if long > settings.max_aspect * short:
        raise DataError(
            "extreme_aspect", f"the picture is {width}x{height}: clips.max_aspect is {settings.max_aspect:g}"
        )
    if short < settings.min_side:
        raise DataError(
            "too_small", f"the picture is {width}x{height}: clips.min_side is {settings.min_side}"
        )
