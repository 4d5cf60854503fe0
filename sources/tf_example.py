"""A `tf.train.Example` read where it lies: only the values that are asked for leave the file.

    Example { features: 1 { feature: 1 (a map) { key: 1, value: 2 Feature } } }
    Feature { bytes_list: 1 | float_list: 2 | int64_list: 3 { value: 1, repeated } }

The field numbers are those of tensorflow/core/example/{example,feature}.proto, the encoding is the protocol
buffers' own: of a key that comes twice the last counts, and unknown fields are skipped. A feature is taken to
hold one list, as every writer makes it.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from somtom.schemas.reasons import DataError
from somtom.sources.protobuf_wire import read_varint
from somtom.sources.sniff import Seekable
from somtom.sources.tfrecord import Span

MAX_FEATURES = 1 << 14
MAX_KEY_BYTES = 1 << 12
MAX_FIELDS = 1 << 20  # walked over to open an Example, or to read one list
MAX_NUMBER_BYTES = 1 << 23  # that the numbers of one list take in the file
MAX_VALUE_BYTES = 1 << 28

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_HEAD_BYTES = 20  # a tag and a length take 10 bytes each at most
_KINDS = {1: "bytes", 2: "float", 3: "int64"}


class _Field(NamedTuple):
    """One field of a message: its number, its wire type, and where its content lies."""

    number: int
    wire: int
    at: int
    end: int


class _Feature(NamedTuple):
    kind: str
    at: int
    end: int


class Example:
    """One Example in a file; opening it finds its features' places and reads none of their values.

    Args:
        file: stays the caller's, who closes it.
        span: where the Example lies in it.

    Raises:
        DataError: `bad_record`: it is no Example.
    """

    def __init__(self, file: Seekable, span: Span) -> None:
        self._file = file
        self._walked = 0
        self._features: dict[str, _Feature] = {}
        for outer in self._fields(span.offset, span.end):
            if outer.number != 1 or outer.wire != _BYTES:
                continue
            for entry in self._fields(outer.at, outer.end):
                if entry.number == 1 and entry.wire == _BYTES:
                    self._add(entry)
                if len(self._features) > MAX_FEATURES:
                    raise _malformed(f"has over {MAX_FEATURES} features")

    @property
    def keys(self) -> tuple[str, ...]:
        """Names of the features, in the file's order."""
        return tuple(self._features)

    def kind(self, key: str) -> str:
        """What a feature's list holds: bytes, float or int64; "" where it is absent or empty."""
        return self._features[key].kind if key in self._features else ""

    def spans(self, key: str) -> NDArray[np.int64]:
        """Places (n, 2) of a bytes list's values in the file: offset and length; (0, 2) where it is absent.

        Raises:
            DataError: `bad_record`: the list is malformed, too long or of another kind.
        """
        found = [
            (field.at, field.end - field.at)
            for field in self._values(key, "bytes")
            if _expect(field.wire == _BYTES, key)
        ]
        return np.array(found, np.int64).reshape(-1, 2)

    def value(self, key: str, place: NDArray[np.int64], limit: int = MAX_VALUE_BYTES) -> bytes:
        """Read one value of a bytes list, at a row of its `spans`.

        Raises:
            DataError: `bad_record`: it is longer than `limit`, or the file ends.
        """
        offset, length = (int(one) for one in place)
        if length > limit:
            raise _malformed(f"{key!r} holds a value of {length} bytes: more than {limit} are not read")
        return self._read(offset, length)

    def values(self, key: str, limit: int = MAX_VALUE_BYTES) -> Iterator[bytes]:
        """Read a bytes list value by value; nothing where it is absent.

        Raises:
            DataError: `bad_record`, as `spans` and `value`.
        """
        for place in self.spans(key):
            yield self.value(key, place, limit)

    def floats(self, key: str) -> NDArray[np.float32]:
        """Read a float list, packed or not; empty where it is absent.

        Raises:
            DataError: `bad_record`: as `spans`.
        """
        parts = []
        for field in self._values(key, "float"):
            _expect(field.wire in (_BYTES, _FIXED32) and (field.end - field.at) % 4 == 0, key)
            parts.append(self._read(field.at, field.end - field.at))
        return np.frombuffer(b"".join(parts), "<f4").astype(np.float32)

    def ints(self, key: str) -> NDArray[np.int64]:
        """Read an int64 list, packed or not; empty where it is absent.

        Raises:
            DataError: `bad_record`: as `spans`.
        """
        parts = []
        for field in self._values(key, "int64"):
            _expect(field.wire in (_BYTES, _VARINT), key)
            parts.append(self._read(field.at, field.end - field.at))
        return _varints(b"".join(parts), key)

    def _add(self, entry: _Field) -> None:
        """Note the feature of one entry of the map."""
        name, place = b"", None
        for field in self._fields(entry.at, entry.end):
            if field.number == 1 and field.wire == _BYTES:
                if field.end - field.at > MAX_KEY_BYTES:
                    raise _malformed(f"has a key of {field.end - field.at} bytes")
                name = self._read(field.at, field.end - field.at)
            elif field.number == 2 and field.wire == _BYTES:
                place = field
        try:
            key = name.decode("utf-8")
        except UnicodeDecodeError as error:
            raise _malformed("has a key that is no text") from error
        self._features[key] = self._feature(place) if place else _Feature("", 0, 0)

    def _feature(self, place: _Field) -> _Feature:
        found = _Feature("", 0, 0)
        for field in self._fields(place.at, place.end):
            if field.number in _KINDS and field.wire == _BYTES:
                found = _Feature(_KINDS[field.number], field.at, field.end)
        return found

    def _values(self, key: str, kind: str) -> Iterator[_Field]:
        """Fields that hold the values of a list; bounded by what may be kept of them."""
        if not self.kind(key):
            return
        feature = self._features[key]
        if feature.kind != kind:
            raise _malformed(f"{key!r} is a list of {feature.kind}, not of {kind}")
        if kind != "bytes" and feature.end - feature.at > MAX_NUMBER_BYTES:
            raise _malformed(f"{key!r} holds over {MAX_NUMBER_BYTES} bytes of numbers")
        self._walked = 0
        yield from (field for field in self._fields(feature.at, feature.end) if field.number == 1)

    def _fields(self, at: int, end: int) -> Iterator[_Field]:
        """Walk over a message's fields by their heads; contents are skipped."""
        while at < end:
            self._file.seek(at)
            head = self._file.read(min(_HEAD_BYTES, end - at))
            tag, used = read_varint(head, 0, _malformed)
            number, wire = tag >> 3, tag & 7
            start = at + used
            if wire == _BYTES:
                length, used = read_varint(head, used, _malformed)
                start = at + used
            elif wire == _VARINT:
                length = read_varint(head, used, _malformed)[1] - used
            elif wire in (_FIXED64, _FIXED32):
                length = 8 if wire == _FIXED64 else 4
            else:
                raise _malformed(f"has a field of wire type {wire}")
            if not number or length > end - start:
                raise _malformed("has a field that reaches beyond its message")
            self._walked += 1
            if self._walked > MAX_FIELDS:
                raise _malformed(f"has over {MAX_FIELDS} fields")
            yield _Field(number, wire, start, start + length)
            at = start + length

    def _read(self, at: int, size: int) -> bytes:
        self._file.seek(at)
        data = self._file.read(size)
        if len(data) < size:
            raise _malformed("ends too early")
        return data


def _varints(data: bytes, key: str) -> NDArray[np.int64]:
    """Integers of up to 10 bytes each, the lowest 7 bits first."""
    raw = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(raw < 0x80).astype(np.int32)
    _expect(not len(raw) or (len(ends) > 0 and ends[-1] == len(raw) - 1), key)
    starts = np.concatenate([np.zeros(1, np.int32), ends[:-1] + 1])[: len(ends)]
    longest = int((ends - starts).max(initial=-1)) + 1
    _expect(longest <= 10, key)
    values = np.zeros(len(ends), np.uint64)
    for place in range(longest):
        reach = np.flatnonzero(ends - starts >= place)
        part = (raw[starts[reach] + place] & 0x7F).astype(np.uint64)
        values[reach] |= part << np.uint64(7 * place)
    return values.view(np.int64)


def _expect(is_right: bool, key: str) -> bool:
    if not is_right:
        raise _malformed(f"{key!r} is malformed")
    return True


def _malformed(what: str) -> DataError:
    return DataError("bad_record", f"the record is no whole tf.train.Example: it {what}")
