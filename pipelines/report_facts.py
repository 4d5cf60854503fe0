"""What a report knows before it opens a shard: the tables of meta/, or the manifests of a build under way."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somtom.pipelines.output import OutputError, config_path
from somtom.schemas.books import LABEL, SCAN, Books, add_books
from somtom.schemas.folder import META, PROVENANCE, plan_path, shard_path
from somtom.schemas.manifest import Manifest, read_manifest, read_timings, read_tracker_load
from somtom.schemas.meta_tables import (
    COUNTS,
    ITEMS,
    REJECTS,
    SAMPLES,
    count_scan,
    read_counts,
    read_items,
    read_rejects,
)
from somtom.schemas.parquet import arrow_schema, read_runs
from somtom.schemas.plan_table import PLAN_COLUMNS
from somtom.schemas.reasons import DataError, Reject
from somtom.schemas.record import load_json
from somtom.schemas.sample_rows import SAMPLE_COLUMNS
from somtom.schemas.tracker_load import TrackerLoad

EXAMPLES = 3  # rejects kept of each source, stage and reason
SCORES = "quality_"  # what the names of columns of scores begin with
_SHARD = re.compile("[a-z]+-[0-9]{6,}")
_NEEDED = ("key", "shard", "split", "task", "dataset", "uri")

Columns = Mapping[str, NDArray[Any]]  # name -> one value a sample: object (texts), int64, float64 or bool


@dataclass(frozen=True)
class Facts:
    """What the tables of a data set say.

    Args:
        folder: the data set.
        finished: whether it was built to its end; what is told of one under way is its whole shards.
        shards: every shard planned, and whether it is whole.
        columns: of the samples, in the order of the shards; older tables lack some, and scores may be more.
        books: by stage and source.
        examples: the first rejects of each source, stage and reason.
        warnings: (source, uri, warning) of inputs that were odd but usable, the first ones.
        warned: how many such inputs there are.
        seconds: shard -> step -> seconds; empty where that was not noted.
        tracker_load: how busy the tracker was over all shards, where it works in batches.
        config: text of the resolved configuration.
        provenance: what it was made with.
    """

    folder: Path
    finished: bool
    shards: Mapping[str, bool]
    columns: Columns
    books: tuple[Books, ...]
    examples: tuple[Reject, ...]
    warnings: tuple[tuple[str, str, str], ...]
    warned: int
    seconds: Mapping[str, Mapping[str, float]]
    tracker_load: TrackerLoad
    config: str
    provenance: Mapping[str, Any]

    @property
    def samples(self) -> int:
        """How many samples there are."""
        return len(self.columns["key"])

    def size_bytes(self) -> int:
        """What the shards that are whole take on disk."""
        paths = (shard_path(self.folder, name) for name, whole in self.shards.items() if whole)
        return sum(path.stat().st_size for path in paths if path.is_file())


def read_facts(folder: Path) -> Facts:
    """Read what meta/ says; of a build that is not finished, what its whole shards say.

    Raises:
        OutputError: the folder holds no build, or one that was not planned yet.
        DataError: `unreadable`: a table is damaged.
    """
    if not config_path(folder).is_file():
        raise OutputError(f"{folder}: holds no build ({config_path(folder)} is missing)")
    if not plan_path(folder).is_file():
        raise OutputError(f"{folder}: is not planned yet, so there is nothing to report; run `somtom build`")
    names = {row["shard"]: None for row, _ in read_runs(plan_path(folder), PLAN_COLUMNS, ["shard"])}
    _require_names(names, plan_path(folder).name)
    finished = (folder / META / SAMPLES).is_file() and (folder / META / COUNTS).is_file()
    if finished:
        columns = _read_columns(folder / META / SAMPLES)
        shards, books = dict.fromkeys(names, True), read_counts(folder)
        rejects: Iterable[Reject] = read_rejects(folder)
    else:
        found = [one for name in names if (one := read_manifest(folder, name)) is not None]
        whole = {one.shard for one in found}
        columns, shards = _columns_of(found), {name: name in whole for name in names}
        scanned = list(_scan_rejects(folder))
        books = [*count_scan(_items(folder), scanned), *(book for one in found for book in one.books())]
        rejects = [*scanned, *(reject for one in found for reject in one.rejects)]
    warnings = [(row.source, row.facts.uri, row.facts.warning) for row in _items(folder) if row.facts.warning]
    return Facts(
        folder,
        finished,
        shards,
        columns,
        tuple(add_books(books)),
        tuple(_first_of_each(rejects)),
        tuple(warnings[:20]),
        len(warnings),
        {name: read_timings(folder, name) for name, whole in shards.items() if whole},
        sum((read_tracker_load(folder, name) for name, whole in shards.items() if whole), TrackerLoad()),
        _text(config_path(folder)),
        _provenance(folder),
    )


def _read_columns(path: Path) -> dict[str, NDArray[Any]]:
    """Read every column there is: other versions of somtom write fewer or more scores."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path, page_checksum_verification=True)
    except (pa.ArrowException, OSError) as error:
        raise DataError("unreadable", f"{path.name} cannot be read: {error}") from error
    missing = [name for name in _NEEDED if name not in table.schema.names]
    if missing:
        raise DataError("unreadable", f"{path.name}: lacks its column {missing[0]}; build the data set again")
    columns = {}
    for name in table.schema.names:
        kind = SAMPLE_COLUMNS.get(name, "float" if name.startswith(SCORES) else "")
        if not kind:
            continue
        column = table.column(name)
        if column.type != arrow_schema({name: kind}).field(name).type or column.null_count:
            raise DataError("unreadable", f"{path.name}: {name} must be a column of {kind} without nulls")
        try:
            columns[name] = column.to_numpy()
        except UnicodeDecodeError as error:
            raise DataError("unreadable", f"{path.name}: holds a text that is not UTF-8") from error
    _require_names(np.unique(columns["shard"].astype(str)).tolist(), path.name)
    return columns


