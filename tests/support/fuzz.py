"""Mutations of files, by a seed: blind ones, and ones that know the form and keep its checksums right.

A file is opened as far as its form is known (gzip, zip, PNG, TFRecord, tar, JSON, Parquet), something inside
is changed, and the whole is closed again around it, so that the change gets past the outer checks.
"""

import gzip
import io
import json
import random
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

from tfrecords import frame, header

from somtom.schemas.tar import BLOCK

# Numbers at the edges of what fields hold; sizes and their neighbours are added where they are used.
EXTREMES = (0, 1, -1, 127, 255, 32767, 65535, 2**24, 2**31 - 1, 2**31, 2**32 - 1, 2**53, 2**63 - 1, 2**64 - 1)
NUMBERS = (*EXTREMES, -(2**31), -(2**63), 10**30, 10**400, 1e308, -1e308, 5e-324, 0.5, -0.0)
TEXTS = (
    "",
    " ",
    "../../../../etc/passwd",
    "/etc/passwd",
    "file:///etc/passwd",
    "\\\\host\\share",
    "CON",
    "a\0b",
    "a\nb",
    "a\x1b[31mb",
    "\ud800",
    "\u202egpj.exe",
    "<image>",
    "</script><script>alert(1)</script>",
    "=1+1",
    "NaN",
    "{0.__class__}",
    "{chunk_index:999999999d}",
    "%s%n",
    "ö" * 300,
    "x" * 70_000,
)
OTHERS: tuple[Any, ...] = (None, True, False, [], {}, [[]], [None], {"": None}, float("nan"), float("inf"))
_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")

Shape = tuple[list[bytes], Callable[[list[bytes]], bytes]]  # what is inside, and how to close it again


def mutate(data: bytes, rng: random.Random) -> bytes:
    """Change a file's bytes somewhere; the same `rng` gives the same change."""
    if data and rng.random() < 0.65:
        for opened in (_gzip, _zip, _png, _tfrecord, _tar, _parquet):
            shape = opened(data)
            if shape is not None and shape[0]:
                inside, close = shape
                at = rng.randrange(len(inside))
                if rng.random() < 0.1:
                    inside[at : at + 1] = rng.choice([[], [inside[at]] * 2, [inside[-1], inside[at]]])
                else:
                    inside[at] = mutate(inside[at], rng)
                return close(inside)
        changed = _mutate_json(data, rng)
        if changed is not None:
            return changed
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        data = rng.choice(_BLIND)(bytearray(data), rng)
    return data


def _flip(data: bytearray, rng: random.Random) -> bytes:
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        if data:
            data[_place(data, rng)] ^= 1 << rng.randrange(8)
    return bytes(data)


def _overwrite(data: bytearray, rng: random.Random) -> bytes:
    at = _place(data, rng)
    some = rng.choice((bytes(16), b"\xff" * 16, rng.randbytes(rng.randrange(1, 64))))
    data[at : at + len(some)] = some
    return bytes(data)


def _edit_length(data: bytearray, rng: random.Random) -> bytes:
    """Write an extreme number where a length, an offset or a count may stand."""
    width, order = rng.choice((1, 2, 4, 4, 8)), rng.choice(("little", "big"))
    at = _place(data, rng)
    if rng.random() < 0.5:
        at -= at % width
    value = rng.choice((*EXTREMES, len(data), len(data) + 1, len(data) - at, rng.getrandbits(8 * width)))
    data[at : at + width] = (value % (1 << 8 * width)).to_bytes(width, order)  # type: ignore[arg-type]  # a literal
    return bytes(data)


def _cut(data: bytearray, rng: random.Random) -> bytes:
    return bytes(data[: _place(data, rng)])


def _remove(data: bytearray, rng: random.Random) -> bytes:
    at = _place(data, rng)
    del data[at : at + rng.choice((1, 4, 16, 512, 4096))]
    return bytes(data)


def _repeat(data: bytearray, rng: random.Random) -> bytes:
    at, size = _place(data, rng), rng.choice((1, 4, 16, 512, 4096))
    return bytes(data[: at + size] + data[at : at + size] * rng.choice((1, 2, 100)) + data[at + size :])


