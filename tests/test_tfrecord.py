"""TFRecord files: records are found by seeking, checked when read, and hostile ones cost nothing."""

import gzip
import io
import struct
import tracemalloc
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tfrecords import frame, header, masked_crc, tfrecord

from somtom.schemas.reasons import DataError
from somtom.sources.tfrecord import (
    Span,
    check_payload,
    compression_of,
    stored_checksum,
    stream_records,
    walk_records,
)

PAYLOADS = st.lists(st.binary(max_size=40), max_size=6)


class Counted(io.BytesIO):
    """Counts the bytes that are read."""

    seen = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.seen += len(data)
        return data


def walked(data: bytes) -> tuple[list[bytes], str]:
    """Payloads that a walk finds, and the message it ends with."""
    file, found = io.BytesIO(data), []
    try:
        for span in walk_records(file):
            check_payload(file, span)
            found.append(data[span.offset : span.end])
    except DataError as error:
        assert error.reason == "unreadable"
        return found, error.message
    return found, ""


def streamed(data: bytes, limit: int = 1 << 20) -> tuple[list[bytes | None], str]:
    """Payloads of a stream, None for a damaged one, and the reason it ends with."""
    found: list[bytes | None] = []
    try:
        for record in stream_records(io.BytesIO(data), limit):
            found.append(record if isinstance(record, bytes) else None)
    except DataError as error:
        return found, error.reason
    return found, ""


def test_the_checksum_is_the_published_one() -> None:
    # RFC 3720, B.4: 32 bytes of zeros.
    crc = 0x8A9136AA
    assert masked_crc(bytes(32)) == ((crc >> 15 | crc << 17) + 0xA282EAD8) % (1 << 32)


@given(PAYLOADS)
def test_every_record_is_found_by_walking_and_by_streaming(payloads: list[bytes]) -> None:
    data = tfrecord(payloads)
    assert walked(data) == (payloads, "")
    assert streamed(data) == (payloads, "")


@given(PAYLOADS)
def test_compressed_files_are_read_whatever_their_name(payloads: list[bytes]) -> None:
    data = tfrecord(payloads)
    assert streamed(gzip.compress(data)) == (payloads, "")
    assert streamed(zlib.compress(data)) == (payloads, "")
    assert streamed(gzip.compress(data) + gzip.compress(data)) == (payloads * 2, "")


@given(PAYLOADS, st.integers(min_value=0))
def test_a_file_cut_anywhere_gives_what_is_whole_and_says_so(payloads: list[bytes], cut: int) -> None:
    data = tfrecord(payloads)
    cut %= len(data) + 1
    starts = [len(tfrecord(payloads[:count])) for count in range(len(payloads) + 1)]
    whole = sum(start <= cut for start in starts) - 1
    found, message = walked(data[:cut])
    assert found == payloads[:whole]
    assert ("the file ends within record" in message) == (cut not in starts)
    assert streamed(data[:cut]) == (payloads[:whole], "" if cut in starts else "unreadable")


@given(st.binary(max_size=200))
def test_any_bytes_end_in_a_reason(data: bytes) -> None:
    walked(data)
    for start in (b"", b"\x1f\x8b\x08\x00", b"\x78\x9c"):
        assert streamed(start + data)[1] in ("", "unreadable", "too_large")


@given(st.data())
def test_a_flipped_bit_of_a_compressed_file_ends_in_a_reason(data: st.DataObject) -> None:
    packed = bytearray(gzip.compress(tfrecord([b"one", b"two" * 30])))
    packed[data.draw(st.integers(0, len(packed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert streamed(bytes(packed))[1] in ("", "unreadable", "too_large")


@given(st.lists(st.binary(min_size=1, max_size=20), min_size=2, max_size=4), st.data())
def test_a_flipped_bit_of_a_payload_costs_that_record_only(
    payloads: list[bytes], data: st.DataObject
) -> None:
    number = data.draw(st.integers(0, len(payloads) - 1))
    at = len(tfrecord(payloads[:number])) + 12 + data.draw(st.integers(0, len(payloads[number]) - 1))
    changed = bytearray(tfrecord(payloads))
    changed[at] ^= 1 << data.draw(st.integers(0, 7))
    expected: list[bytes | None] = list(payloads)
    expected[number] = None
    assert streamed(bytes(changed)) == (expected, "")
    file = io.BytesIO(bytes(changed))
    spans = list(walk_records(file))
    with pytest.raises(DataError, match="checksum is wrong"):
        check_payload(file, spans[number])


def test_a_damaged_length_ends_the_file() -> None:
    data = bytearray(tfrecord([b"first", b"second", b"third"]))
    data[len(frame(b"first")) + 9] ^= 1
    found, message = walked(bytes(data))
    assert found == [b"first"]
    assert "the length of record 1 is damaged" in message
    assert streamed(bytes(data)) == ([b"first"], "unreadable")


def test_a_length_beyond_the_file_is_refused_without_reading_it() -> None:
    data = frame(b"good") + header(1 << 40) + bytes(100)
    tracemalloc.start()
    found, message = walked(data)
    streams = streamed(data), streamed(gzip.compress(data))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == [b"good"] and "1099511627776" in message
    assert streams == (([b"good"], "too_large"),) * 2
    assert peak < 1 << 22


def test_a_record_that_inflates_beyond_the_limit_is_refused() -> None:
    bomb = gzip.compress(header(1 << 26) + bytes(1 << 26))
    assert len(bomb) < 100_000
    tracemalloc.start()
    assert streamed(bomb, 1 << 20) == ([], "too_large")
    assert tracemalloc.get_traced_memory()[1] < 1 << 22
    tracemalloc.stop()


def test_walking_reads_headers_only() -> None:
    file = Counted(tfrecord([bytes(10_000)] * 5))
    spans = list(walk_records(file))
    assert spans == [Span(12 + 10_016 * number, 10_000) for number in range(5)]
    assert file.seen == 5 * 12


def test_the_stored_checksum_is_read_without_the_payload() -> None:
    file = Counted(frame(bytes(10_000)))
    assert stored_checksum(file, Span(12, 10_000)) == masked_crc(bytes(10_000))
    assert file.seen == 4
    with pytest.raises(DataError, match="ends within the record"):
        stored_checksum(file, Span(12, 10_002))


def test_a_length_that_looks_like_gzip_is_no_gzip() -> None:
    length = struct.unpack("<H", b"\x1f\x8b")[0]
    data = tfrecord([bytes(length)])
    assert data[:2] == b"\x1f\x8b"
    assert compression_of(io.BytesIO(data)) == ""
    assert streamed(data) == ([bytes(length)], "")


def test_hostile_files_end_as_they_should(test_data: Path) -> None:
    expected = {
        "tfrecord_bad_data_crc": ([None], ""),
        "tfrecord_bad_length_crc": ([], "unreadable"),
        "tfrecord_empty": ([], ""),
        "tfrecord_huge_length": ([], "too_large"),
    }
    folder = test_data / "hostile" / "robot"
    assert {name: streamed((folder / name).read_bytes()) for name in expected} == expected
    counts = {
        name: (len(streamed((folder / name).read_bytes())[0]), streamed((folder / name).read_bytes())[1])
        for name in ("tfrecord_gzip", "tfrecord_not_example", "tfrecord_truncated", "tfrecord_bad_episodes")
    }
    assert counts == {
        "tfrecord_gzip": (1, ""),
        "tfrecord_not_example": (2, ""),
        "tfrecord_truncated": (1, "unreadable"),
        "tfrecord_bad_episodes": (4, ""),
    }