def _require_names(shards: Iterable[str], where: str) -> None:
    """A shard's name becomes a path: one that leaves the folder must not be followed."""
    wrong = [name for name in shards if not _SHARD.fullmatch(name)]
    if wrong:
        raise DataError("unreadable", f"{where}: {wrong[0]!r:.60} is no name of a shard")


def _columns_of(manifests: list[Manifest]) -> dict[str, NDArray[Any]]:
    rows = [row for one in manifests for row in one.samples]
    kinds = {"text": object, "int": np.int64, "float": np.float64, "bool": np.bool_}
    return {
        name: np.array([row[name] for row in rows], dtype=kinds[kind])
        for name, kind in SAMPLE_COLUMNS.items()
    }


def _scan_rejects(folder: Path) -> Iterator[Reject]:
    if (folder / META / REJECTS).is_file():
        yield from (one for one in read_rejects(folder) if one.stage == SCAN)


def _items(folder: Path) -> Iterator[Any]:
    if (folder / META / ITEMS).is_file():
        yield from read_items(folder)


def _first_of_each(rejects: Iterable[Reject]) -> Iterator[Reject]:
    kept: Counter[tuple[str, str, str]] = Counter()
    for one in rejects:
        group = (one.source, one.stage, one.reason)
        kept[group] += 1
        if kept[group] <= EXAMPLES:
            yield one


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise DataError("unreadable", f"{path.name} cannot be read: {error}") from error


def _provenance(folder: Path) -> dict[str, Any]:
    """What it was made with; {} where that is not known, for nothing else follows from it."""
    try:
        values = load_json((folder / META / PROVENANCE).read_bytes())
    except (OSError, DataError):
        return {}
    return values if isinstance(values, dict) else {}


def books_of(facts: Facts, stage: str) -> list[Books]:
    """The books of one stage."""
    return [one for one in facts.books if one.stage == stage]


def balanced(facts: Facts) -> bool:
    """Whether every input is accounted for, and every sample that the books have is in the table."""
    booked = sum(one.samples for one in books_of(facts, LABEL))
    return all(one.balanced for one in facts.books) and booked == facts.samples


def score_columns(columns: Columns) -> list[str]:
    """Name the columns of scores that any sample has, in the table's order; -1.0 is "not measured"."""
    return [name for name in columns if name.startswith(SCORES) and (columns[name] != -1.0).any()]
