"""meta/duplicates.parquet and .json: which samples' pictures look the same, and whether in two splits."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from somtom.schemas.files import write_whole
from somtom.schemas.folder import META
from somtom.schemas.near_pictures import NEAR_BITS, group_hashes
from somtom.schemas.parquet import read_rows, write_rows
from somtom.schemas.reasons import DataError
from somtom.schemas.record import load_json
from somtom.schemas.sample_rows import SampleRow

DUPLICATES, DUPLICATE_COUNTS = "duplicates.parquet", "duplicates.json"

_OF_SAMPLE = ("key", "shard", "split", "dataset", "uri", "group")
DUPLICATE_COLUMNS = {"look": "int", **dict.fromkeys(_OF_SAMPLE, "text"), "splits": "int"}


@dataclass(frozen=True)
class Duplicates:
    """What looks the same in a data set.

    Args:
        rows: a row for each sample whose picture is also that of another group's, in the order of the looks,
            then of the shards' names; `look` numbers them from 0, `splits` says in how many splits a look is.
        counts: of the whole data set, as in meta/duplicates.json.
    """

    rows: tuple[dict[str, Any], ...]
    counts: dict[str, Any]


def find_duplicates(samples: Iterable[SampleRow]) -> Duplicates:
    """Bring the samples together whose pictures look the same, and tell copies from repeats of one group.

    A group's own pictures (instructions on one screenshot, clips of a still scene) are counted as repeats.
    """
    small = [{**{name: row[name] for name in _OF_SAMPLE}, "hash": row["picture_hash"]} for row in samples]
    small.sort(key=lambda row: str(row["shard"]))  # a plan that was appended to has them in another order
    looks: defaultdict[int, list[int]] = defaultdict(list)
    for index, look in enumerate(group_hashes([row["hash"] for row in small]).tolist()):
        if look >= 0:
            looks[look].append(index)
    rows: list[dict[str, Any]] = []
    repeats, across, seen = 0, 0, Counter[str]()
    number = 0
    for indexes in looks.values():
        members = [small[index] for index in indexes]
        groups = {(row["dataset"], row["group"]) for row in members}
        splits = {row["split"] for row in members}
        repeats += len(members) - len(groups)
        if len(groups) > 1:
            rows += (
                {"look": number, **{name: row[name] for name in _OF_SAMPLE}, "splits": len(splits)}
                for row in members
            )
            number += 1
        if len(splits) > 1:
            across += 1
            seen.update(row["split"] for row in members)
    counts = {
        "near_bits": NEAR_BITS,
        "samples": len(small),
        "hashed": sum(map(len, looks.values())),
        "looks": len(looks),
        "repeats_in_groups": repeats,
        "looks_of_several_groups": number,
        "samples_of_several_groups": len(rows),
        "looks_across_splits": across,
        "samples_across_splits": [
            {"split": split, "samples": count} for split, count in sorted(seen.items())
        ],
    }
    return Duplicates(tuple(rows), counts)


def write_duplicates(folder: Path, found: Duplicates) -> None:
    """Write both files of meta/."""
    write_rows(folder / META / DUPLICATES, DUPLICATE_COLUMNS, found.rows)
    write_whole(folder / META / DUPLICATE_COUNTS, json.dumps(found.counts, indent=1).encode() + b"\n")


def read_duplicates(folder: Path) -> Iterator[dict[str, Any]]:
    """Read the rows back.

    Raises:
        DataError: `unreadable`.
    """
    return read_rows(folder / META / DUPLICATES, DUPLICATE_COLUMNS)


def duplicate_faults(folder: Path, samples: Iterable[SampleRow]) -> Iterator[str]:
    """Both files say what the samples' hashes say; pictures in two splits are no fault."""
    found = find_duplicates(samples)
    try:
        if tuple(read_duplicates(folder)) != found.rows:
            yield f"{META}/{DUPLICATES}: must name the samples of several groups that look the same"
        if load_json((folder / META / DUPLICATE_COUNTS).read_bytes()) != found.counts:
            yield f"{META}/{DUPLICATE_COUNTS}: must count what {DUPLICATES} names"
    except (DataError, OSError) as error:
        yield f"{META}/{DUPLICATES}: {error}"


def leak_warning(folder: Path) -> str:
    """One line on pictures that stand in two splits; "" where none do."""
    splits: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for row in read_duplicates(folder):
        if row["splits"] > 1:
            splits[row["look"]][row["split"]] += 1
    if not splits:
        return ""
    total = sum(splits.values(), Counter[str]())
    each = ", ".join(f"{total[split]} in {split}" for split in sorted(total))
    return f"{len(splits)} pictures stand in more than one split ({each}): `somtom duplicates` names them"
