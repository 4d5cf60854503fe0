"""Video through PyAV (FFmpeg), with what must be done right so that no wrong frame comes out silently.

Time is each frame's own pts. The picture is turned as its display matrix says and its pixels are made square.
Colours become full-range RGB by the matrix and range that the frame declares (BT.601 and limited where it
declares none, as FFmpeg does); HDR transfer curves are not tone-mapped; alpha is ignored; interlaced frames
stay woven.
"""

import os
from collections.abc import Iterator
from fractions import Fraction
from itertools import chain
from types import TracebackType
from typing import IO, Any, Self

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from somtom.schemas.reasons import DataError
from somtom.schemas.settings import ClipSettings
from somtom.sources.files import open_binary
from somtom.sources.pictures import VideoInfo, check_pixels, square_size
from somtom.sources.sniff import is_cut_off

Axes = tuple[bool, bool, bool]  # swap the axes, then flip x, then flip y

# by degrees counter-clockwise
AXES_OF_ROTATION: dict[int, Axes] = {
    0: (False, False, False),
    90: (True, False, True),
    180: (False, True, True),
    270: (True, True, False),
}

READ_BYTES = 1 << 18
ATTACHED_PICTURE = 1024  # av.stream.Disposition.attached_pic: cover art
# Demuxers whose seeking lands on true key frames; others (GIF calls every frame one) are decoded from the
# start.
SEEKABLE = frozenset(
    ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "mpegts", "avi", "flv", "asf", "mpeg", "mxf", "nut")
)
# How long before the wanted frame to seek, tried in turn: a frame of an open GOP needs the key frame before
# the nearest one, and transport streams are only sought by bytes.
SEEK_LEADS_S = (0.0, 2.0, 10.0)


