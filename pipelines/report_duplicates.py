"""Pictures that are the same or nearly so: how many, and whether any stand in two splits."""

from collections import defaultdict
from dataclasses import dataclass

from somtom.pipelines.report_facts import Columns
from somtom.schemas.near_pictures import group_hashes

SHOWN, SHOWN_INPUTS = 40, 6  # groups, and inputs of each, that the page shows


@dataclass(frozen=True)
class Group:
    """Samples of different inputs, or in different splits, whose pictures look the same.

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
        repeats: samples beyond the first of an input's pictures that look the same (instructions on one
            screenshot, clips of a still scene).
    """

    hashed: int
    groups: tuple[Group, ...]
    repeats: int

    def shown(self, columns: Columns) -> list[int]:
        """Rows of which a picture is worth showing: one of each of the first inputs of the first groups."""
        return [rows[0] for group in self.groups[:SHOWN] for rows in group.inputs(columns)[:SHOWN_INPUTS]]


def find_duplicates(columns: Columns) -> Duplicates | None:
    """Bring samples together whose pictures look the same; None where the table has no hashes."""
    if "picture_hash" not in columns:
        return None
    texts = columns["picture_hash"].astype(str)
    members: defaultdict[int, list[int]] = defaultdict(list)
    for row, number in enumerate(group_hashes(texts.tolist()).tolist()):
        if number >= 0:
            members[number].append(row)
    groups, repeats = [], 0
    for rows in members.values():
        inputs = {(str(columns["dataset"][row]), str(columns["uri"][row])) for row in rows}
        splits = tuple(sorted({str(columns["split"][row]) for row in rows}))
        if len(inputs) > 1 or len(splits) > 1:
            groups.append(Group(tuple(rows), splits, len({texts[row] for row in rows}) == 1))
        repeats += len(rows) - len(inputs)
    groups.sort(key=lambda one: (not one.leaks, -len(one.rows), one.rows))
    return Duplicates(sum(map(len, members.values())), tuple(groups), repeats)
