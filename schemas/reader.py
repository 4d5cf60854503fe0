"""Reads a finished data set sample by sample, for whoever wants its samples in a program of their own.

It takes NumPy alone, and Pillow where a picture is decoded, so that any project can depend on it.
"""

from collections.abc import Iterator
from pathlib import Path

from somtom.schemas.files import read_small
from somtom.schemas.folder import META, SHARDS
from somtom.schemas.meta_tables import wids_name
from somtom.schemas.reasons import DataError
from somtom.schemas.record import load_json
from somtom.schemas.record_fields import SPLITS
from somtom.schemas.sample import load_sample
from somtom.schemas.tar import read_shard
from somtom.schemas.typed_sample import TypedSample


def iterate(
    folder: str | Path, split: str = "train", shard: tuple[int, int] = (0, 1)
) -> Iterator[TypedSample]:
    """Go through the samples of a split in the order of its shards.

    `shard` is (index, count): this is worker `index` of `count` (say, rank * workers + worker). Each sample
    goes to exactly one worker. Each worker reads one stretch of the data set, and their lengths differ by one
    at most. What is wrong with the arguments or the folder is raised by the call itself, what is wrong with a
    shard when its turn comes.

    Raises:
        ValueError: `shard` is not (index, count) with 0 <= index < count.
        DataError: `unreadable`: no data set, no such split, or a shard is missing or damaged; `bad_record`: a
            sample breaks the format.
    """
    index, count = shard
    if not 0 <= index < count:
        raise ValueError(f"shard must be (index, count) with 0 <= index < count, got {shard}")
    shards = list_shards(folder, split)
    total = sum(samples for _, samples in shards)
    return _stretch(shards, total * index // count, total * (index + 1) // count)


def list_splits(folder: str | Path) -> list[str]:
    """Name the splits that have samples: train, val, test.

    Raises:
        DataError: `unreadable`: the folder holds no data set.
    """
    if not (Path(folder) / META).is_dir():
        raise DataError("unreadable", f"{folder}: is no data set (it has no {META}/)")
    return [split for split in SPLITS if (Path(folder) / META / wids_name(split)).is_file()]


def list_shards(folder: str | Path, split: str = "train") -> list[tuple[Path, int]]:
    """List a split's shards and how many samples each holds, from the index in meta/.

    Raises:
        DataError: `unreadable`: no data set, no such split, or a damaged index.
    """
    splits = list_splits(folder)
    if split not in splits:
        raise DataError(
            "unreadable", f"{folder}: has no split {split!r}; it has {', '.join(splits) or 'none'}"
        )
    path = Path(folder) / META / wids_name(split)
    try:
        index = load_json(read_small(path))
    except (OSError, DataError) as error:
        raise DataError("unreadable", f"{path}: cannot be read: {error}") from error
    entries = index.get("shardlist") if isinstance(index, dict) else None
    if not isinstance(entries, list):
        raise DataError("unreadable", f"{path}: is no index of shards")
    return [_shard_of(Path(folder), path, entry) for entry in entries]


def _shard_of(folder: Path, index: Path, entry: object) -> tuple[Path, int]:
    url, samples = (entry.get("url"), entry.get("nsamples")) if isinstance(entry, dict) else (None, None)
    name = url.removeprefix(f"../{SHARDS}/") if isinstance(url, str) else ""
    if not name or "/" in name or not isinstance(samples, int) or samples < 0:
        raise DataError("unreadable", f"{index}: {entry!r:.80} is no shard of {SHARDS}/")
    return folder / SHARDS / name, samples


def _stretch(shards: list[tuple[Path, int]], first: int, end: int) -> Iterator[TypedSample]:
    """The samples `first` to `end` (without it) of the shards laid end to end."""
    start = 0
    for path, samples in shards:
        due = _Due(first - start, end - start)
        start += samples
        if due.end <= 0 or due.first >= samples:
            continue
        try:
            for key, members in read_shard(path, due):
                sample = load_sample(members)
                if sample.key != key:
                    raise DataError("bad_record", f"{key}: its record is that of {sample.key}")
                yield TypedSample.of(sample)
        except DataError as error:
            named = error.message if path.name in error.message else f"{path.name}: {error.message}"
            raise DataError(error.reason, named) from error
        except OSError as error:
            raise DataError("unreadable", f"{path}: {error.strerror or error}") from error
        if due.number + 1 != samples:
            raise DataError(
                "unreadable", f"{path.name}: holds {due.number + 1} samples, the index says {samples}"
            )


class _Due:
    """Which of a shard's members are due: those of the samples `first` to `end` (without it).

    `number` is that of the sample met last.
    """

    def __init__(self, first: int, end: int) -> None:
        self.first, self.end = first, end
        self.number = -1
        self._key = ""

    def __call__(self, key: str, suffix: str) -> bool:
        if key != self._key:
            self._key = key
            self.number += 1
        return self.first <= self.number < self.end