class SeekableBytes:
    """A file for FFmpeg, which seeks before the start of a damaged one: no failure of the store."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._size = file.seek(0, os.SEEK_END)
        file.seek(0)

    def read(self, size: int) -> bytes:
        """Read up to `size` bytes."""
        return self._file.read(size)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a place, the start at the least."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._file.tell(), os.SEEK_END: self._size}[whence]
        return self._file.seek(max(0, base + offset))

    def tell(self) -> int:
        """Where reading goes on."""
        return self._file.tell()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class AvPicture:
    """One frame as FFmpeg decoded it; see `pictures.Picture`."""

    def __init__(
        self,
        frame: Any,
        pts: int | None,
        axes: Axes,
        aspect: Fraction | None,
        damaged: bool,
        reformatter: Any,
    ) -> None:
        self._frame = frame
        self._reformatter = reformatter
        self._axes = axes
        self.pts = pts
        self.damaged = damaged
        width, height = square_size(frame.width, frame.height, aspect)
        transposed, flip_x, flip_y = self._axes
        self.width, self.height = (height, width) if transposed else (width, height)
        self.rotation = (270 if flip_y else 90) if transposed else 180 if flip_x and flip_y else 0

    def rgb(self, width: int, height: int) -> NDArray[np.uint8]:
        """Scale and convert in one go, so that no full-size RGB copy is made; (height, width, 3), upright."""
        transposed, flip_x, flip_y = self._axes
        stored = (height, width) if transposed else (width, height)
        try:
            scaled = self._reformatter.reformat(
                self._frame, *stored, format="rgb24", interpolation=Interpolation.AREA, threads=1
            )
        except av.FFmpegError as error:
            name = self._frame.format.name
            raise DataError("undecodable", f"pixel format {name} has no way to RGB: convert it") from error
        rgb: NDArray[np.uint8] = scaled.to_ndarray()
        if transposed:
            rgb = rgb.transpose(1, 0, 2)
        if flip_x:
            rgb = rgb[:, ::-1]
        if flip_y:
            rgb = rgb[::-1]
        return np.ascontiguousarray(rgb)


def display_axes(frame: Any) -> Axes:
    """Read a frame's display matrix; quarter turns and mirrors only.

    The matrix (nine 32-bit numbers, rows a b u / c d v / x y w) shows the stored point (p, q) at
    (ap + cq, bp + dq).
    """
    try:
        side_data = list(frame.side_data)
    except ValueError:  # FFmpeg has kinds that PyAV does not know (EXIF, stereo views): mirrors are not seen
        return AXES_OF_ROTATION.get(frame.rotation % 360, AXES_OF_ROTATION[0])
    for data in side_data:
        if data.type.name == "DISPLAYMATRIX":
            a, b, _, c, d = np.frombuffer(bytes(data), "<i4")[:5].tolist()
            if abs(a) + abs(d) >= abs(b) + abs(c):
                return False, a < 0, d < 0
            return True, c < 0, b < 0
    return False, False, False


class AvVideo:
    """A video file opened with PyAV; see `pictures.Video`. Make it after a fork, never before.

    The file is read through a Python object and FFmpeg may open nothing itself, so a playlist that poses as a
    video cannot make it read other files.

    Raises:
        DataError: `missing`, `unreadable`, `no_video_stream`, `undecodable` or `too_large`.
        OSError: the store failed.
    """

    def __init__(self, locator: str, settings: ClipSettings) -> None:
        self._locator = locator
        self._settings = settings
        self._reformatter = VideoReformatter()
        self._known_axes: dict[int, Axes] = {}
        self.errors = 0
        self._open()
        context, stream = self._stream.codec_context, self._stream
        width, height = square_size(context.width or 0, context.height or 0, stream.sample_aspect_ratio)
        self.info = VideoInfo(width, height, context.name, Fraction(stream.time_base), stream.index)

    def _open(self) -> None:
        self._fresh = True
        self._file = SeekableBytes(open_binary(self._locator))
        try:
            self._container = self._open_container()
            try:
                self._stream = self._choose_stream()
            except BaseException:
                self._container.close()
                raise
        except BaseException:
            self._file.close()
            raise

    def _open_container(self) -> Any:
        # The bound also stops FFmpeg from decoding a huge picture while it probes the file.
        options = {"protocol_whitelist": "none", "max_pixels": str(self._settings.max_pixels)}
        try:
            return av.open(self._file, options=options, buffer_size=READ_BYTES, metadata_errors="ignore")
        except av.FFmpegError as error:
            cut_off = is_cut_off(self._file)
            why = "the index (moov) is missing: the file was cut off" if cut_off else error.strerror
            raise DataError("unreadable", f"the container cannot be opened: {why}; fetch it again") from error

    def _choose_stream(self) -> Any:
        streams = [
            stream for stream in self._container.streams.video if not stream.disposition & ATTACHED_PICTURE
        ]
        best = self._container.streams.best("video")
        stream = best if best in streams else next(iter(streams), None)
        if stream is None:
            raise DataError("no_video_stream", "the container holds no video stream")
        context = stream.codec_context
        if context is None:
            raise DataError("undecodable", "there is no decoder for the video's codec: convert it to H.264")
        if not stream.time_base:
            raise DataError("bad_timestamps", "the stream has no time base: remux the file")
        check_pixels(context.width or 0, context.height or 0, self._settings)
        context.thread_count = 1
        context.options = {"max_pixels": str(self._settings.max_pixels)}
        return stream

    @property
    def stored_size(self) -> tuple[int, int]:
        """Width and height of the pictures as they are stored."""
        return self._stream.codec_context.width, self._stream.codec_context.height

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free the decoder and the file; FFmpeg's memory grows without."""
        self._container.close()
        self._file.close()

    @property
    def _is_avi_reordered(self) -> bool:
        """AVI knows no times of display: for codecs that reorder frames only the order of decoding rises."""
        return self._container.format.name == "avi" and self.info.codec in ("h264", "hevc")

    def packet_times(self) -> list[int] | None:
        """Presentation times of all frames by demuxing alone; None where only decoding tells them."""
        # VP8 and VP9 have packets of frames that are never shown, which look like the others.
        if self._is_avi_reordered or self.info.codec in ("vp8", "vp9"):
            return None
        times: list[int] = []
        for packet in self._packets():
            if packet.size and not packet.is_discard:
                if packet.pts is None:
                    return None
                times.append(packet.pts)
        return sorted(times)

    def pictures(self, first_pts: int | None = None, exact: bool = True) -> Iterator[AvPicture]:
        """Decode from the start, or from the picture at `first_pts` on, sought where that is safe.

        Where no picture has that time, those after it are given: for certain, and slowly, by decoding from
        the start; unless `exact`, also where a good picture from before it was sought and decoded.
        """
        sought = self._container.format.name in SEEKABLE and not self._is_avi_reordered
        if first_pts is not None and sought:
            for lead_s in SEEK_LEADS_S:
                pictures = self._sought(first_pts, lead_s)
                begun = False
                for picture in pictures:
                    if picture.pts is not None and picture.pts >= first_pts:
                        if (picture.pts == first_pts or begun) and not picture.damaged:
                            yield picture
                            yield from pictures
                            return
                        break
                    begun = not exact and picture.pts is not None and not picture.damaged
                else:
                    if begun:  # the video ends before `first_pts`
                        return
        if not self._fresh:
            self.close()
            self._open()
        for picture in self._decoded(self._packets()):
            if first_pts is None or (picture.pts is not None and picture.pts >= first_pts):
                yield picture

    def _sought(self, first_pts: int, lead_s: float) -> Iterator[AvPicture]:
        """Decode from a key frame shown no later than `first_pts`; nothing where seeking found none."""
        try:
            self._container.seek(first_pts - round(lead_s / self.info.time_base), stream=self._stream)
        except av.FFmpegError:
            return
        packets = self._packets()
        for packet in packets:
            if packet.is_keyframe:
                if packet.pts is not None and packet.pts <= first_pts:
                    yield from self._decoded(chain((packet,), packets))
                return

    def _packets(self) -> Iterator[Any]:
        """Demux the stream; a damaged end ends it early."""
        self._fresh = False
        while True:
            try:
                yield from self._container.demux(self._stream)
            except av.FFmpegError:
                self.errors += 1
            except IndexError:  # the packet of a stream that began after the file was opened: PyAV lacks it
                continue
            return

    def _decoded(self, packets: Iterator[Any]) -> Iterator[AvPicture]:
        """Decode packets; behind one that fails, go on at the next key frame.

        A flagged picture taints those that build on it, which the decoder does not flag: all up to the next
        key frame.
        """
        aspect = self._stream.sample_aspect_ratio
        lost = damaged = False
        for packet in chain(packets, (None,)):
            if packet is not None and lost and not packet.is_keyframe:
                continue
            lost = False
            try:
                frames = self._drained() if packet is None else packet.decode()
            except av.FFmpegError:
                self.errors += 1
                lost = True
                frames = self._drained()
            for frame in frames:
                check_pixels(frame.width, frame.height, self._settings)
                damaged = bool(frame.is_corrupt or (damaged and not frame.key_frame))
                pts = frame.dts if self._is_avi_reordered else frame.pts
                yield AvPicture(frame, pts, self._axes_of(frame), aspect, damaged, self._reformatter)

    def _axes_of(self, frame: Any) -> Axes:
        """How to turn a frame, looked up once for each rotation.

        Looking at `side_data` ties a frame into a cycle that only the garbage collector frees: done for each
        one, hundreds of full-size frames would pile up.
        """
        if frame.rotation not in self._known_axes:
            self._known_axes[frame.rotation] = display_axes(frame)
        return self._known_axes[frame.rotation]

    def _drained(self) -> list[Any]:
        """Take the frames that the decoder still holds and make it ready for a key frame."""
        context = self._stream.codec_context
        try:
            return list(context.decode(None))
        except av.FFmpegError:
            return []
        finally:
            context.flush_buffers()
