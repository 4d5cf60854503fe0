"""Shards: strict USTAR files, written by hand so that their bytes depend on nothing but the samples."""

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from somtom.schemas.files import HashedFile, open_regular, whole_file
from somtom.schemas.reasons import DataError
from somtom.schemas.sample import Sample, sample_members

BLOCK = 512
RECORD_BYTES = 10_240  # a tar ends in zeros up to a multiple of this, as tar itself writes it
NAME_BYTES = 100  # longer names need PAX, which some readers do not follow
MTIME_S = 315_532_800  # 1980-01-01: fixed, and not so old that tar warns when it extracts
MODE = 0o644
MAX_MEMBER_BYTES = 1 << 30  # nothing we write comes near; a header that says more is hostile


def _fixed_header() -> bytes:
    header = bytearray(BLOCK)
    header[100:108] = b"%07o\0" % MODE
    header[108:116] = b"%07o\0" % 0  # uid
    header[116:124] = b"%07o\0" % 0  # gid
    header[136:148] = b"%011o\0" % MTIME_S
    header[148:156] = b" " * 8  # the checksum is taken over blanks
    header[156:157] = b"0"  # a regular file
    header[257:265] = b"ustar\x0000"
    return bytes(header)


_HEADER = _fixed_header()
_HEADER_SUM = sum(_HEADER)
_AFTER_SIZE, _AFTER_SUM = _HEADER[136:148], _HEADER[156:]
_BEFORE_SIZE = _HEADER[100:124]


def member_header(name: str, size_bytes: int) -> bytes:
    """Make the 512 bytes that stand before a member.

    Raises:
        ValueError: the name is not 1 to 100 ASCII bytes, or the size is not of this world.
    """
    raw_name = name.encode("ascii")
    if not 0 < len(raw_name) <= NAME_BYTES or not 0 <= size_bytes <= MAX_MEMBER_BYTES:
        raise ValueError(f"{name}: a member has a name of 1 to {NAME_BYTES} bytes, got {size_bytes} bytes")
    size = b"%011o\0" % size_bytes
    checksum = b"%06o\0 " % (_HEADER_SUM + sum(raw_name) + sum(size))
    return b"".join(
        (raw_name.ljust(NAME_BYTES, b"\0"), _BEFORE_SIZE, size, _AFTER_SIZE, checksum, _AFTER_SUM)
    )


class ShardWriter:
    """Writes samples to a shard that appears whole, or not at all when the block ends in an error.

    A shard without samples leaves no file and takes away one that stood there. `samples`, `members`,
    `size_bytes`, `sha256` and `md5` describe the file; they are final once the block has ended.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.samples = 0
        self.size_bytes = 0
        self.sha256 = ""
        self.md5 = ""
        self.members: list[Member] = []
        self._keys: set[str] = set()
        self._suffixes: list[str] = []
        self._stack = contextlib.ExitStack()
        self._file: HashedFile | None = None

    def __enter__(self) -> Self:
        return self

    def write(self, sample: Sample) -> None:
        """Append one sample.

        Raises:
            ValueError: its key was written before, or its members are not those of the samples before.
        """
        members = sample_members(sample)
        suffixes = [name.partition(".")[2] for name, _ in members]
        if sample.key in self._keys:
            raise ValueError(f"{sample.key}: written twice to {self.path.name}")
        if self._file is None:
            self._suffixes = suffixes
            self._file = self._stack.enter_context(whole_file(self.path, with_md5=True))
        if suffixes != self._suffixes:
            raise ValueError(f"{sample.key}: members {suffixes}, but the shard's are {self._suffixes}")
        self._keys.add(sample.key)
        for name, data in members:
            header = member_header(name, len(data))
            self.members.append(Member(name, self._file.size_bytes, len(data), header))
            self._file.write(header)
            self._file.write(data)
            self._file.write(bytes(-len(data) % BLOCK))
        self.samples += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._stack.__exit__(kind, error, trace)
            return
        with self._stack:  # the file's end is written inside, so that a full disk leaves nothing behind
            if self._file is not None:
                end = self._file.size_bytes + 2 * BLOCK
                self._file.write(bytes(2 * BLOCK + -end % RECORD_BYTES))
                self.size_bytes = self._file.size_bytes
                self.sha256, self.md5 = self._file.sha256, self._file.md5
        if self._file is None:
            self.path.unlink(missing_ok=True)


@dataclass(frozen=True)
class Member:
    """One member of a tar as its header has it; `header` is the raw 512 bytes."""

    name: str
    offset: int
    size_bytes: int
    header: bytes


def read_members(file: BinaryIO) -> Iterator[tuple[Member, bytes]]:
    """Read the members of a tar in order, each bounded by what the file really holds.

    Only plain USTAR is followed: a PAX or GNU header, a link, a size in base 256 is refused.

    Raises:
        DataError: `unreadable`, naming the offset.
    """
    for member in _headers(file):
        yield member, file.read(member.size_bytes)


def _headers(file: BinaryIO) -> Iterator[Member]:
    """Go through a tar as `read_members` does; the file stands at the member's data each time."""
    end = file.seek(0, os.SEEK_END)
    offset = file.seek(0)
    while header := file.read(BLOCK):
        if header == bytes(BLOCK):
            return
        member = parse_header(header, offset)
        if offset + BLOCK + member.size_bytes > end:
            raise DataError(
                "unreadable",
                f"offset {offset}: {member.name} claims {member.size_bytes} bytes, the file ends before",
            )
        yield member
        offset += BLOCK + member.size_bytes + -member.size_bytes % BLOCK
        file.seek(offset)
    raise DataError("unreadable", f"offset {offset}: the tar ends without its closing zeros")


