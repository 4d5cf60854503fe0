"""Rows put aside on disk in buckets, because there are more of them than memory holds."""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

_PENDING_CHARACTERS = 1 << 16  # of each bucket, until they are written: some 50 MB for a thousand buckets
_HEAD_BYTES = 8  # of the two lengths before each compressed piece


class Buckets:
    """Rows of plain values, each in a bucket; a bucket gives its rows back in the order they came in.

    Args:
        folder: where the buckets lie, a file each; it must be empty, and is its owner's to remove.
    """

    def __init__(self, folder: Path) -> None:
        import pyarrow as pa

        folder.mkdir(parents=True)
        self._folder = folder
        self._codec: Any = pa.Codec("zstd")
        self._pending: defaultdict[str, list[str]] = defaultdict(list)
        self._characters: defaultdict[str, int] = defaultdict(int)

    def add(self, bucket: str, row: Sequence[object]) -> None:
        """Put a row into the bucket of that name, a file name."""
        line = json.dumps(row, separators=(",", ":"))
        self._pending[bucket].append(line)
        self._characters[bucket] += len(line)
        if self._characters[bucket] >= _PENDING_CHARACTERS:
            self._write(bucket)

    def _write(self, bucket: str) -> None:
        self._characters[bucket] = 0
        raw = "\n".join(self._pending.pop(bucket)).encode("ascii")
        packed = self._codec.compress(raw, asbytes=True)
        with (self._folder / bucket).open("ab") as file:
            file.write(
                len(packed).to_bytes(_HEAD_BYTES // 2, "big") + len(raw).to_bytes(_HEAD_BYTES // 2, "big")
            )
            file.write(packed)

    def names(self) -> list[str]:
        """The buckets that hold rows, in the order of the alphabet."""
        return sorted(self._characters)

    def read(self, bucket: str) -> Iterator[list[Any]]:
        """Give the rows of a bucket, none where it has none."""
        if self._pending.get(bucket):
            self._write(bucket)
        if bucket not in self._characters:
            return
        with (self._folder / bucket).open("rb") as file:
            while head := file.read(_HEAD_BYTES):
                packed, raw = (
                    int.from_bytes(head[at : at + _HEAD_BYTES // 2], "big") for at in (0, _HEAD_BYTES // 2)
                )
                lines = self._codec.decompress(file.read(packed), raw, asbytes=True)
                yield from map(json.loads, lines.split(b"\n"))