def _splice(data: bytearray, rng: random.Random) -> bytes:
    """Copy one place over another."""
    start, at, size = _place(data, rng), _place(data, rng), rng.choice((4, 16, 512, 4096))
    data[at : at + size] = data[start : start + size]
    return bytes(data)


def _append(data: bytearray, rng: random.Random) -> bytes:
    return bytes(data) + rng.choice((bytes(512), bytes(data), rng.randbytes(64)))


def _renumber(data: bytearray, rng: random.Random) -> bytes:
    """Replace a number written in digits."""
    found = list(_NUMBER.finditer(data, 0, 1 << 16))
    if not found:
        return _edit_length(data, rng)
    one = rng.choice(found)
    return bytes(data[: one.start()] + str(rng.choice(NUMBERS)).encode() + data[one.end() :])


def _nest(data: bytearray, rng: random.Random) -> bytes:
    """Open many brackets, as a parser that calls itself cannot follow."""
    at = _place(data, rng)
    return bytes(data[:at]) + rng.choice((b"[", b'{"a":', b"(", b"<a>")) * 20_000 + bytes(data[at:])


_BLIND = (
    *(_flip, _flip, _overwrite, _edit_length, _edit_length, _cut),
    *(_remove, _repeat, _splice, _append, _renumber, _nest),
)


def _place(data: bytes | bytearray, rng: random.Random) -> int:
    """Somewhere, more often near the start or the end, where headers and indexes are."""
    size = len(data)
    if size < 2:
        return 0
    near = min(size, rng.choice((64, 512, 4096)))
    return rng.choice((rng.randrange(size), rng.randrange(near), size - 1 - rng.randrange(near)))


def _gzip(data: bytes) -> Shape | None:
    if not data.startswith(b"\x1f\x8b"):
        return None
    try:
        return [gzip.decompress(data)], lambda inside: gzip.compress(b"".join(inside), 1, mtime=0)
    except (OSError, EOFError, zlib.error):
        return None


def _zip(data: bytes) -> Shape | None:
    if not data.startswith(b"PK\3\4"):
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            names = file.namelist()
            inside = [file.read(name) for name in names]
    except (zipfile.BadZipFile, EOFError, zlib.error):
        return None

    def close(inside: list[bytes]) -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as file:
            for number, one in enumerate(inside):
                file.writestr(names[number % len(names)], one)
        return out.getvalue()

    return inside, close


def _png(data: bytes) -> Shape | None:
    """The chunks, each type and body."""
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        return None
    inside, at = [], 8
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        inside.append(data[at + 4 : at + 8 + size])
        at += 12 + size

    def close(inside: list[bytes]) -> bytes:
        chunks = (
            struct.pack(">I", max(0, len(one) - 4)) + one + struct.pack(">I", zlib.crc32(one))
            for one in inside
        )
        return data[:8] + b"".join(chunks)

    return inside, close


def _tfrecord(data: bytes) -> Shape | None:
    inside, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 8], "little")
        if at + 16 + size > len(data) or data[at : at + 12] != header(size):
            return None
        inside.append(data[at + 12 : at + 12 + size])
        at += 16 + size
    return inside, lambda inside: b"".join(map(frame, inside))


def _tar(data: bytes) -> Shape | None:
    """Headers and bodies in turn; sizes and checksums are made to fit again."""
    if data[257:262] != b"ustar":
        return None
    inside, at = [], 0
    while data[at + 257 : at + 262] == b"ustar":
        digits = data[at + 124 : at + 135].strip(b"\0 ")
        size = int(digits, 8) if digits and not digits.strip(b"01234567") else 0
        inside += [data[at : at + BLOCK], data[at + BLOCK : at + BLOCK + size]]
        at += BLOCK + size + -size % BLOCK
    rest, sizes = data[at:], [len(one) for one in inside]

    def close(inside: list[bytes]) -> bytes:
        out = []
        for number, one in enumerate(inside):
            if len(one) == BLOCK and one[257:262] == b"ustar":
                header = bytearray(one)
                following = inside[number + 1] if number + 1 < len(inside) else b""
                if number + 1 < len(sizes) and sizes[number + 1] != len(following):
                    header[124:136] = b"%011o\0" % len(following)
                header[148:156] = b"%06o\0 " % (sum(header) - sum(header[148:156]) + 8 * 0x20)
                out.append(bytes(header))
            else:
                out.append(one + bytes(-len(one) % BLOCK))
        return b"".join(out) + rest

    return inside, close


