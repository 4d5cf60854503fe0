"""Pictures that are the same or nearly so: how many, and whether any stand in two splits."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from somtom.pipelines.report_facts import Columns
from somtom.schemas.picture_hash import BITS

SHOWN, SHOWN_INPUTS = 40, 6  # groups, and inputs of each, that the page shows
NEAR_BITS = 4  # of 64: hashes that differ in no more are of pictures that look the same
_PIECES = NEAR_BITS + 1  # two hashes that differ in 4 bits agree in at least one of 5 pieces
_MOST_TOGETHER = 2_000  # samples sharing a piece that are compared pair by pair; of more, the neighbours only


@dataclass(frozen=True)
class Group:
    """Samples of different inputs, or of different groups, whose pictures look the same.

    Args:
        rows: of the table, in its order.
        splits: in which splits they stand.
        exact: whether all have the same hash.
    """

    rows: tuple[int, ...]
    splits: tuple[str, ...]
    exact: bool

    @property
    def leaks(self) -> bool:
        """Whether a picture stands in more than one split."""
        return len(self.splits) > 1

    def inputs(self, columns: Columns) -> list[list[int]]:
        """The rows, those of one input and split together."""
        together: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
        for row in self.rows:
            together[tuple(str(columns[name][row]) for name in ("split", "dataset", "uri"))].append(row)
        return list(together.values())


@dataclass(frozen=True)
class Duplicates:
    """What looks the same.

    Args:
        hashed: samples whose picture has a hash; a flat picture has none.
        groups: of different inputs, those across splits first, then the largest.
        repeats: samples beyond the first of each picture that come from one input (instructions on one
            screenshot, clips of a still scene).
    """

    hashed: int
    groups: tuple[Group, ...]
    repeats: int

    def shown(self, columns: Columns) -> list[int]:
        """Rows of which a picture is worth showing: one of each of the first inputs of the first groups."""
        return [rows[0] for group in self.groups[:SHOWN] for rows in group.inputs(columns)[:SHOWN_INPUTS]]


def find_duplicates(columns: Columns) -> Duplicates | None:
    """Bring samples together whose pictures' hashes differ in `NEAR_BITS` at most, by chains of such pairs.

    None where the table has no hashes.
    """
    if "picture_hash" not in columns:
        return None
    texts = columns["picture_hash"].astype(str)
    rows = np.array([row for row, text in enumerate(texts) if _is_hash(text)], dtype=np.int64)
    words, of_word = np.unique(
        np.array([int(texts[row], 16) for row in rows], np.uint64), return_inverse=True
    )
    chains = _chains(words)
    members: defaultdict[int, list[int]] = defaultdict(list)
    for row, word in zip(rows.tolist(), of_word.tolist(), strict=True):
        members[chains[word]].append(row)
    groups, repeats = [], 0
    for together in members.values():
        inputs = {(str(columns["dataset"][row]), str(columns["uri"][row])) for row in together}
        splits = tuple(sorted({str(columns["split"][row]) for row in together}))
        if len(inputs) > 1 or len(splits) > 1:
            exact = len({texts[row] for row in together}) == 1
            groups.append(Group(tuple(together), splits, exact))
        repeats += len(together) - len(inputs)
    groups.sort(key=lambda one: (not one.leaks, -len(one.rows), one.rows))
    return Duplicates(len(rows), tuple(groups), repeats)


def _is_hash(text: str) -> bool:
    return len(text) == BITS // 4 and not text.strip("0123456789abcdef")


def _chains(words: NDArray[np.uint64]) -> list[int]:
    """Give each of the different hashes the number of its chain."""
    parents = list(range(len(words)))

    def root(one: int) -> int:
        while parents[one] != one:
            parents[one] = parents[parents[one]]
            one = parents[one]
        return one

    for piece in range(_PIECES):
        start, end = piece * BITS // _PIECES, (piece + 1) * BITS // _PIECES
        values = (words >> np.uint64(start)) & np.uint64((1 << (end - start)) - 1)
        order = np.argsort(values, kind="stable")
        cuts = np.flatnonzero(np.diff(values[order])) + 1
        for shared in np.split(order, cuts):
            for one, other in _pairs(shared.tolist()):
                if (int(words[one]) ^ int(words[other])).bit_count() <= NEAR_BITS:
                    parents[root(max(one, other))] = root(min(one, other))
    return [root(one) for one in range(len(words))]


def _pairs(together: Sequence[int]) -> list[tuple[int, int]]:
    if len(together) > _MOST_TOGETHER:
        return list(pairwise(together))
    return list(combinations(together, 2))
