"""In which order samples are drawn: a pure function of the seed and the epoch, whoever draws them."""

import numpy as np
from numpy.typing import NDArray

from somtom.schemas.keys import generator_of


def epoch_order(
    counts: NDArray[np.int64], weights: NDArray[np.float64], seed: int, epoch: int, shuffle_shards: int
) -> NDArray[np.int64]:
    """Numbers of the samples that one epoch draws, in order.

    The shards are shuffled, then the samples of each `shuffle_shards` shards in a row among themselves, so
    that only so many shards are read at a time. A sample of weight 2.5 is drawn two or three times.

    Args:
        counts: samples of each shard.
        weights: of each sample, counted through the shards.
    """
    random = generator_of(f"{seed}-{epoch}", "trainer.order")
    whole = np.floor(weights).astype(np.int64)
    times = whole + (random.random(len(weights)) < weights - whole)
    starts = np.concatenate([[0], np.cumsum(counts)])
    shards = random.permutation(len(counts))
    drawn = []
    for first in range(0, len(shards), shuffle_shards):
        window = shards[first : first + shuffle_shards]
        numbers = np.concatenate([np.arange(starts[one], starts[one + 1]) for one in window])
        drawn.append(random.permutation(np.repeat(numbers, times[numbers])))
    return np.concatenate([*drawn, np.empty(0, np.int64)])


def pack_lengths(lengths: NDArray[np.int64], most: int) -> list[list[int]]:
    """Put things of these lengths into rows of at most `most`: the longest first, each into the fullest row
    that has room (best fit).

    Returns:
        For each row the numbers of what stands in it; a thing longer than `most` has a row of its own.
    """
    rows: list[list[int]] = []
    room: list[int] = []
    for number in np.argsort(-lengths, kind="stable").tolist():
        length = int(lengths[number])
        fits = [row for row, left in enumerate(room) if left >= length]
        if fits:
            row = min(fits, key=lambda one: room[one])
            rows[row].append(number)
            room[row] -= length
        else:
            rows.append([number])
            room.append(most - length)
    return rows
