"""The samples of finished data sets, read in any order: by number, straight from their shards."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from somtom.schemas.folder import META
from somtom.schemas.keys import digest
from somtom.schemas.meta_tables import SAMPLES
from somtom.schemas.parquet import read_runs
from somtom.schemas.reader import list_shards
from somtom.schemas.reasons import DataError
from somtom.schemas.record import Record, parse_record
from somtom.schemas.sample import JSON, Sample, load_sample
from somtom.schemas.sample_rows import SAMPLE_COLUMNS
from somtom.schemas.tar import BLOCK, list_members

T = TypeVar("T")
_OPEN = 256  # shards whose members are remembered


class Samples:
    """All samples of one split of several data sets, numbered in the order of the data sets and their shards.

    `shards` are their paths and `counts` how many samples each holds; `weights` says for each sample how
    often an epoch draws it: the source's weight in the data set, times the data set's own.
    """

    def __init__(self, folders: Sequence[str | Path], split: str, weights: Sequence[float] = ()) -> None:
        """Read the indices in meta/, no sample yet.

        Raises:
            DataError: `unreadable`: a folder is no finished data set, or lacks the split or a shard.
        """
        self.shards: list[Path] = []
        counts: list[int] = []
        drawn: list[NDArray[np.float64]] = []
        for number, folder in enumerate(folders):
            found = list_shards(folder, split)
            listed = _weights(Path(folder))
            for path, count in found:
                own = listed.get(path.stem, np.empty(0))
                if len(own) != count or not path.is_file():
                    what = f"{META}/{SAMPLES} lists {len(own)} samples, {META}/ says {count}"
                    what = what if path.is_file() else "the shard is not there"
                    raise DataError("unreadable", f"{path}: {what}; `somtom check {folder}` says more")
                self.shards.append(path)
                counts.append(count)
                drawn.append(own * (weights[number] if weights else 1.0))
        self.counts = np.array(counts, np.int64)
        self.weights = np.concatenate([*drawn, np.empty(0)])
        self._starts = np.concatenate([[0], np.cumsum(self.counts)])

    def __len__(self) -> int:
        return int(self._starts[-1])

    def digest(self) -> str:
        """Hash of the shards' names and counts: where it is another, numbers mean other samples."""
        return digest([path.name for path in self.shards], self.counts.tolist())

    def read(self, number: int) -> Sample:
        """Read one sample.

        Raises:
            DataError: `unreadable`, `bad_record`, `io_error`, naming the shard.
        """
        return self._read(number, load_sample)

    def read_record(self, number: int) -> Record:
        """Read one sample's record alone; raises as `read` does."""
        return self._read(number, lambda members: parse_record(members[JSON]), [JSON])

    def _read(self, number: int, load: Callable[[dict[str, bytes]], T], only: Sequence[str] = ()) -> T:
        shard = int(np.searchsorted(self._starts, number, side="right")) - 1
        path = self.shards[shard]
        try:
            return load(_read_members(path, int(number - self._starts[shard]), only))
        except DataError as error:
            raise DataError(error.reason, f"{path}: {error.message}") from error
        except OSError as error:
            raise DataError("io_error", f"{path}: cannot be read: {error.strerror}") from error


def _weights(folder: Path) -> dict[str, NDArray[np.float64]]:
    """For each shard the weight of its samples' source, in the order of its samples."""
    table = folder / META / SAMPLES
    weights: list[NDArray[np.float64]] = [np.empty(0)]
    for row, count in read_runs(table, SAMPLE_COLUMNS, ["weight"]):
        weights.append(np.full(count, row["weight"]))
    flat = np.concatenate(weights)
    parts: dict[str, list[NDArray[np.float64]]] = {}
    start = 0
    for row, count in read_runs(table, SAMPLE_COLUMNS, ["shard"]):
        parts.setdefault(row["shard"], []).append(flat[start : start + count])
        start += count
    return {shard: np.concatenate(own) for shard, own in parts.items()}


def _read_members(path: Path, number: int, only: Sequence[str] = ()) -> dict[str, bytes]:
    samples = _members_of(path)
    if number >= len(samples):
        raise DataError("unreadable", f"holds {len(samples)} samples, sample {number} is asked for")
    members = {}
    with path.open("rb") as file:
        for suffix, offset, size in samples[number]:
            if not only or suffix in only:
                file.seek(offset)
                members[suffix] = file.read(size)
    if only and len(members) < len(only):
        raise DataError("bad_record", f"a sample lacks its member {min({*only} - members.keys())}")
    return members


@lru_cache(maxsize=_OPEN)
def _members_of(path: Path) -> list[list[tuple[str, int, int]]]:
    """For each sample of a shard its members: suffix, where its bytes begin, how many they are."""
    samples: dict[str, list[tuple[str, int, int]]] = {}
    for member in list_members(path):
        key, _, suffix = member.name.partition(".")
        samples.setdefault(key, []).append((suffix, member.offset + BLOCK, member.size_bytes))
    return list(samples.values())
