"""What a file is, judged by its first bytes and never by decoding it; the name only breaks ties."""

import os
import struct
from pathlib import PurePosixPath
from typing import Protocol

from somtom.schemas.reasons import DataError

HEAD_BYTES = 4096
MAX_BOXES = 1000  # outer boxes looked at; fragmented files have many, but their moov comes first

VIDEO_SUFFIXES = frozenset(
    suffix.decode()
    for suffix in (
        b".mp4 .m4v .mov .qt .mkv .webm .avi .ts .mts .m2ts .mpg .mpeg .m2v .vob .flv .f4v .wmv .asf .3gp"
        b" .3g2 .ogv .gif .apng .mxf .ivf .y4m .mjpeg .mjpg .h264 .264 .h265 .265 .hevc .av1 .obu .rm .rmvb"
        b" .divx .dv"
    ).split()
)
ISO_BOXES = frozenset(b"ftyp moov mdat free skip wide pnot styp moof sidx".split())  # follow a 4-byte length
STILL_BRANDS = frozenset(b"avif heic heix heim heis mif1".split())  # follow ftyp
VIDEO_MAGIC = (
    *(b"\x1aE\xdf\xa3", b"FLV\x01", b"0&\xb2u\x8ef\xcf\x11", b"OggS", b"DKIF", b"YUV4MPEG2", b".RMF"),
    *(b"GIF87a", b"GIF89a", b"\x06\x0e+4\x02\x05\x01", b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3"),
)
STILL_MAGIC = (
    *(b"\xff\xd8\xff", b"BM", b"II*\x00", b"MM\x00*", b"\x00\x00\x01\x00", b"8BPS", b"v/1\x01", b"qoif"),
    *(b"\xff\x0a", b"\x00\x00\x00\x0cJXL ", b"\x00\x00\x00\x0cjP  ", b"DDS ", b"SDPX", b"XPDS"),
)
OTHER_MAGIC = (
    *(b"%PDF", b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"\x89HDF", b"PAR1", b"Rar!"),
    *(b"SQLite format 3", b"\x7fELF", b"\x93NUMPY", b"(\xb5/\xfd", b"ID3", b"fLaC", b"ARROW1"),
)
TS_PACKETS = ((188, 0), (192, 4), (204, 0))  # packet length, offset of the sync byte 0x47


class Seekable(Protocol):
    """What is asked of a file here."""

    def read(self, size: int) -> bytes: ...  # noqa: D102 - as everywhere
    def seek(self, offset: int, whence: int = 0) -> int: ...  # noqa: D102


def is_png_animated(head: bytes) -> bool:
    """Whether a PNG's chunks before the pixels announce more than one frame (acTL)."""
    position = 8
    while position + 12 <= len(head):
        length, kind = struct.unpack_from(">I4s", head, position)
        if kind == b"acTL":
            return (
                position + 12 <= len(head) and int.from_bytes(head[position + 8 : position + 12], "big") > 1
            )
        if kind == b"IDAT":
            return False
        position += 12 + length
    return False


def is_animated_webp(head: bytes) -> bool:
    """Whether these are the first bytes of a WebP whose header announces an animation."""
    return head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X" and len(head) > 20 and bool(head[20] & 2)


def is_text(head: bytes) -> bool:
    """Whether the bytes read as UTF-8 without control characters."""
    try:
        text = head[:1024].decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head[:1024]) - 4:
            return False
        text = head[: error.start].decode("utf-8")
    return bool(text) and all(character.isprintable() or character in "\t\r\n\f\ufeff" for character in text)


def kind_of(head: bytes) -> str:
    """Judge the first bytes of a file: "video", "still", "text", "other" or "unknown"."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "video" if is_png_animated(head) else "still"
    if head[:4] == b"RIFF":
        if head[8:12] == b"WEBP":
            return "video" if is_animated_webp(head) else "still"
        return "video" if head[8:11] == b"AVI" else "other"
    if head[4:8] in ISO_BOXES:
        return "still" if head[4:8] == b"ftyp" and head[8:12] in STILL_BRANDS else "video"
    if any(head[at::step][:4].count(0x47) >= 3 and len(head) > 3 * step for step, at in TS_PACKETS):
        return "video"
    for kind, magics in (("video", VIDEO_MAGIC), ("still", STILL_MAGIC), ("other", OTHER_MAGIC)):
        if head.startswith(magics):
            return kind
    return "text" if is_text(head) else "unknown"


def is_cut_off(file: Seekable) -> bool:
    """Whether an MP4 or MOV file ends before its index: none of its outer boxes is the `moov`."""
    size = file.seek(0, os.SEEK_END)
    at = 0
    for _ in range(MAX_BOXES):
        file.seek(at)
        header = file.read(16)
        if len(header) < 8 or header[4:8] not in ISO_BOXES:
            return at > 0
        if header[4:8] == b"moov":
            return False
        length = int.from_bytes(header[:4], "big")
        at += int.from_bytes(header[8:], "big") if length == 1 else length or size
    return False


def claims_video(name: str) -> bool:
    """Whether the file's name says that it is a video.

    >>> claims_video("a/UPPER.MP4"), claims_video("a/b.json"), claims_video("noext")
    (True, False, False)
    """
    return PurePosixPath(name).suffix.lower() in VIDEO_SUFFIXES


def check_is_video(head: bytes, name: str) -> None:
    """Refuse what is not worth opening as a video.

    Raises:
        DataError: `empty_file`, `still_image`, `not_video` or `unreadable`.
    """
    if not head:
        raise DataError("empty_file", f"{name} has no bytes: fetch it again")
    kind = kind_of(head)
    motion_jpeg = head.startswith(b"\xff\xd8\xff") and PurePosixPath(name).suffix.lower() in (
        ".mjpeg",
        ".mjpg",
    )
    if kind == "still" and not motion_jpeg:
        raise DataError("still_image", f"{name} is one picture: nothing moves in it")
    if kind in ("text", "other", "unknown") and not claims_video(name):
        raise DataError("not_video", f"{name} is of another kind: leave it out with `exclude`")
    if kind in ("text", "other"):
        raise DataError("unreadable", f"{name} is named like a video but is not one: fetch it again")
