"""meta/duplicates.parquet and .json: which samples' pictures look the same, and whether in two splits."""

import json
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from somtom.schemas.files import read_small, write_whole
from somtom.schemas.folder import CONFIG, META
from somtom.schemas.manifest import Manifest
from somtom.schemas.near_pictures import NEAR_BITS, group_hashes
from somtom.schemas.parquet import read_rows, write_rows
from somtom.schemas.reasons import DataError
from somtom.schemas.record import load_json
from somtom.schemas.sample_rows import SampleRow
from somtom.schemas.settings import FilterSettings

NEAR_DUPLICATE = "filter_near_duplicates"  # the reason
DUPLICATES, DUPLICATE_COUNTS = "duplicates.parquet", "duplicates.json"

_SETTINGS = ("near_duplicates", "near_bits")
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


def choose_copies(
    members: Sequence[Mapping[str, Any]], split: str, within: bool
) -> tuple[list[Mapping[str, Any]], Mapping[str, Any]]:
    """Choose which of the samples of one look are to go, and give one that stays.

    Args:
        members: rows with `key`, `split`, `dataset` and `group`; the first that may stay does.
        split: its samples go where the look stands in another split, too.
        within: of what is left only the first group's samples stay.
    """
    leaks = len({row["split"] for row in members}) > 1
    gone = [row for row in members if leaks and row["split"] == split]
    kept = [row for row in members if not leaks or row["split"] != split]
    if within:
        first = (kept[0]["dataset"], kept[0]["group"])
        gone += [row for row in kept if (row["dataset"], row["group"]) != first]
    return gone, kept[0]


def near_duplicates(samples: Iterable[SampleRow], limits: FilterSettings) -> dict[str, dict[str, str]]:
    """Say which samples the settings leave out: by shard, keys and a line on what their pictures look like.

    The samples are all that pass the other limits. Where they come from is no matter, nor in what order: of
    one look val's stay, and of a split's those of the group that has the first key.
    """
    if limits.near_duplicates == "off":
        return {}
    names = ("key", "shard", "split", "dataset", "group", "picture_hash")
    small = [{name: row[name] for name in names} for row in samples]
    small.sort(key=lambda row: str(row["key"]))
    looks: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    numbers = group_hashes([row["picture_hash"] for row in small], limits.near_bits).tolist()
    for row, number in zip(small, numbers, strict=True):
        if number >= 0:
            looks[number].append(row)
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for members in looks.values():
        gone, like = choose_copies(members, "train", limits.near_duplicates == "all")
        said = f"its picture looks like that of {like['key']} in {like['split']}"
        for one in gone:
            found[one["shard"]][one["key"]] = said
    return dict(found)


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
        if load_json(read_small(folder / META / DUPLICATE_COUNTS)) != found.counts:
            yield f"{META}/{DUPLICATE_COUNTS}: must count what {DUPLICATES} names"
    except (DataError, OSError) as error:
        yield f"{META}/{DUPLICATES}: {error}"


def copies_faults(folder: Path, manifests: Iterable[Manifest]) -> Iterator[str]:
    """No sample is left that the settings leave out, and each one left out is known as such."""
    try:
        tree = tomllib.loads(read_small(folder / META / CONFIG).decode())
        said = tree.get("filter", {})
        limits = FilterSettings(**{name: said[name] for name in _SETTINGS if name in said})
    except (OSError, ValueError, RecursionError, TypeError):
        return  # `made_with_faults` says so
    made = list(manifests)
    for copies in near_duplicates((row for one in made for row in one.samples), limits).values():
        for key, said in copies.items():
            yield f"{META}/{CONFIG}: filter.near_duplicates leaves out {key}: {said}; run the build again"
    for one in made:
        out = [reject.key for reject in one.rejects if reject.reason == NEAR_DUPLICATE]
        if sorted(out) != sorted(str(row["key"]) for row in one.copies):
            yield f"{META}/manifests/{one.shard}.json: must hold a row for each reject {NEAR_DUPLICATE}"


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
