"""Which inputs belong together, and in which split: of every group of a plan, however many there are."""

import hashlib
import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from somtom.pipelines.buckets import Buckets
from somtom.schemas.keys import digest
from somtom.schemas.refs import Ref

TRAIN, VAL = "train", "val"
_TIE_BUCKETS = 256  # of a hundred thousand inputs each where there are 25 million


class Facts:
    """What refs show, their groups and the splits that were asked for: one row where neighbours agree.

    `refs` are those to be planned, `known` those of a plan that is there, whose groups and splits stay.
    """

    def __init__(self, folder: Path, refs: Iterable[Ref], known: Iterable[Ref]) -> None:
        self._rows = Buckets(folder)
        self.known = self._add(known, is_known=True)
        self.refs = self._add(refs, is_known=False)

    def _add(self, refs: Iterable[Ref], is_known: bool) -> int:
        number, last = 0, ("", "", "")
        for ref in refs:
            number += 1
            row = (ref.shown, ref.group, ref.split)
            if row != last:
                # What shows the same is in one bucket.
                bucket = int(digest(ref.shown)[:8], 16) % _TIE_BUCKETS
                self._rows.add(f"{bucket:04d}", (*row, is_known))
                last = row
        return number

    def buckets(self) -> Iterator[Iterator[tuple[str, str, str, bool]]]:
        """Give the rows (shown, group, split, is known), a bucket after the other."""
        for name in self._rows.names():
            yield ((str(row[0]), str(row[1]), str(row[2]), bool(row[3])) for row in self._rows.read(name))


def tied_groups(facts: Facts) -> dict[str, str]:
    """Put inputs with the same bytes, or the same picture, into one group: old name -> the name of them all.

    It is the first of their groups' names, or of those that are known: their samples may already be written.
    Groups that keep their name are left out; memory is needed for those alone that are tied to others.
    """
    # Two inputs of one group whose bytes equal those of two other groups tie all of them together.
    leader: dict[str, str] = {}

    def lead(group: str) -> str:
        first = group
        while leader[first] != first:
            first = leader[first]
        while group != first:  # what was walked through is kept short for the next time
            group, leader[group] = leader[group], first
        return first

    for rows in facts.buckets():
        groups: dict[str, set[str]] = {}
        fresh: set[str] = set()
        for shown, group, _, is_known in rows:
            groups.setdefault(shown, set()).add(group)
            if not is_known:
                fresh.add(shown)
        for shown in fresh:
            if len(groups[shown]) > 1:
                first, *others = groups[shown]
                for other in others:
                    one, two = sorted(
                        (lead(leader.setdefault(first, first)), lead(leader.setdefault(other, other)))
                    )
                    leader[two] = one
    kept: dict[str, str] = {}
    if facts.known and leader:
        for rows in facts.buckets():
            for _, group, _, is_known in rows:
                if is_known and group in leader:
                    top = lead(group)
                    kept[top] = min(group, kept.get(top, group))
    named = {group: kept.get(lead(group), lead(group)) for group in leader}
    return {group: name for group, name in named.items() if name != group}


class GroupSet:
    """A set of groups that is filled first and asked then; it holds 16 bytes of each."""

    def __init__(self) -> None:
        self._ids = bytearray()
        self._sorted: Any = None

    def add(self, group: str) -> None:
        """Put a group into the set."""
        self._ids += _id_of(group)

    def __contains__(self, group: str) -> bool:
        if self._sorted is None:
            self._sorted = np.unique(np.frombuffer(bytes(self._ids), dtype="S16"))
            self._ids.clear()
        if not len(self._sorted):
            return False
        one = np.frombuffer(_id_of(group), dtype="S16")
        place = int(np.searchsorted(self._sorted, one)[0])
        return place < len(self._sorted) and bool(self._sorted[place] == one[0])


def _id_of(group: str) -> bytes:
    return hashlib.blake2b(group.encode("utf-8", "surrogatepass"), digest_size=16).digest()


class GroupSplits:
    """Decides the split of each group: what a source asks for, else by the group's hash.

    With fewer than two groups all is train; otherwise each split that is asked for gets at least one group.
    A group that sources ask into both splits is held out as a whole. A known group keeps its split.

    Args:
        facts: of all refs.
        renamed: see `tied_groups`.
        val_fraction: share of the groups that goes to the validation split.
    """

    def __init__(self, facts: Facts, renamed: Mapping[str, str], val_fraction: float) -> None:
        self._known: defaultdict[str, GroupSet] = defaultdict(GroupSet)
        self._asked: defaultdict[str, GroupSet] = defaultdict(GroupSet)
        self._val_fraction = val_fraction
        self._moved: dict[str, str] = {}
        for rows in facts.buckets():
            for _, group, split, is_known in rows:
                if is_known:
                    self._known[split].add(group)
                elif split:
                    self._asked[split].add(renamed.get(group, group))
        self._settle(facts, renamed)

    def _settle(self, facts: Facts, renamed: Mapping[str, str]) -> None:
        """See that no split that is asked for stays empty."""
        one = ""
        has_several = False
        present = set(self._known)
        free: list[tuple[float, str]] = []  # the first and the last by their hashes of those nobody asked for
        for rows in facts.buckets():
            for _, old_name, _, is_known in rows:
                group = old_name if is_known else renamed.get(old_name, old_name)
                has_several |= bool(one) and group != one
                one = group
                if is_known:
                    continue
                present.add(self.of(group))
                if not self._is_given(group):
                    place = (_place(group), group)
                    free = [min(place, *free), max(place, *free)] if free else [place, place]
        if facts.refs and self._val_fraction and not has_several:
            logging.getLogger(__name__).warning(
                "only one group of inputs: all clips go to train, none to val"
            )
            if not self._known:
                self._val_fraction = 0.0
        elif self._val_fraction and free and VAL not in present:
            self._moved[free[0][1]] = VAL
        elif self._val_fraction and free and TRAIN not in present:
            self._moved[free[-1][1]] = TRAIN

    def of(self, group: str) -> str:
        """The split of a group."""
        if group in self._moved:
            return self._moved[group]
        for given in (self._known, self._asked):
            for split in (VAL, *(given.keys() - {VAL})):
                if split in given and group in given[split]:
                    return split
        return VAL if _place(group) < self._val_fraction else TRAIN

    def _is_given(self, group: str) -> bool:
        return any(group in groups for given in (self._known, self._asked) for groups in given.values())


def _place(group: str) -> float:
    """Where a group stands between 0 and 1, by its hash."""
    return int(digest("split", group)[:13], 16) / 16**13
