"""The tables of meta/ that the finish stage writes: samples, rejects, items, counts, features, wids."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from somtom.schemas.books import SCAN, Books, count_books, require_balance
from somtom.schemas.features import dataset_features
from somtom.schemas.files import read_small, write_whole
from somtom.schemas.folder import META, SHARDS
from somtom.schemas.manifest import Manifest
from somtom.schemas.parquet import columns_of, read_rows, write_rows
from somtom.schemas.reasons import REASONS, DataError, Reject
from somtom.schemas.record import load_json, storable_text
from somtom.schemas.refs import ItemFacts
from somtom.schemas.sample_rows import SAMPLE_COLUMNS, SampleRow

SAMPLES, REJECTS, ITEMS = "samples.parquet", "rejects.parquet", "items.parquet"
COUNTS, FEATURES, WIDS = "counts.json", "features.json", "wids.json"

REJECT_COLUMNS = {**columns_of(Reject), "outcome": "text"}
ITEM_COLUMNS = {"source": "text", **columns_of(ItemFacts), "refs": "int", "reason": "text"}


@dataclass(frozen=True)
class ItemRow:
    """One item that a source listed and what scanning it gave: refs, or the reason why there are none."""

    source: str
    facts: ItemFacts
    refs: int
    reason: str = ""

    def __post_init__(self) -> None:
        if (self.refs > 0) == bool(self.reason) or (self.reason and self.reason not in REASONS):
            raise ValueError(f"{self.facts.uri}: an item gives refs or a known reason, got {self.reason!r}")


def write_samples(folder: Path, rows: Iterable[SampleRow]) -> None:
    """Write meta/samples.parquet: one row a sample, in the order of the shards."""
    write_rows(folder / META / SAMPLES, SAMPLE_COLUMNS, rows)


def read_samples(folder: Path) -> Iterator[SampleRow]:
    """Read meta/samples.parquet back."""
    return read_rows(folder / META / SAMPLES, SAMPLE_COLUMNS)


def write_rejects(folder: Path, rejects: Iterable[Reject]) -> None:
    """Write meta/rejects.parquet: one row for every input that gave no sample."""
    rows = (_storable(asdict(reject) | {"outcome": reject.outcome}) for reject in rejects)
    write_rows(folder / META / REJECTS, REJECT_COLUMNS, rows)


def read_rejects(folder: Path) -> Iterator[Reject]:
    """Read meta/rejects.parquet back.

    Raises:
        DataError: `unreadable`: damaged, or a reason that is not on the list.
    """
    for row in read_rows(folder / META / REJECTS, REJECT_COLUMNS):
        outcome = row.pop("outcome")
        try:
            reject = Reject(**row)
        except ValueError as error:
            raise DataError("unreadable", f"{REJECTS}: {error}") from error
        if reject.outcome != outcome:
            raise DataError("unreadable", f"{REJECTS}: {row['reason']} is {reject.outcome}, not {outcome}")
        yield reject


def write_items(folder: Path, items: Iterable[ItemRow]) -> None:
    """Write meta/items.parquet: one row for every item listed."""
    rows = (
        _storable({"source": one.source, **asdict(one.facts), "refs": one.refs, "reason": one.reason})
        for one in items
    )
    write_rows(folder / META / ITEMS, ITEM_COLUMNS, rows)


def read_items(folder: Path) -> Iterator[ItemRow]:
    """Read meta/items.parquet back.

    Raises:
        DataError: `unreadable`: damaged, or an item with both refs and a reason, or neither.
    """
    for row in read_rows(folder / META / ITEMS, ITEM_COLUMNS):
        source, refs, reason = row.pop("source"), row.pop("refs"), row.pop("reason")
        try:
            yield ItemRow(source, ItemFacts(**row), refs, reason)
        except ValueError as error:
            raise DataError("unreadable", f"{ITEMS}: {error}") from error


def _storable(row: dict[str, Any]) -> dict[str, Any]:
    return {name: storable_text(value) if isinstance(value, str) else value for name, value in row.items()}


def count_scan(items: Iterable[ItemRow], rejects: Iterable[Reject]) -> list[Books]:
    """Keep the books of the scan: an input is used where any ref was made of it."""
    inputs: Counter[str] = Counter()
    used: Counter[str] = Counter()
    for row in items:
        inputs[row.source] += 1
        used[row.source] += row.refs > 0
    return count_books(SCAN, inputs, used, rejects)


def write_counts(folder: Path, books: Sequence[Books]) -> None:
    """Write meta/counts.json: the books by source and stage.

    Raises:
        ValueError: the books do not balance; nothing is written.
    """
    require_balance(books)
    rows = [
        {
            "source": one.source,
            "stage": one.stage,
            "inputs": one.inputs,
            "samples": one.samples,
            "filtered": one.filtered,
            "failed": one.failed,
            "reasons": [
                {"reason": reason, "outcome": REASONS[reason][0], "count": count}
                for reason, count in one.reasons
            ],
        }
        for one in books
    ]
    _write_json(folder / META / COUNTS, {"books": rows})


def read_counts(folder: Path) -> list[Books]:
    """Read meta/counts.json back.

    Raises:
        DataError: `unreadable`: not what `write_counts` writes.
    """
    try:
        values: Any = load_json(read_small(folder / META / COUNTS))
        books = [
            Books(
                row["source"],
                row["stage"],
                row["inputs"],
                row["samples"],
                tuple((one["reason"], one["count"]) for one in row["reasons"]),
            )
            for row in values["books"]
        ]
        wrong = [
            one
            for one, row in zip(books, values["books"], strict=True)
            if (one.filtered, one.failed) != (row["filtered"], row["failed"])
        ]
    except (OSError, TypeError, KeyError) as error:
        raise DataError("unreadable", f"{COUNTS}: {type(error).__name__} {error}") from error
    if wrong:
        raise DataError(
            "unreadable", f"{COUNTS}: {wrong[0].source}: its reasons do not add up at {wrong[0].stage}"
        )
    return books


def write_features(folder: Path, extra: Sequence[str] = ()) -> None:
    """Write meta/features.json: the record as the `datasets` library declares it."""
    _write_json(folder / META / FEATURES, dataset_features(extra))


def wids_name(split: str) -> str:
    """Name the shard index of a split: wids.json holds train alone, so that nobody trains on the rest.

    >>> wids_name("train"), wids_name("val")
    ('wids.json', 'wids-val.json')
    """
    return WIDS if split == "train" else f"wids-{split}.json"


def write_wids(folder: Path, name: str, manifests: Iterable[Manifest]) -> None:
    """Write the shard index that webdataset's wids reads, one file a split that has samples."""
    for stale in (folder / META).glob("wids*.json"):
        stale.unlink()
    shards: dict[str, list[dict[str, Any]]] = {}
    for one in manifests:
        if one.samples:
            shards.setdefault(one.split, []).append(wids_entry(one))
    for split, entries in shards.items():
        index = {"__kind__": "wids-shard-index-v1", "wids_version": 1, "name": f"{name}-{split}"}
        _write_json(folder / META / wids_name(split), {**index, "shardlist": entries})


def wids_entry(manifest: Manifest) -> dict[str, Any]:
    """Describe one shard; its url is relative to meta/."""
    return {
        "url": f"../{SHARDS}/{manifest.shard}.tar",
        "md5sum": manifest.md5,
        "nsamples": len(manifest.samples),
        "filesize": manifest.size_bytes,
    }


def _write_json(path: Path, values: object) -> None:
    text = json.dumps(values, ensure_ascii=False, allow_nan=False, indent=1)
    write_whole(path, storable_text(text).encode() + b"\n")
