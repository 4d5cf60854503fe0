"""Rules of a sample's pictures: they decode, have the record's size, and differ where the marks are."""

import re
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from somtom.schemas.pictures import decode_jpeg
from somtom.schemas.reasons import DataError
from somtom.schemas.record import Record
from somtom.schemas.sample import CLEAN, MARKED

_MAX_PIXELS = 1 << 27  # nothing we write comes near; more is not decoded
_DRAWN = 24  # levels: a mark changes some pixel by more than JPEG noise does
_UNTOUCHED = 16  # levels: ... and leaves more than half of a large picture alone, but for JPEG noise
_LARGE_PX = 224
_PICTURE = re.compile(r"(.+\.)?jpg")


def picture_faults(record: Record, members: Mapping[str, bytes]) -> Iterator[str]:
    """Check every picture of the sample."""
    size = (record["width"], record["height"])
    pictures: dict[str, NDArray[np.uint8]] = {}
    for name, data in members.items():
        if not _PICTURE.fullmatch(name):
            continue
        form = jpeg_form(data)
        if form is None or form[0] * form[1] > _MAX_PIXELS or not data.endswith(b"\xff\xd9"):
            yield f"{name} is not a whole JPEG"
        elif form[2] != 3:
            yield f"{name} must have 3 colours, got {form[2]}"
        elif name in (MARKED, CLEAN) and form[:2] != size:
            yield f"{name} is {form[0]} x {form[1]}, but the record says {size[0]} x {size[1]}"
        else:
            try:
                pictures[name] = decode_jpeg(data)
            except DataError:
                yield f"{name} is not a readable JPEG"
    history = sum(1 for name in members if re.fullmatch(r"h[0-9]{2}\.jpg", name))
    if history != len(record["history"]):
        yield f"{len(record['history'])} entries of history, but {history} pictures"
    if MARKED in pictures and CLEAN in pictures:
        change = np.abs(pictures[MARKED].astype(np.int16) - pictures[CLEAN]).max(axis=2)
        is_drawn, count = bool(change.max() >= _DRAWN), len(record["marks"])
        if is_drawn != bool(count) and (is_drawn or _names_numbers(record)):
            yield f"{count} marks, but jpg and clean.jpg differ by at most {change.max()} levels"
        elif min(size) >= _LARGE_PX and np.median(change) > _UNTOUCHED:
            yield "jpg and clean.jpg are different pictures"


def _names_numbers(record: Record) -> bool:
    """Whether the text calls marks by the numbers in the picture; a clip's answer may be places alone."""
    answers = [turn["value"] for turn in record["conversations"][1:2]]
    return record["task"] in ("ui", "vl") or not any(answer.startswith("[") for answer in answers)


def jpeg_form(data: bytes) -> tuple[int, int, int] | None:
    """Read width, height and number of colours from a JPEG's frame header, without decoding it.

    None where there is no such header: segments follow each other by their lengths (ITU T.81, B.1.1.4).
    """
    if data[:2] != b"\xff\xd8":
        return None
    at = 2
    while at + 10 <= len(data) and data[at] == 0xFF:
        kind, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4])
        # SOF0..SOF15, without the tables DHT, JPG and DAC that lie among them
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):
            height, width = int.from_bytes(data[at + 5 : at + 7]), int.from_bytes(data[at + 7 : at + 9])
            return (width, height, data[at + 9]) if width and height else None
        at += 2 + max(length, 2)
    return None
