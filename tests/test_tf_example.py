"""Examples are read where they lie: any that can be written comes back, anything else is refused."""

import io
import random
import struct
from pathlib import Path

import numpy as np
import pytest
from example_proto import EXAMPLE
from hypothesis import given
from hypothesis import strategies as st
from tfrecords import Values, example, feature, field, varint

from somtom.schemas.reasons import DataError
from somtom.sources.tf_example import MAX_FIELDS, MAX_NUMBER_BYTES, Example
from somtom.sources.tfrecord import Span, stream_records, walk_records

FLOATS = st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=8)
INTS = st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=8)
BYTES = st.lists(st.binary(max_size=30), min_size=1, max_size=8)
FEATURES = st.dictionaries(st.text(max_size=12), FLOATS | INTS | BYTES, max_size=6)


def opened(data: bytes, before: bytes = b"") -> Example:
    return Example(io.BytesIO(before + data + b"behind"), Span(len(before), len(data)))


def values_of(read: Example, key: str) -> list[object]:
    match read.kind(key):
        case "bytes":
            return list(read.values(key))
        case "float":
            return list(read.floats(key).tolist())
        case "int64":
            return list(read.ints(key).tolist())
    return []


@given(FEATURES, st.booleans(), st.binary(max_size=5))
def test_what_is_written_is_read_back(features: dict[str, Values], packed: bool, before: bytes) -> None:
    read = opened(example(features, packed), before)
    assert read.keys == tuple(features)
    assert {key: values_of(read, key) for key in features} == features


@given(FEATURES)
def test_what_protobuf_writes_is_read_back(features: dict[str, Values]) -> None:
    written = EXAMPLE()
    for key, values in features.items():
        first = values[0]
        kind = "bytes" if isinstance(first, bytes) else "float" if isinstance(first, float) else "int64"
        getattr(written.features.feature[key], f"{kind}_list").value.extend(values)  # type: ignore[attr-defined]
    read = opened(written.SerializeToString())
    assert {key: values_of(read, key) for key in read.keys} == features


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    check_reads_or_refuses(data)


@given(FEATURES, st.data())
def test_a_changed_byte_is_read_or_refused(features: dict[str, Values], data: st.DataObject) -> None:
    changed = bytearray(example(features))
    if changed:
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    check_reads_or_refuses(bytes(changed))


@given(FEATURES, st.integers(0, 400))
def test_a_cut_off_example_is_read_or_refused(features: dict[str, Values], cut: int) -> None:
    check_reads_or_refuses(example(features)[:cut])


def check_reads_or_refuses(data: bytes) -> None:
    try:
        read = opened(data)
        for key in read.keys:
            values_of(read, key)
    except DataError as error:
        assert error.reason == "bad_record"


def test_a_feature_that_is_absent_or_empty_gives_nothing() -> None:
    read = opened(example({"empty": []}))
    assert read.keys == ("empty",)
    for key in ("empty", "absent"):
        assert read.kind(key) == ""
        assert read.spans(key).shape == (0, 2)
        assert not read.floats(key).size and not read.ints(key).size


def test_a_list_of_another_kind_is_refused() -> None:
    read = opened(example({"a": [1.5], "b": [b"x"]}))
    with pytest.raises(DataError, match="'a' is a list of float, not of int64"):
        read.ints("a")
    with pytest.raises(DataError, match="'b' is a list of bytes, not of float"):
        read.floats("b")
    with pytest.raises(DataError, match="not of bytes"):
        read.spans("a")


def test_of_a_key_that_comes_twice_the_last_counts_and_the_order_within_an_entry_does_not() -> None:
    value = field(2, feature([2]))
    entries = field(1, field(1, b"k") + field(2, feature([1]))) + field(1, value + field(1, b"k"))
    assert opened(field(1, entries)).ints("k").tolist() == [2]


def test_unknown_fields_are_skipped() -> None:
    unknown = varint(9 << 3) + varint(300) + varint(9 << 3 | 1) + bytes(8) + varint(9 << 3 | 5) + bytes(4)
    inner = unknown + field(1, field(1, b"k") + unknown + field(2, unknown + feature([b"v"])))
    read = opened(unknown + field(1, inner) + field(7, b"other"))
    assert list(read.values("k")) == [b"v"]


