"""meta/duplicates.parquet and .json: which samples' pictures look the same, and whether in two splits."""

import json
import tomllib
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somtom.schemas.files import read_small, write_whole
from somtom.schemas.folder import CONFIG, META
from somtom.schemas.keys import digest
from somtom.schemas.manifest import Manifest
from somtom.schemas.near_pictures import NEAR_BITS, group_hashes, group_words, hash_word
from somtom.schemas.packed_rows import PackedRows
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
    table = _Table()
    for row in samples:
        table.add(row)
    look, group, split, order = table.columns()
    looks, members = np.unique(look[look >= 0], return_counts=True)
    groups = _distinct(looks, look, group)
    splits = _distinct(looks, look, split)
    several, across = groups > 1, splits > 1
    # Looks are numbered as they come up.
    is_several = np.isin(look, looks[several])
    first = dict.fromkeys(look[order[is_several[order]]].tolist())
    in_splits = dict(zip(looks.tolist(), splits.tolist(), strict=True))
    wanted: dict[int, list[tuple[int, Sequence[str]]]] = {one: [] for one in first}
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    for index, values in enumerate(table.rows):
        if is_several[index]:
            wanted[int(look[index])].append((int(place[index]), values))
    rows = tuple(
        {"look": number, **dict(zip(_OF_SAMPLE, values, strict=True)), "splits": in_splits[one]}
        for number, one in enumerate(first)
        for _, values in sorted(wanted[one], key=lambda member: member[0])
    )
    seen = Counter(split[np.isin(look, looks[across])].tolist())
    counts = {
        "near_bits": NEAR_BITS,
        "samples": len(look),
        "hashed": int(members.sum()),
        "looks": len(looks),
        "repeats_in_groups": int((members - groups).sum()),
        "looks_of_several_groups": len(first),
        "samples_of_several_groups": len(rows),
        "looks_across_splits": int(across.sum()),
        "samples_across_splits": [
            {"split": name, "samples": seen[code]}
            for name, code in sorted(table.splits.items())
            if seen[code]
        ],
    }
    return Duplicates(rows, counts)


class _Table:
    """What is asked of tens of millions of samples, as numbers; the rest of each row is packed."""

    def __init__(self) -> None:
        self.rows = PackedRows()
        self.splits: dict[str, int] = {}
        self._shards: dict[str, int] = {}
        self._hashes, self._groups = array("Q"), array("Q")
        self._split, self._shard = array("q"), array("q")
        self._unhashed: list[int] = []

    def add(self, row: SampleRow) -> None:
        word = hash_word(row["picture_hash"])
        if word is None:
            self._unhashed.append(len(self._hashes))
        self._hashes.append(word or 0)
        self._groups.append(int(digest(row["dataset"], row["group"])[:16], 16))
        self._split.append(self.splits.setdefault(str(row["split"]), len(self.splits)))
        self._shard.append(self._shards.setdefault(str(row["shard"]), len(self._shards)))
        self.rows.add([row[name] for name in _OF_SAMPLE])

    def columns(self) -> tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.int64], NDArray[np.int64]]:
        """Look (-1 for none), group and split of each sample, and the samples' order by their shards' names.

        A plan that was appended to has them in another order.
        """
        hashes = np.frombuffer(self._hashes, np.uint64)
        is_hashed = np.ones(len(hashes), bool)
        is_hashed[self._unhashed] = False
        look = np.full(len(hashes), -1, np.int64)
        look[is_hashed] = group_words(hashes[is_hashed])
        rank = np.empty(len(self._shards), np.int64)
        rank[[self._shards[name] for name in sorted(self._shards)]] = np.arange(len(rank))
        order = np.argsort(rank[np.frombuffer(self._shard, np.int64)], kind="stable")
        return look, np.frombuffer(self._groups, np.uint64), np.frombuffer(self._split, np.int64), order


def _distinct(looks: NDArray[np.int64], look: NDArray[np.int64], values: NDArray[Any]) -> NDArray[np.int64]:
    """How many different values the samples of each look have; `looks` are sorted."""
    hashed = look >= 0
    order = np.lexsort((values[hashed], look[hashed]))
    ones, others = look[hashed][order], values[hashed][order]
    is_new = np.ones(len(ones), bool)
    is_new[1:] = (ones[1:] != ones[:-1]) | (others[1:] != others[:-1])
    return np.bincount(np.searchsorted(looks, ones[is_new]), minlength=len(looks))


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
