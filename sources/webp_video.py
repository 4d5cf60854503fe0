"""Animated WebP through Pillow, which FFmpeg cannot decode."""

import io
from collections.abc import Iterator
from fractions import Fraction
from types import TracebackType
from typing import Self

import numpy as np
from PIL import Image, ImageSequence

from somtom.schemas.reasons import DataError
from somtom.schemas.settings import ClipSettings
from somtom.sources.files import open_binary
from somtom.sources.pictures import ArrayPicture, VideoInfo, check_pixels

# The file is read whole, so that what Pillow raises is about its data and not about the store.
MAX_BYTES = 1 << 28


class WebpVideo:
    """An animated WebP; see `pictures.Video`. Its clock counts milliseconds; alpha is ignored.

    Raises:
        DataError: `missing`, `unreadable` or `too_large`.
        OSError: the store failed.
    """

    def __init__(self, locator: str, settings: ClipSettings) -> None:
        self.errors = 0
        with open_binary(locator) as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise DataError("too_large", f"the WebP is larger than {MAX_BYTES} bytes: convert it to MP4")
        try:
            self._image = Image.open(io.BytesIO(content), formats=("WEBP",))
        except (OSError, ValueError, Image.DecompressionBombError) as error:
            raise DataError("unreadable", f"the WebP cannot be opened ({error})") from error
        check_pixels(*self._image.size, settings)
        self.info = VideoInfo(*self._image.size, "webp", Fraction(1, 1000), 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._image.close()

    def packet_times(self) -> list[int] | None:
        """None: only decoding tells them."""
        return None

    def pictures(self, first_pts: int | None = None, exact: bool = True) -> Iterator[ArrayPicture]:
        """Decode from the start, or from the picture at `first_pts` on; a damaged end ends it early."""
        pts = 0
        try:
            for image in ImageSequence.Iterator(self._image):
                array = np.asarray(image.convert("RGB"))
                if first_pts is None or pts >= first_pts:
                    yield ArrayPicture(pts, *image.size, array)
                pts += round(image.info.get("duration", 0))
        except (OSError, ValueError, EOFError):
            self.errors += 1
