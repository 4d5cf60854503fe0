"""Rules of the tar: strict USTAR, fixed headers, members of a key adjacent, the same and in order."""

from collections.abc import Iterator
from pathlib import Path

from somtom.schemas.keys import KEY_PATTERN
from somtom.schemas.reasons import DataError
from somtom.schemas.sample import FIRST_MEMBERS
from somtom.schemas.tar import BLOCK, RECORD_BYTES, Member, member_header, read_members

# header field -> where it stands (POSIX.1-1988)
_HEADER_FIELDS = {
    "mode": (100, 108),
    "uid": (108, 116),
    "gid": (116, 124),
    "size": (124, 136),
    "mtime": (136, 148),
    "checksum": (148, 156),
    "link name": (157, 257),
    "owner": (265, 297),
    "group": (297, 329),
    "device": (329, 345),
    "padding": (345, 512),
}


def read_checked(path: Path, faults: list[str]) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Read a shard's samples (key, suffix -> bytes) and append what is wrong with the tar to `faults`.

    A fault is `KEY: rule`, or the rule alone where it is about the whole file.
    """
    key, members, seen = "", dict[str, bytes](), set[str]()
    end = 0
    with path.open("rb") as file:
        size_bytes = path.stat().st_size
        try:
            for member, data in read_members(file):
                end = member.offset + BLOCK + len(data)
                stem, _, suffix = member.name.partition(".")
                faults += _member_faults(member, stem, suffix)
                if stem != key:
                    if members:
                        yield key, members
                    if stem in seen:
                        faults.append(f"{stem}: its members are not adjacent")
                    seen.add(stem)
                    key, members = stem, {}
                if suffix in members:
                    faults.append(f"{stem}: member {suffix!r} stands there twice")
                members[suffix] = data
        except DataError as error:
            faults.append(error.message)
        else:
            faults += _end_faults(size_bytes, end, _tail(path, end))
    if members:
        yield key, members
    if not seen:
        faults.append("the shard is empty")


def _member_faults(member: Member, stem: str, suffix: str) -> Iterator[str]:
    if not KEY_PATTERN.fullmatch(stem):
        yield f"{stem}: a key must be 1 to 80 of [a-z0-9_-]"
    if suffix != suffix.lower():
        yield f"{stem}: member {suffix!r} must be lower-case"
    expected = member_header(member.name, member.size_bytes)
    if member.header != expected:
        wrong = [
            name
            for name, (start, end) in _HEADER_FIELDS.items()
            if member.header[start:end] != expected[start:end]
        ]
        yield f"{stem}: the header of {suffix!r} is not ours: {', '.join(wrong) or 'name'}"


def _tail(path: Path, end: int) -> bytes:
    """What stands after the last member, at most a little more than what may stand there."""
    with path.open("rb") as file:
        file.seek(end)
        return file.read(2 * RECORD_BYTES)


def _end_faults(size_bytes: int, end: int, tail: bytes) -> Iterator[str]:
    padding = -end % BLOCK
    if any(tail):
        yield f"after the last member only zeros may stand, at byte {end}"
    if len(tail) < padding + 2 * BLOCK or size_bytes % RECORD_BYTES or size_bytes - end > 2 * RECORD_BYTES:
        yield f"the tar must end in two zero blocks, filled up to {RECORD_BYTES}, got {size_bytes} bytes"


def suffix_faults(suffixes: list[str], expected: list[str]) -> Iterator[str]:
    """Hold a sample's members against the contract's order and against those of the first sample."""
    if tuple(suffixes[: len(FIRST_MEMBERS)]) != FIRST_MEMBERS:
        yield f"members must start with {', '.join(FIRST_MEMBERS)}, got {', '.join(suffixes)}"
    extra = suffixes[len(FIRST_MEMBERS) :]
    history = [name for name in extra if name.startswith("h")]
    cameras = [name for name in extra if name.startswith("cam")]
    dense = [f"h{i:02d}.jpg" for i in range(len(history))] + [f"cam{i + 1}.jpg" for i in range(len(cameras))]
    if extra != dense:
        yield f"further members must be h00.jpg, ..., cam1.jpg, ..., got {', '.join(extra)}"
    if suffixes != expected:
        yield f"members {', '.join(suffixes)} are not those of the first sample, {', '.join(expected)}"
