"""TFRecord files: where their records lie, found without reading them, and what is in them, checked.

A record is a u64 length (little-endian), the masked CRC-32C of these 8 bytes, the payload, and its masked
CRC-32C (tensorflow/core/lib/io/record_writer.h). A file may be compressed as a whole, whatever its name.
"""

import os
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

import google_crc32c

from somtom.schemas.reasons import DataError
from somtom.sources.sniff import Seekable

MAX_RECORD_BYTES = 1 << 29  # of a record that is held in memory; a Python protobuf ends at 2 GiB
CHUNK_BYTES = 1 << 20

_HEADER = struct.Struct("<QI")
_FOOTER = struct.Struct("<I")
_FRAME_BYTES = _HEADER.size + _FOOTER.size
_WINDOW_BITS = {"gzip": 31, "zlib": 15}


class Span(NamedTuple):
    """Where a record's payload lies in its file, in bytes."""

    offset: int
    length: int

    @property
    def end(self) -> int:
        """Where the payload's checksum begins."""
        return self.offset + self.length


def compression_of(file: Seekable) -> str:
    """Tell how a file is compressed, by its first bytes: "gzip", "zlib" or "" (not at all)."""
    file.seek(0)
    head = file.read(_HEADER.size)
    if len(head) < 2 or (len(head) == _HEADER.size and _length_of(head) is not None):
        return ""
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    is_zlib = head[0] & 0x8F == 8 and int.from_bytes(head[:2], "big") % 31 == 0  # RFC 1950, 2.2
    return "zlib" if is_zlib else ""


def walk_records(file: Seekable) -> Iterator[Span]:
    """Find the records of an uncompressed file by their lengths alone; no payload is read.

    Raises:
        DataError: `unreadable`: the file is damaged or cut off behind the records given so far; those that
            follow cannot be found.
    """
    size = file.seek(0, os.SEEK_END)
    at = number = 0
    while at < size:
        file.seek(at)
        header = file.read(_HEADER.size)
        if len(header) < _HEADER.size:
            raise _cut_off(number)
        length = _length_of(header)
        if length is None:
            raise _lost(number)
        if length > size - at - _FRAME_BYTES:
            raise _cut_off(number, f" (it claims {length} bytes of the {size - at} that are left)")
        yield Span(at + _HEADER.size, length)
        at += length + _FRAME_BYTES
        number += 1


def stored_checksum(file: Seekable, span: Span) -> int:
    """The checksum that a record carries behind its payload, unchecked.

    Raises:
        DataError: `unreadable`: the file ends before it.
    """
    file.seek(span.end)
    footer = file.read(_FOOTER.size)
    if len(footer) < _FOOTER.size:
        raise DataError("unreadable", "the file ends within the record: fetch it again")
    return int(_FOOTER.unpack(footer)[0])


def check_payload(file: Seekable, span: Span) -> None:
    """Hold a record's payload against its checksum, a chunk at a time.

    Raises:
        DataError: `unreadable`.
    """
    file.seek(span.offset)
    crc, left = 0, span.length
    while left:
        chunk = file.read(min(left, CHUNK_BYTES))
        if not chunk:
            break
        crc = google_crc32c.extend(crc, chunk)
        left -= len(chunk)
    if left or _masked(crc) != stored_checksum(file, span):
        raise _bad_payload()


def stream_records(file: Seekable, limit: int = MAX_RECORD_BYTES) -> Iterator[bytes | DataError]:
    """Read a file's payloads in order, compressed or not; a damaged one gives an error, and the next go on.

    One record and a chunk are held in memory, however far the file would inflate.

    Raises:
        DataError: `unreadable`, `too_large` (a record of more than `limit` bytes): what follows is lost.
    """
    kind = compression_of(file)
    file.seek(0)
    stream = _Inflated(file, kind) if kind else _Plain(file)
    number = 0
    while header := stream.take(_HEADER.size):
        length = _length_of(header) if len(header) == _HEADER.size else 0
        if length is None:
            raise _lost(number)
        if length > limit:
            raise DataError(
                "too_large", f"record {number} claims {length} bytes: more than {limit} are not read"
            )
        payload = stream.take(length)
        footer = stream.take(_FOOTER.size)
        if len(footer) < _FOOTER.size:
            raise _cut_off(number)
        if _masked(google_crc32c.value(payload)) == _FOOTER.unpack(footer)[0]:
            yield payload
        else:
            yield _bad_payload()
        number += 1


class _Plain:
    """Reads a file's own bytes."""

    def __init__(self, file: Seekable) -> None:
        self._file = file

    def take(self, size: int) -> bytes:
        """The next bytes, fewer at the end; grows with what is there, not with what is asked for."""
        found = bytearray()
        while len(found) < size and (chunk := self._file.read(min(size - len(found), CHUNK_BYTES))):
            found += chunk
        return bytes(found)


class _Inflated:
    """Inflates a gzip (of one or more members) or zlib file as it is asked for."""

    def __init__(self, file: Seekable, kind: str) -> None:
        self._file, self._bits = file, _WINDOW_BITS[kind]
        self._inflater = zlib.decompressobj(self._bits)
        self._input = b""

    def take(self, size: int) -> bytes:
        """The next bytes, fewer at the end.

        Raises:
            DataError: `unreadable`.
        """
        found = bytearray()
        while len(found) < size:
            if self._inflater.eof:
                self._input = self._inflater.unused_data or self._file.read(CHUNK_BYTES)
                if not self._input.strip(b"\0"):  # padding may follow the last member
                    break
                self._inflater = zlib.decompressobj(self._bits)
            self._input = self._input or self._file.read(CHUNK_BYTES)
            is_end = not self._input
            try:
                chunk = self._inflater.decompress(self._input, min(size - len(found), CHUNK_BYTES))
            except zlib.error as error:
                raise DataError(
                    "unreadable", f"the compressed data is damaged ({error}): fetch it again"
                ) from error
            self._input = self._inflater.unconsumed_tail
            if is_end and not chunk and not self._inflater.eof:
                raise DataError("unreadable", "the compressed file is cut off: fetch it again")
            found += chunk
        return bytes(found)


def _masked(crc: int) -> int:
    """Mask a checksum, so that one over data with checksums in it is sound (record_writer.h)."""
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _length_of(header: bytes) -> int | None:
    """The payload's length; None where its checksum is wrong."""
    length, crc = _HEADER.unpack(header)
    return int(length) if _masked(google_crc32c.value(header[:8])) == crc else None


def _lost(number: int) -> DataError:
    what = f"the length of record {number} is damaged" if number else "is no TFRecord file, or damaged"
    return DataError("unreadable", f"{what}; records from there on cannot be found: fetch the file again")


def _cut_off(number: int, detail: str = "") -> DataError:
    return DataError("unreadable", f"the file ends within record {number}{detail}: fetch it again")


def _bad_payload() -> DataError:
    return DataError("unreadable", "the record's checksum is wrong: fetch the file again")
