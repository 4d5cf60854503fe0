"""What the scan stage has found, gone through as often as wanted: there may be tens of millions of refs."""

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

from somtom.schemas.reasons import Reject
from somtom.schemas.refs import ItemFacts, Ref, Scan
from somtom.transforms.scan import read_scan_heads, read_scans

Head: TypeAlias = tuple[int, ItemFacts, Reject | None, int]  # position of the source, ..., number of refs


@dataclass(frozen=True)
class Scans:
    """What scanning has found: too much to hold, unless there is a limit.

    Args:
        paths: of the files of the tasks, in order.
        doubles: of inputs that were not scanned.
        limit: number of refs that are kept; 0 for all.
    """

    paths: Sequence[Path]
    doubles: Sequence[Head]
    limit: int

    @cached_property
    def _few(self) -> list[tuple[int, Scan]]:
        return _first_refs([one for path in self.paths for one in read_scans(path)], self.limit)

    def refs(self) -> Iterator[Ref]:
        """Go through the refs."""
        scans = self._few if self.limit else (one for path in self.paths for one in read_scans(path))
        return (ref for _, scan in scans for ref in scan.refs)

    def heads(self) -> Iterator[Head]:
        """Go through the items."""
        if self.limit:
            yield from ((source, scan.facts, scan.reject, len(scan.refs)) for source, scan in self._few)
        else:
            yield from (head for path in self.paths for head in read_scan_heads(path))
        yield from self.doubles


def _first_refs(scans: Sequence[tuple[int, Scan]], limit: int) -> list[tuple[int, Scan]]:
    """Keep `limit` refs, as many of each source as there are; what is left out counts as not listed."""
    left = Counter[int]()
    for source, scan in scans:
        left[source] += len(scan.refs)
    taken = Counter[int]()
    while limit > 0 and (hungry := [source for source in left if taken[source] < left[source]]):
        for source in hungry[:limit]:
            taken[source] += 1
        limit -= len(hungry[:limit])
    kept: list[tuple[int, Scan]] = []
    for source, scan in scans:
        refs = scan.refs[: taken[source]]
        taken[source] -= len(refs)
        if refs or scan.reject is not None:
            kept.append((source, dataclasses.replace(scan, refs=refs)))
    return kept
