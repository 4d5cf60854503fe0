"""Where each member lies in a shard, for readers with random access: DALI's and energon's index files.

DALI's lies in meta/dali/, a text file a shard, written with the shard. Energon's must lie next to the tar,
where other readers stumble over it, so that it is only made for an export.
"""

import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from somtom.schemas.files import read_small, write_whole
from somtom.schemas.folder import dali_path
from somtom.schemas.reasons import DataError
from somtom.schemas.tar import BLOCK, Member, list_members

DALI_VERSION = "v1.2"


@dataclass(frozen=True)
class Part:
    """One member of a sample: its data starts at `offset` of the tar."""

    suffix: str
    offset: int
    size_bytes: int


IndexedSample = tuple[str, tuple[Part, ...]]  # key, members in order


def index_members(members: Sequence[Member]) -> list[IndexedSample]:
    """Gather a tar's members by sample, in order."""
    return [
        (
            key,
            tuple(Part(one.name.partition(".")[2], one.offset + BLOCK, one.size_bytes) for one in of_sample),
        )
        for key, of_sample in groupby(members, key=lambda one: one.name.partition(".")[0])
    ]


def dali_index(samples: Sequence[IndexedSample]) -> bytes:
    """Write the index as DALI's own wds2idx does: a line of version and count, then a line a sample."""
    lines = [f"{DALI_VERSION} {len(samples)}"]
    for key, parts in samples:
        lines.append(
            " ".join(f"{one.suffix} {one.offset} {one.size_bytes} {key}.{one.suffix}" for one in parts)
        )
    return ("\n".join(lines) + "\n").encode("ascii")


def read_dali_index(path: Path) -> list[IndexedSample]:
    """Read an index back.

    Raises:
        DataError: `unreadable`: missing or not what `dali_index` writes.
    """
    try:
        head, *lines = read_small(path).decode("ascii").splitlines()
        samples = [_sample_of(line.split(" ")) for line in lines]
    except (OSError, ValueError) as error:
        raise DataError("unreadable", f"{path}: no index of a shard ({error})") from error
    if head != f"{DALI_VERSION} {len(samples)}":
        raise DataError("unreadable", f"{path}: starts with {head!r:.40}, but has {len(samples)} samples")
    return samples


def _sample_of(words: list[str]) -> IndexedSample:
    if len(words) % 4:
        raise ValueError("a member is four words")
    members = [words[i : i + 4] for i in range(0, len(words), 4)]
    parts = tuple(Part(suffix, int(offset), int(size)) for suffix, offset, size, _ in members)
    return members[0][3].partition(".")[0], parts


def energon_index(samples: Sequence[IndexedSample]) -> bytes:
    """Write what energon wants as `<shard>.tar.idx`: where each sample's first header lies, then the end."""
    starts = [parts[0].offset - BLOCK for _, parts in samples]
    last = samples[-1][1][-1]
    end = last.offset + last.size_bytes + -last.size_bytes % BLOCK
    return struct.pack(f"<{len(starts) + 1}Q", *starts, end)


def write_dali_index(folder: Path, shard: str, members: Sequence[Member]) -> None:
    """Write the index of a shard just written, or remove it when the shard got no samples."""
    if members:
        write_whole(dali_path(folder, shard), dali_index(index_members(members)))
    else:
        dali_path(folder, shard).unlink(missing_ok=True)


def has_index(folder: Path, shard: str, keys: Sequence[str]) -> bool:
    """Whether the index of a shard with these samples is there, from its beginning to its end.

    What was cut off shows by that, without reading all of it.
    """
    try:
        with dali_path(folder, shard).open("rb") as file:
            head = file.readline(64)
            file.seek(max(0, file.seek(0, os.SEEK_END) - 65_536))
            lines = file.read().split(b"\n")
    except OSError:
        return False
    words = lines[-2].split(b" ") if len(lines) > 1 and not lines[-1] else [b""]
    is_whole = len(words) % 4 == 0 and words[-1].partition(b".")[0] == keys[-1].encode()
    return is_whole and head == f"{DALI_VERSION} {len(keys)}\n".encode()


def index_shard(path: Path) -> list[IndexedSample]:
    """Make the index of a tar from its headers alone.

    Raises:
        DataError: `unreadable`, naming the file.
    """
    return index_members(list_members(path))
