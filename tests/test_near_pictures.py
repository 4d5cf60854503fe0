"""Hashes that are near are found, whatever their number and order."""

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from somtom.schemas.near_pictures import NEAR_BITS, group_hashes

# A few words, and the same with some bits changed: near and far ones side by side.
words = st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=4)
changes = st.lists(st.sets(st.integers(0, 63), max_size=7), min_size=1, max_size=12)


def brute(values: list[int], bits: int) -> list[int]:
    """The groups by comparing every pair."""
    groups = list(range(len(values)))
    for one, other in combinations(range(len(values)), 2):
        if (values[one] ^ values[other]).bit_count() <= bits:
            groups = [groups[one] if group == groups[other] else group for group in groups]
    return groups


def same_partition(first: list[int], second: list[int]) -> bool:
    return len(set(zip(first, second, strict=True))) == len(set(first)) == len(set(second))


@settings(max_examples=100, deadline=None)
@given(words, changes, st.sampled_from([0, 1, NEAR_BITS, 8]))
def test_groups_are_those_of_comparing_every_pair(
    words: list[int], changes: list[set[int]], bits: int
) -> None:
    values = [
        words[place % len(words)] ^ sum(1 << bit for bit in bits) for place, bits in enumerate(changes)
    ] + words
    hashes = [f"{one:016x}" for one in values]
    assert same_partition(group_hashes(hashes, bits).tolist(), brute(values, bits))
    assert bits != NEAR_BITS or (group_hashes(hashes) == group_hashes(hashes, bits)).all()


def test_what_is_no_hash_looks_like_nothing() -> None:
    groups = group_hashes(["", "0" * 16, "zz", "0" * 16, "", "0" * 15 + "7"])
    assert groups.tolist() == [-1, 0, -1, 0, -1, 0]
    assert len(group_hashes([])) == 0
