"""Which pictures look the same, by the hashes of `picture_hash`."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from somtom.schemas.picture_hash import BITS

NEAR_BITS = 4  # of 64: pictures whose hashes differ in no more look the same
_ROWS = 1_024  # hashes compared with others at once
_MOST_TOGETHER = 20_000  # hashes that share a piece; of more, each is compared with the next `_ROWS` alone


def group_hashes(hashes: Sequence[str], near_bits: int = NEAR_BITS) -> NDArray[np.int64]:
    """Bring hashes together that differ in `near_bits` bits at most, by chains of such pairs.

    Args:
        hashes: N texts; what is no hash (a flat picture has "") looks like nothing else.

    Returns:
        (N,) numbers of groups: equal for those that look the same, -1 where there is no hash.
    """
    found = {row: word for row, text in enumerate(hashes) if (word := hash_word(text)) is not None}
    groups = np.full(len(hashes), -1, dtype=np.int64)
    groups[list(found)] = group_words(np.array(list(found.values()), dtype=np.uint64), near_bits)
    return groups


def group_words(hashes: NDArray[np.uint64], near_bits: int = NEAR_BITS) -> NDArray[np.int64]:
    """Do the same for (N,) hashes as numbers, all of them hashes."""
    words, of_word = np.unique(hashes, return_inverse=True)
    parents = np.arange(len(words))

    def root(one: int) -> int:
        while (parent := int(parents[one])) != one:
            parents[one] = parents[parent]
            one = parent
        return one

    for one, others in _near(words, near_bits):
        top = root(one)
        # A still scene gives thousands that are near each other: nearly all hang below one root soon.
        apart = others[parents[others] != top]
        tops = [root(int(other)) for other in np.unique(parents[apart])]
        least = min(top, *tops) if tops else top
        parents[[top, *tops]] = least
        parents[apart] = least
    return np.fromiter(map(root, range(len(words))), np.int64, len(words))[of_word]


def hash_word(text: str) -> int | None:
    """Read a hash; None where the text is none."""
    is_hash = len(text) == BITS // 4 and not text.strip("0123456789abcdef")
    return int(text, 16) if is_hash else None


def _near(words: NDArray[np.uint64], near_bits: int) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Give a place and others that are near it, so that each pair comes at least once."""
    pieces = near_bits + 1  # two hashes that differ in 4 bits agree in at least one of 5 pieces
    for piece in range(pieces):
        start, end = piece * BITS // pieces, (piece + 1) * BITS // pieces
        values = (words >> np.uint64(start)) & np.uint64((1 << (end - start)) - 1)
        order = np.argsort(values, kind="stable")
        for together in np.split(order, np.flatnonzero(np.diff(values[order])) + 1):
            for begin in range(0, len(together), _ROWS):
                some = together[begin : begin + _ROWS]
                reach = len(together) if len(together) <= _MOST_TOGETHER else begin + 2 * _ROWS
                others = together[begin:reach]
                near = np.bitwise_count(words[some][:, None] ^ words[others][None]) <= near_bits
                for row in np.flatnonzero(near.sum(axis=1) > 1):
                    yield int(some[row]), others[near[row]]