def test_pictures_are_skipped_and_read_one_by_one() -> None:
    class Counted(io.BytesIO):
        seen = 0

        def read(self, size: int | None = -1) -> bytes:
            data = super().read(size)
            self.seen += len(data)
            return data

    data = example({"image": [bytes([number]) * 50_000 for number in range(20)], "action": [0.5] * 7})
    file = Counted(data)
    read = Example(file, Span(0, len(data)))
    assert read.floats("action").tolist() == [0.5] * 7
    places = read.spans("image")
    assert file.seen < 1000
    assert read.value("image", places[7]) == bytes([7]) * 50_000
    with pytest.raises(DataError, match="a value of 50000 bytes"):
        read.value("image", places[0], limit=49_999)


def test_lists_too_long_to_hold_are_refused() -> None:
    numbers = field(1, field(1, field(1, b"k") + field(2, field(2, field(1, bytes(MAX_NUMBER_BYTES))))))
    with pytest.raises(DataError, match="bytes of numbers"):
        opened(numbers).floats("k")
    many = field(1, b"\x0a\x00" * (MAX_FIELDS + 1))
    with pytest.raises(DataError, match="fields"):
        opened(many)


def test_a_number_that_does_not_end_is_refused() -> None:
    for numbers in (b"\xff" * 11 + b"\x01", b"\x01\x80"):
        data = field(1, field(1, field(1, b"k") + field(2, field(3, field(1, numbers)))))
        with pytest.raises(DataError, match="'k' is malformed"):
            opened(data).ints("k")
    ragged = field(1, field(1, field(1, b"k") + field(2, field(2, field(1, b"\0\0\0")))))
    with pytest.raises(DataError, match="'k' is malformed"):
        opened(ragged).floats("k")


def test_numbers_that_are_not_finite_are_read_as_they_are() -> None:
    read = opened(example({"a": [float("nan"), float("inf"), 1.0]}))
    assert np.array_equal(read.floats("a"), [np.nan, np.inf, 1.0], equal_nan=True)


def test_real_records_read_as_protobuf_reads_them(test_data: Path) -> None:
    files = sorted((test_data / "robot").glob("rlds_*/*/*/*.tfrecord-*"))
    assert files
    for path in files:
        with path.open("rb") as file:
            for span in walk_records(file):
                read = Example(file, span)
                file.seek(span.offset)
                check_equals_protobuf(read, file.read(span.length))


def test_compressed_real_records_read_as_protobuf_reads_them(test_data: Path) -> None:
    files = sorted((test_data / "ui" / "layouts").glob("*-00000-of-00001"))
    assert files
    for path in files:
        with path.open("rb") as file:
            for payload in stream_records(file):
                assert isinstance(payload, bytes)
                check_equals_protobuf(Example(io.BytesIO(payload), Span(0, len(payload))), payload)


def check_equals_protobuf(read: Example, payload: bytes) -> None:
    theirs = EXAMPLE()
    theirs.ParseFromString(payload)
    features = theirs.features.feature  # type: ignore[attr-defined]
    assert set(read.keys) == set(features)
    for key, one in features.items():
        kind = one.WhichOneof("kind")
        expected = list(getattr(one, kind).value) if kind else []
        assert values_of(read, key) == expected, key


def test_a_real_record_with_damage_anywhere_is_read_or_refused(test_data: Path) -> None:
    path = test_data / "hostile" / "robot" / "tfrecord_not_example"
    with path.open("rb") as file:
        for span in walk_records(file):
            file.seek(span.offset)
            check_reads_or_refuses(file.read(span.length))
    whole = (test_data / "hostile" / "robot" / "tfrecord_bad_data_crc").read_bytes()[12:-4]
    draw = random.Random(5)
    for _ in range(30):
        changed = bytearray(whole)
        struct.pack_into("<H", changed, draw.randrange(0, 4000), draw.randrange(1 << 16))
        check_reads_or_refuses(bytes(changed))