def parse_header(header: bytes, offset: int) -> Member:
    """Read a member's header.

    Raises:
        DataError: `unreadable`: not USTAR, a wrong checksum, another type than a regular file, no sane size.
    """
    if len(header) != BLOCK or header[257:265] != b"ustar\x0000":
        raise DataError("unreadable", f"offset {offset}: no USTAR header")
    checksum = sum(header) - sum(header[148:156]) + 8 * 0x20
    if _octal(header[148:156], offset) != checksum:
        raise DataError("unreadable", f"offset {offset}: wrong header checksum")
    if header[156:157] != b"0" or header[345:500].strip(b"\0"):
        raise DataError(
            "unreadable", f"offset {offset}: type {header[156:157]!r}, only regular files are allowed"
        )
    raw_name = header[:NAME_BYTES].rstrip(b"\0")
    size_bytes = _octal(header[124:136], offset)
    if not raw_name or not raw_name.isascii() or size_bytes > MAX_MEMBER_BYTES:
        raise DataError("unreadable", f"offset {offset}: name {raw_name!r}, {size_bytes} bytes")
    return Member(raw_name.decode("ascii"), offset, size_bytes, header)


def _octal(field: bytes, offset: int) -> int:
    digits = field.rstrip(b"\0 ")
    if not digits or digits.strip(b"01234567"):
        raise DataError("unreadable", f"offset {offset}: {field!r} is no octal number")
    return int(digits, 8)


def read_shard(
    path: Path, wanted: Callable[[str, str], bool] | None = None
) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Read a shard's samples in order: the key and its members, suffix -> bytes.

    Members for which `wanted`, given key and suffix, is false are not read, and not in what is given.

    Raises:
        DataError: `unreadable`, naming the file: not the strict tar that `ShardWriter` writes.
    """
    key, members = "", dict[str, bytes]()
    try:
        with open_regular(path) as file:
            for member in _headers(file):
                stem, _, suffix = member.name.partition(".")
                if stem != key:
                    if members:
                        yield key, members
                    key, members = stem, {}
                if suffix in members:
                    raise DataError("unreadable", f"{member.name} stands there twice")
                if wanted is None or wanted(stem, suffix):
                    members[suffix] = file.read(member.size_bytes)
    except DataError as error:
        raise DataError(error.reason, f"{path.name}: {error.message}") from error
    if members:
        yield key, members


def list_members(path: Path) -> list[Member]:
    """List a shard's members by their headers alone.

    Raises:
        DataError: `unreadable`, naming the file, as `read_shard` does.
    """
    try:
        with open_regular(path) as file:
            return list(_headers(file))
    except DataError as error:
        raise DataError(error.reason, f"{path.name}: {error.message}") from error


def count_samples(path: Path) -> int:
    """Count a shard's samples by its members' names alone.

    Raises:
        DataError: `unreadable`, naming the file, as `read_shard` does.
    """
    return len({member.name.partition(".")[0] for member in list_members(path)})
