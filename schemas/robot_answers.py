"""A robot's action as an answer: the bins of one step, or of each step of a chunk."""

import json

import numpy as np
from numpy.typing import ArrayLike, NDArray


def format_robot_action(bins: ArrayLike) -> str:
    """Write (C, D) bins: one step as a list of D integers, several as a list of such lists.

    >>> format_robot_action([[128, 37, 255]]), format_robot_action([[128, 37], [0, 255]])
    ('[128,37,255]', '[[128,37],[0,255]]')
    """
    rows = np.asarray(bins, dtype=np.int64).tolist()
    return json.dumps(rows[0] if len(rows) == 1 else rows, separators=(",", ":"))


def parse_robot_action(text: str) -> NDArray[np.int64]:
    """Read back what `format_robot_action` wrote, as (C, D) with at least one number.

    Raises:
        ValueError: anything else stands there, or the rows are of different lengths.
    """
    try:
        rows = json.loads(text)
    except RecursionError as error:
        raise ValueError(f"nested too deeply: {text[:80]!r}") from error
    if isinstance(rows, list) and rows and not isinstance(rows[0], list):
        rows = [rows]
    if (
        not isinstance(rows, list)
        or not rows
        or not all(isinstance(row, list) and len(row) == len(rows[0]) > 0 for row in rows)
        or not all(type(one) is int and 0 <= one <= 255 for row in rows for one in row)
    ):
        raise ValueError(f"not the bins of an action: {text[:80]!r}")
    bins = np.array(rows, np.int64)
    if format_robot_action(bins) != text:
        raise ValueError(f"an action written in another way than ours: {text[:80]!r}")
    return bins
