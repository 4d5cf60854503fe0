"""Puts what is alike together, works on it at once, and gives the outcomes in the order of the inputs."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


@dataclass
class _Place(Generic[Item, Outcome]):
    """One input's place in the line; `outcome` is empty until it is there."""

    item: Item | None
    kind: int
    size: int
    outcome: list[Outcome]


def in_batches(
    items: Iterable[Item],
    kind_of: Callable[[Item], int],
    size_of: Callable[[Item], int],
    work: Callable[[Sequence[Item]], Sequence[Outcome]],
    batch: Callable[[], int],
    most_bytes: int,
) -> Iterator[Outcome]:
    """Work on items of one kind together, `batch()` of them at most.

    A batch that is not full goes ahead when twice as many places as it has are taken by what came since, or
    all that wait for others of their kind are `most_bytes` large. How items are put together depends on
    nothing but them and `batch()`.

    Args:
        kind_of: items may go together where it is the same; 0 for those that go alone.
        size_of: bytes of an item.
        work: gives an outcome for each item.
        batch: asked anew each time, since it may shrink.
    """
    line: deque[_Place[Item, Outcome]] = deque()
    groups: dict[int, list[_Place[Item, Outcome]]] = {}

    def finish(kind: int) -> None:
        group = groups.pop(kind)
        outcomes = work([place.item for place in group if place.item is not None])
        for place, outcome in zip(group, outcomes, strict=True):
            place.item = None  # a clip's frames are large
            place.outcome.append(outcome)

    for item in items:
        place: _Place[Item, Outcome] = _Place(item, kind_of(item), size_of(item), [])
        line.append(place)
        groups.setdefault(place.kind, []).append(place)
        if not place.kind or len(groups[place.kind]) >= batch():
            finish(place.kind)
        while groups and (len(line) >= 2 * batch() or _bytes(groups.values()) >= most_bytes):
            finish(next(iter(groups)))  # the one that has waited longest
            while line and line[0].outcome:
                yield line.popleft().outcome[0]
        while line and line[0].outcome:
            yield line.popleft().outcome[0]
    for kind in list(groups):
        finish(kind)
    for place in line:
        yield place.outcome[0]


def _bytes(groups: Iterable[Iterable[_Place[Item, Outcome]]]) -> int:
    return sum(place.size for group in groups for place in group)
