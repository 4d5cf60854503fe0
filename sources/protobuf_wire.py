"""Protocol buffers' wire format, as far as it is read by hand."""

from collections.abc import Callable

LONGEST_VARINT = 10  # bytes: 64 bits in sevens
_ALL_BITS = (1 << 64) - 1


def read_varint(data: bytes | memoryview, at: int, malformed: Callable[[str], Exception]) -> tuple[int, int]:
    """One variable-length integer, and where it ends; what `malformed` makes is raised where it does not.

    >>> read_varint(b"\\xac\\x02rest", 0, ValueError)
    (300, 2)
    """
    value = 0
    for place, byte in enumerate(data[at : at + LONGEST_VARINT]):
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value & _ALL_BITS, at + place + 1
    raise malformed("has a number that does not end")
