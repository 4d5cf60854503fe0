"""TFRecord files and Examples written from the format's description, without the code under test."""

import struct
from collections.abc import Iterable, Mapping, Sequence

CASTAGNOLI = 0x82F63B78  # reflected


def _table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (CASTAGNOLI if value & 1 else 0)
        table.append(value)
    return table


TABLE = _table()


def masked_crc(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) % (1 << 32)


def header(length: int) -> bytes:
    size = struct.pack("<Q", length)
    return size + struct.pack("<I", masked_crc(size))


def frame(payload: bytes) -> bytes:
    return header(len(payload)) + payload + struct.pack("<I", masked_crc(payload))


def tfrecord(payloads: Iterable[bytes]) -> bytes:
    return b"".join(frame(payload) for payload in payloads)


def varint(value: int) -> bytes:
    value %= 1 << 64
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, content: bytes) -> bytes:
    """A length-delimited field."""
    return varint(number << 3 | 2) + varint(len(content)) + content


Values = Sequence[bytes] | Sequence[float] | Sequence[int]


def feature(values: Values, packed: bool = True) -> bytes:
    """Encode a list by the type of its first value; an empty one is no list at all."""
    if not values:
        return b""
    if isinstance(values[0], bytes):
        return field(1, b"".join(field(1, value) for value in values))
    if isinstance(values[0], float):
        parts, number, tag = [struct.pack("<f", value) for value in values], 2, b"\x0d"
    else:
        parts, number, tag = [varint(int(value)) for value in values], 3, b"\x08"
    if packed:
        return field(number, field(1, b"".join(parts)))
    return field(number, b"".join(tag + part for part in parts))


def example(features: Mapping[str, Values], packed: bool = True) -> bytes:
    entries = (
        field(1, field(1, name.encode()) + field(2, feature(values, packed)))
        for name, values in features.items()
    )
    return field(1, b"".join(entries))