def _parquet(data: bytes) -> Shape | None:
    """The table as JSON lines of its rows; bytes are shown as Latin-1."""
    if not (data.startswith(b"PAR1") and data.endswith(b"PAR1")):
        return None
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(io.BytesIO(data))
        rows = json.dumps(table.to_pylist(), default=lambda one: {"bytes": one.decode("latin-1")})
    except (pa.ArrowException, OSError, ValueError, TypeError, AttributeError):
        return None

    def close(inside: list[bytes]) -> bytes:
        try:
            rows = json.loads(b"".join(inside), object_hook=_bytes_again)
            try:
                changed = pa.Table.from_pylist(rows, schema=table.schema)
            except (pa.ArrowException, TypeError, ValueError, OverflowError):
                changed = pa.Table.from_pylist(rows)
            out = io.BytesIO()
            pq.write_table(changed, out)
        except (pa.ArrowException, ValueError, TypeError, AttributeError, OverflowError, RecursionError):
            return data
        return out.getvalue()

    return [rows.encode("utf-8", "surrogatepass")], close


def _bytes_again(tree: dict[str, Any]) -> Any:
    said = tree.get("bytes")
    if len(tree) != 1 or not isinstance(said, str):
        return tree
    return said.encode("latin-1", "replace")


def _mutate_json(data: bytes, rng: random.Random) -> bytes | None:
    """Change a value of a JSON text, or of a line of JSON lines; None where it is none."""
    if len(data) > 1 << 21 or data.lstrip()[:1] not in (b"{", b"["):
        return None
    try:
        return _dumped(_change(json.loads(data), rng))
    except (ValueError, RecursionError):
        pass
    lines = data.splitlines()
    at = rng.randrange(len(lines))
    try:
        lines[at] = _dumped(_change(json.loads(lines[at]), rng))
    except (ValueError, RecursionError):
        return None
    return b"\n".join(lines) + b"\n"


def _dumped(tree: Any) -> bytes:
    return json.dumps(tree, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _change(tree: Any, rng: random.Random) -> Any:
    """Change one value somewhere in the tree."""
    if isinstance(tree, dict) and tree and rng.random() < 0.92:
        name = rng.choice(list(tree))
        what = rng.random()
        if what < 0.08:
            return {key: value for key, value in tree.items() if key != name}
        if what < 0.12:
            return {**tree, rng.choice(TEXTS): tree[name]}
        return {**tree, name: _change(tree[name], rng)}
    if isinstance(tree, list) and tree and rng.random() < 0.9:
        at = rng.randrange(len(tree))
        what = rng.random()
        if what < 0.06:
            return tree[:at] + tree[at + 1 :]
        if what < 0.1:
            return tree[:at] + [tree[at]] * rng.choice((2, 2000)) + tree[at:]
        return [*tree[:at], _change(tree[at], rng), *tree[at + 1 :]]
    if isinstance(tree, str) and tree[:1] in ("{", "[") and rng.random() < 0.8:  # JSON in a text
        inner = _mutate_json(tree.encode("utf-8", "surrogatepass"), rng)
        return tree if inner is None else inner.decode("utf-8", "surrogatepass")
    if rng.random() < 0.05:
        return json.loads("[" * 400 + "]" * 400)
    if isinstance(tree, str) and rng.random() < 0.4:
        return mutate(tree.encode("utf-8", "surrogatepass"), rng).decode("utf-8", "replace")[:100_000]
    return rng.choice((rng.choice(NUMBERS), rng.choice(TEXTS), rng.choice(OTHERS)))
