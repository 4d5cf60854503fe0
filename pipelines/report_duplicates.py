"""Pictures that look the same, in the order in which a report shows them."""

from collections import defaultdict
from dataclasses import dataclass

from somtom.pipelines.report_facts import Columns
from somtom.schemas.duplicates import find_duplicates

SHOWN, SHOWN_INPUTS = 40, 6  # looks, and inputs of each, that the page shows
_NEEDED = ("key", "shard", "split", "dataset", "uri", "group", "picture_hash")


@dataclass(frozen=True)
class Look:
    """Samples of different groups whose pictures look the same.

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
        """Whether the picture stands in more than one split."""
        return len(self.splits) > 1

    def inputs(self, columns: Columns) -> list[list[int]]:
        """The rows, those of one input and split together."""
        together: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
        for row in self.rows:
            together[tuple(str(columns[name][row]) for name in ("split", "dataset", "uri"))].append(row)
        return list(together.values())


@dataclass(frozen=True)
class Looks:
    """What looks the same.

    Args:
        hashed: samples whose picture has a hash; a flat picture has none.
        several: looks of several groups, those across splits first, then the largest.
        repeats: samples beyond the first of a group that look the same.
    """

    hashed: int
    several: tuple[Look, ...]
    repeats: int

    def shown(self, columns: Columns) -> list[int]:
        """Rows of which a picture is worth showing: one of each of the first inputs of the first looks."""
        return [rows[0] for look in self.several[:SHOWN] for rows in look.inputs(columns)[:SHOWN_INPUTS]]


def find_looks(columns: Columns) -> Looks | None:
    """Find the pictures that look the same; None where the table has no hashes."""
    if not set(_NEEDED) <= set(columns):
        return None
    texts = {name: columns[name].tolist() for name in _NEEDED}
    found = find_duplicates(
        dict(zip(texts, values, strict=True)) for values in zip(*texts.values(), strict=True)
    )
    places = {key: row for row, key in enumerate(texts["key"])}
    rows_of: defaultdict[int, list[int]] = defaultdict(list)
    for one in found.rows:
        rows_of[one["look"]].append(places[one["key"]])
    looks = [
        Look(
            tuple(rows),
            tuple(sorted({texts["split"][row] for row in rows})),
            len({texts["picture_hash"][row] for row in rows}) == 1,
        )
        for rows in rows_of.values()
    ]
    looks.sort(key=lambda one: (not one.leaks, -len(one.rows), one.rows))
    return Looks(found.counts["hashed"], tuple(looks), found.counts["repeats_in_groups"])
