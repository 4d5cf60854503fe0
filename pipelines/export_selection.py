"""What of a data set is exported: the samples chosen, streamed in the order of its shards."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby, islice
from pathlib import Path

from somtom.pipelines.config_rules import ConfigError
from somtom.pipelines.output import OutputError, work_path
from somtom.pipelines.where import parse_where
from somtom.schemas.folder import META, shard_path
from somtom.schemas.meta_tables import SAMPLES
from somtom.schemas.parquet import read_where
from somtom.schemas.reasons import DataError
from somtom.schemas.record_fields import SPLITS
from somtom.schemas.sample import FIRST_MEMBERS, Sample, load_sample
from somtom.schemas.sample_rows import SAMPLE_COLUMNS, SampleRow
from somtom.schemas.tar import list_members, read_shard


@dataclass(frozen=True)
class Written:
    """What an export wrote: how many samples, and what of the chosen ones it left out, why -> of how many."""

    samples: int
    left_out: Mapping[str, int] = field(default_factory=dict)


_EXTRA = re.compile(r"h[0-9]{2}\.jpg|cam[0-9]{1,2}\.jpg")
_SHARD = re.compile(rf"({'|'.join(SPLITS)})-[0-9]{{1,12}}")


class Selection:
    """The samples of `folder` that are in a split asked for and meet a condition, the first `limit` of them.

    Holds a row group of meta/samples.parquet and one sample at a time.

    Args:
        split: the only split; "" for all there are.
        where: a condition as `where.parse_where` reads it; "" for none.
        limit: 0 for all.

    Raises:
        OutputError: `folder` is no finished data set, or nothing is left of it.
        ConfigError: an argument is wrong.
        DataError: `unreadable`: the table of samples is damaged.
    """

    def __init__(self, folder: Path, split: str = "", where: str = "", limit: int = 0) -> None:
        self.folder, self.split, self.where, self.limit = folder, split, where, limit
        if split and split not in SPLITS:
            raise ConfigError(f"--split {split}: must be one of {', '.join(SPLITS)}")
        if limit < 0:
            raise ConfigError(f"--limit {limit}: must be 0 (all) or more")
        self._condition = parse_where(where) if where else None
        self._members: tuple[str, ...] | None = None
        self.on_sample: Callable[[], object] = lambda: None
        if not (folder / META / SAMPLES).is_file() or work_path(folder).exists():
            raise OutputError(f"{folder}: holds no finished data set; build it first")
        found = Counter(str(row["split"]) for row in self.rows())
        self.counts = {split: found[split] for split in SPLITS if found[split]}
        if not self.counts:
            asked = "".join(
                f" --{name} {value}" for name, value in (("split", split), ("where", where)) if value
            )
            raise OutputError(f"{folder}: no samples" + (f" meet{asked}" if asked else " are in it"))

    @property
    def is_whole(self) -> bool:
        """Whether nothing of the splits that are exported is left out."""
        return not self.where and not self.limit

    @property
    def total(self) -> int:
        """How many samples are chosen."""
        return sum(self.counts.values())

    def rows(self) -> Iterator[SampleRow]:
        """The rows of the samples chosen, in the table's order, which is that of the shards."""
        chosen = (
            row
            for group in read_where(self.folder / META / SAMPLES, SAMPLE_COLUMNS, self._condition)
            for row in group
            if self.split in ("", row["split"])
        )
        return islice(chosen, self.limit) if self.limit else chosen

    def keys(self, split: str) -> Iterator[tuple[str, list[str]]]:
        """Each shard of a split that holds samples chosen, and their keys in its order."""
        rows = (row for row in self.rows() if row["split"] == split)
        for shard, of_shard in groupby(rows, key=lambda row: str(row["shard"])):
            yield shard, [str(row["key"]) for row in of_shard]

    def samples(self, split: str) -> Iterator[Sample]:
        """Read the samples of a split.

        Raises:
            DataError: `unreadable`, `bad_record`: a shard is damaged, or is not what the table says.
        """
        for shard, keys in self.keys(split):
            yield from self.read(shard, keys)

    def read(self, shard: str, keys: list[str]) -> Iterator[Sample]:
        """Read the samples of these keys out of one shard, see `samples`."""
        path, wanted = shard_path(self.folder, shard), set(keys)
        if not _SHARD.fullmatch(shard):
            raise DataError("unreadable", f"{SAMPLES}: {shard!r:.40} is no shard")
        found = []
        try:
            for key, members in read_shard(path, lambda key, _: key in wanted):
                if key not in wanted:
                    continue
                sample = load_sample(members)
                found.append(sample.key)
                self._hold(sample)
                yield sample
                self.on_sample()
        except DataError as error:
            named = error.message if path.name in error.message else f"{path.name}: {error.message}"
            raise DataError(error.reason, named) from error
        if found != keys:
            raise DataError(
                "unreadable", f"{path.name}: does not hold the samples that {SAMPLES} says it holds"
            )

    def _hold(self, sample: Sample) -> None:
        """Hold a sample against what every form relies on: nobody has checked this data set, maybe."""
        names = tuple(name for name, _ in sample.extra)
        strange = [name for name in names if not _EXTRA.fullmatch(name)]
        self._members = names if self._members is None else self._members
        if strange or names != self._members:
            raise DataError(
                "bad_record", f"{sample.key}: members {names!s:.80}, which must be {self._members}"
            )
        turns = [turn["from"] for turn in sample.record["conversations"]]
        if turns != ["human", "gpt"] * (len(turns) // 2):
            raise DataError(
                "bad_record", f"{sample.key}: its turns must be human and gpt, one after the other"
            )

    def extra(self) -> tuple[str, ...]:
        """Name the samples' further members: h00.jpg, ..., cam1.jpg, ...; the same in every sample."""
        shard, _ = next(self.keys(next(iter(self.counts))))
        members = list_members(shard_path(self.folder, shard))
        key = members[0].name.partition(".")[0]
        names = [one.name.partition(".") for one in members]
        return tuple(name for of, _, name in names if of == key and name not in FIRST_MEMBERS)
