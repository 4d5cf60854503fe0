"""Android's accessibility trees as serialised messages: what AndroidControl stores beside each screenshot.

    AndroidAccessibilityForest     { windows: 1, repeated }
    AndroidAccessibilityWindowInfo { tree: 11 }
    AndroidAccessibilityTree       { nodes: 1, repeated }
    AndroidAccessibilityNodeInfo   { the fields below }
    ProtoRect                      { left: 1, top: 2, right: 3, bottom: 4 }

The numbers are those of android_env/proto/a11y/*.proto; the encoding is the protocol buffers' own: what is
absent is 0, "" or false, and unknown fields are skipped.
"""

from collections.abc import Iterator
from typing import NamedTuple

from somtom.schemas.reasons import DataError
from somtom.sources.boxes import four_numbers
from somtom.sources.protobuf_wire import read_varint
from somtom.sources.view_hierarchy import MAX_VIEWS, View, plain_text, role_of

MAX_FIELDS = 200_000  # of one forest; a node has about 25

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_WINDOW, _TREE, _NODE = 1, 11, 1
_BOUNDS, _CLASS, _DESCRIPTION, _HINT, _TEXT = 2, 3, 4, 5, 7
_CLICKABLE, _EDITABLE, _ENABLED, _LONG_CLICKABLE, _VISIBLE = 14, 15, 16, 19, 23


class _Field(NamedTuple):
    number: int
    value: int  # of a number
    content: memoryview  # of bytes, texts and messages


def parse_forest(data: bytes) -> list[View]:
    """Read all nodes of all windows, in order, with boxes in pixels of the device; none of no bytes.

    Raises:
        DataError: `bad_record`: the bytes are no such message, or hold too much; `bad_box`.
    """
    reader = _Reader()
    views: list[View] = []
    for window in reader.inside(memoryview(data), _WINDOW):
        for tree in reader.inside(window, _TREE):
            for node in reader.inside(tree, _NODE):
                if len(views) == MAX_VIEWS:
                    raise _malformed(f"holds over {MAX_VIEWS} nodes")
                views.append(_view(reader, node))
    return views


class _Reader:
    """Walks over messages, and over no more fields than one forest may have."""

    def __init__(self) -> None:
        self._left = MAX_FIELDS

    def inside(self, message: memoryview, number: int) -> Iterator[memoryview]:
        """The messages in a message's field."""
        return (field.content for field in self.fields(message) if field.number == number and field.value < 0)

    def fields(self, message: memoryview) -> Iterator[_Field]:
        """Fields in order; `value` is -1 for those that are no numbers."""
        at = 0
        while at < len(message):
            self._left -= 1
            if self._left < 0:
                raise _malformed(f"holds over {MAX_FIELDS} fields")
            tag, at = read_varint(message, at, _malformed)
            value, size = -1, 0
            match tag & 7:
                case 0:
                    value, at = read_varint(message, at, _malformed)
                case 2:
                    size, at = read_varint(message, at, _malformed)
                case 1 | 5:
                    size = 8 if tag & 7 == _FIXED64 else 4
                case wire:
                    raise _malformed(f"has a field of wire type {wire}")
            if not tag >> 3 or size > len(message) - at:
                raise _malformed("has a field that reaches beyond its message")
            yield _Field(tag >> 3, value, message[at : at + size])
            at += size


def _view(reader: _Reader, node: memoryview) -> View:
    numbers: dict[int, int] = {}
    contents: dict[int, memoryview] = {}
    for field in reader.fields(node):
        numbers[field.number] = field.value
        contents[field.number] = field.content
    sides = {
        field.number: _signed(field.value) for field in reader.fields(contents.get(_BOUNDS, memoryview(b"")))
    }
    acts = any(numbers.get(flag, 0) > 0 for flag in (_CLICKABLE, _LONG_CLICKABLE, _EDITABLE))
    return View(
        four_numbers([sides.get(side, 0) for side in (1, 2, 3, 4)]),
        plain_text(*(_text(contents, number) for number in (_TEXT, _DESCRIPTION, _HINT))),
        role_of(_text(contents, _CLASS)),
        acts and numbers.get(_ENABLED, 0) > 0,
        numbers.get(_VISIBLE, 0) > 0,
    )


def _text(contents: dict[int, memoryview], number: int) -> str:
    return bytes(contents.get(number, b"")).decode("utf-8", "replace")


def _signed(value: int) -> int:
    """A whole number as two's complement of 64 bits, which is how negative ones are written."""
    return value - (1 << 64) if value >= 1 << 63 else value


def _malformed(what: str) -> DataError:
    return DataError("bad_record", f"an accessibility tree is damaged: it {what}")
