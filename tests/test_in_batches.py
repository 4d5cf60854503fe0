"""Batches: what is alike goes together, outcomes keep the order."""

from collections.abc import Iterator, Sequence

from hypothesis import given
from hypothesis import strategies as st

from somtom.transforms.in_batches import in_batches


def run(
    kinds: Sequence[int], batch: int, sizes: Sequence[int] = (), most_bytes: int = 1 << 30
) -> tuple[list[int], list[list[int]], int]:
    """Put places of `kinds` in batches: the outcomes, the batches, and the most places held at a time."""
    batches: list[list[int]] = []
    asked, given_back, held = 0, 0, 0

    def places() -> Iterator[int]:
        nonlocal asked, held
        for place in range(len(kinds)):
            held = max(held, asked - given_back)
            asked += 1
            yield place

    def work(batch: Sequence[int]) -> list[int]:
        batches.append(list(batch))
        return [-place for place in batch]

    outcomes = []
    size = (lambda place: sizes[place]) if sizes else (lambda place: 1)
    for outcome in in_batches(places(), lambda place: kinds[place], size, work, lambda: batch, most_bytes):
        outcomes.append(outcome)
        given_back += 1
    return outcomes, batches, held


KINDS = st.lists(st.integers(0, 3), max_size=60)


@given(KINDS, st.integers(1, 9))
def test_every_item_is_worked_on_once_and_comes_out_in_its_place(kinds: list[int], batch: int) -> None:
    outcomes, batches, held = run(kinds, batch)

    assert outcomes == [-place for place in range(len(kinds))]
    assert sorted(place for one in batches for place in one) == list(range(len(kinds)))
    for one in batches:
        assert len(one) <= batch and len({kinds[place] for place in one}) == 1
        assert len(one) == 1 or kinds[one[0]]
    assert held <= 2 * batch


@given(st.integers(0, 50), st.integers(1, 9))
def test_batches_of_one_kind_are_full(count: int, batch: int) -> None:
    _, batches, _ = run([5] * count, batch)

    assert all(len(one) == batch for one in batches[:-1])


def test_what_cannot_go_together_does_not_split_a_batch() -> None:
    _, batches, _ = run([5, 0, 5, 0, 5, 5, 7, 5], 4)

    assert batches == [[1], [3], [0, 2, 4, 5], [6], [7]]


def test_a_rare_kind_does_not_hold_up_the_others_for_long() -> None:
    _, batches, held = run([7] + [5] * 20, 4)

    assert [0] in batches[:3] and held <= 8


def test_what_waits_is_bounded_by_its_size() -> None:
    _, batches, _ = run([5] * 8, 8, sizes=[10] * 8, most_bytes=30)

    assert batches == [[0, 1, 2], [3, 4, 5], [6, 7]]


def test_a_batch_may_shrink_on_the_way() -> None:
    most = iter([4] * 6 + [2] * 99)
    seen: list[int] = []

    def work(batch: Sequence[int]) -> Sequence[int]:
        seen.append(len(batch))
        return batch

    outcomes = in_batches(range(8), lambda _: 1, lambda _: 1, work, lambda: next(most), 99)

    assert list(outcomes) == list(range(8))
    assert max(seen) <= 4 and sum(seen) == 8
