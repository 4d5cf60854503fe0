"""Video through decord, for those who have it: read in sequence only, refused wherever it is known to err.

decord counts frames and knows no times: with a start time that is not zero, an edit list or a header that
counts too many it gives wrong frames without saying so. So the packets are read with PyAV first, and the file
is refused unless they start at 0 and are as many as decord's frames.
"""

import importlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from somtom.schemas.reasons import DataError
from somtom.schemas.settings import ClipSettings
from somtom.sources.av_video import AvVideo
from somtom.sources.files import is_remote, local_path, open_binary
from somtom.sources.pictures import ArrayPicture

CURE = 'use backend = "pyav"'


def import_decord() -> Any:
    """Import decord.

    Raises:
        ValueError: it is not installed.
    """
    try:
        return importlib.import_module("decord")
    except ImportError as error:
        raise ValueError('backend = "decord" needs decord: pip install "somtom[decord]"') from error


class DecordVideo:
    """A video file opened with decord; see `pictures.Video`. Damaged pictures go unnoticed.

    Raises:
        DataError: `undecodable` where decord's frames could be wrong, and what `AvVideo` raises.
        ValueError: decord is not installed.
        OSError: the store failed.
    """

    def __init__(self, locator: str, settings: ClipSettings) -> None:
        self._decord = import_decord()
        self.errors = 0
        with AvVideo(locator, settings) as video:
            self.info = video.info
            self._stored = video.stored_size
            times = video.packet_times()
        if times is None or not times or times[0] != 0 or len(set(times)) != len(times):
            raise DataError("undecodable", f"decord is not trusted with this file's times: {CURE}")
        self._times = times
        self._file = open_binary(locator) if is_remote(locator) else None
        self._name = self._file or str(Path.cwd() / local_path(locator))
        self._reader = self._open()
        counted, channels = len(self._reader), self._reader.next().shape[2]
        if counted != len(times) or channels != 3:
            raise DataError(
                "undecodable",
                f"decord gives {counted} frames of {channels} channels, not {len(times)} of 3: {CURE}",
            )

    def _open(self) -> Any:
        try:
            return self._decord.VideoReader(self._name, ctx=self._decord.cpu(0), num_threads=1)
        except (RuntimeError, self._decord.DECORDError) as error:
            raise DataError("undecodable", f"decord cannot open the file: {CURE}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        del self._reader
        if self._file is not None:
            self._file.close()

    def packet_times(self) -> list[int] | None:
        """Presentation times of all frames."""
        return self._times

    def pictures(self, first_pts: int | None = None, exact: bool = True) -> Iterator[ArrayPicture]:
        """Decode in sequence from the start; gives the pictures from `first_pts` on."""
        self._reader = self._open()
        for pts in self._times:
            try:
                array = np.asarray(self._reader.next().asnumpy(), np.uint8)
            except (StopIteration, RuntimeError, self._decord.DECORDError):
                self.errors += 1
                return
            if first_pts is None or pts >= first_pts:
                turned = array.shape[1::-1] != self._stored  # decord has applied the display matrix
                size = (self.info.height, self.info.width) if turned else (self.info.width, self.info.height)
                yield ArrayPicture(pts, *size, array)
