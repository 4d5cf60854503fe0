"""Quantiles, extremes, mean and deviation of rows of numbers, the same in whatever order they come."""

import json
import math
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from somtom.schemas.reasons import DataError

# A float64's bits without the sign, read as an integer, grow with |x|. Its upper bits name a bin: each power
# of two is cut into 2^(52 - shift) bins. A dimension starts with shift 0, a bin for each value, and drops
# one bit more whenever it has more than _MOST_BINS bins, until shift is _COARSEST.
_MOST_BINS = 8192
_COARSEST = 44
RELATIVE_ERROR = 2.0 ** (_COARSEST - 53)  # at the worst: half a bin of 1/256, 0.195 %
_LEAST = int(np.float64(2.0**-64).view(np.int64))  # |x| below counts as 0 in the quantiles
_MOST = int(np.float64(2.0**64).view(np.int64))  # |x| above shares one bin, so that bins are bounded
_BELOW = _LEAST - (1 << _COARSEST)  # taken off the bits: keys stay small, those of numbers beside 0 never 0

# Sums are integers: a float64 is an integer of 53 bits times 2^(e - 1074). It is cut into three
# limbs of 18 bits, so that the float64 sums of limb products over one block stay below 2^53, and exact.
_UNIT_BITS = 1074
_LIMB_BITS = 18
_BLOCK_ROWS = 1 << 14

Keys = NDArray[np.int64]


class ActionSketch:
    """A summary of (n, D) rows whose state depends on the rows alone, not on their order or partition.

    Minimum, maximum, mean and standard deviation are exact (rounded once to float64). Quantiles come
    from at most 8192 bins a dimension (65539 where the values span so many powers of two), with the error
    that `errors` gives: 0 where the dimension has no more different values than bins, never over
    `RELATIVE_ERROR`. Rows that hold a number that is not finite are only counted.

    Args:
        width: D, the numbers of a row.
    """

    def __init__(self, width: int) -> None:
        if width < 1:
            raise ValueError(f"a row must have a number, got width {width}")
        self.rows = 0
        self.bad_rows = 0
        self._columns = [_Column() for _ in range(width)]

    @property
    def width(self) -> int:
        """D, the numbers of a row."""
        return len(self._columns)

    def add(self, rows: ArrayLike) -> None:
        """Take in (n, D) rows."""
        values = np.asarray(rows, dtype=np.float64)
        if values.ndim != 2 or values.shape[1] != self.width:
            raise ValueError(f"rows must be (n, {self.width}), got {values.shape}")
        good = np.isfinite(values).all(axis=1)
        self.rows += int(good.sum())
        self.bad_rows += int((~good).sum())
        if not good.any():
            return
        columns = np.ascontiguousarray(values[good].T) + 0.0  # -0.0 becomes 0.0
        for column, one in zip(self._columns, columns, strict=True):
            for start in range(0, len(one), _BLOCK_ROWS):
                column.add(one[start : start + _BLOCK_ROWS])

    def merge(self, other: "ActionSketch") -> None:
        """Take in the rows that the other has taken in."""
        if other.width != self.width:
            raise ValueError(f"cannot merge rows of {other.width} numbers into rows of {self.width}")
        self.rows += other.rows
        self.bad_rows += other.bad_rows
        for column, one in zip(self._columns, other._columns, strict=True):
            column.merge(one)

    def quantile(self, share: float) -> NDArray[np.float64]:
        """The (D,) quantiles, between neighbouring values as `numpy.quantile` does it (method "linear").

        Each is off by at most `errors` times the larger of its two neighbours' magnitudes.
        """
        self._need_rows()
        place = share * (self.rows - 1)
        below = math.floor(place)
        part = place - below
        found = []
        for column in self._columns:
            low, high = (column.at(min(rank, self.rows - 1)) for rank in (below, below + 1))
            found.append(low if low == high else low * (1 - part) + high * part)
        return np.array(found)

    def share_outside(self, low: ArrayLike, high: ArrayLike) -> NDArray[np.float64]:
        """The (D,) shares of the values that lie outside of low..high, (D,) each, as far as bins tell."""
        self._need_rows()
        bounds = np.broadcast_arrays(np.asarray(low, np.float64), np.asarray(high, np.float64))
        shares = []
        for column, least, most in zip(self._columns, *bounds, strict=True):
            values = column.values()
            shares.append(float(column.counts[(values < least) | (values > most)].sum()) / self.rows)
        return np.array(shares)

    @property
    def errors(self) -> NDArray[np.float64]:
        """The (D,) bounds of the quantiles' relative error, for magnitudes from 2^-64 to 2^64."""
        return np.array([2.0 ** (column.shift - 53) if column.shift else 0.0 for column in self._columns])

    @property
    def minimum(self) -> NDArray[np.float64]:
        """The (D,) smallest values."""
        self._need_rows()
        return np.array([column.low for column in self._columns])

    @property
    def maximum(self) -> NDArray[np.float64]:
        """The (D,) largest values."""
        self._need_rows()
        return np.array([column.high for column in self._columns])

    @property
    def mean(self) -> NDArray[np.float64]:
        """The (D,) means, rounded once."""
        self._need_rows()
        return np.array([column.total / (self.rows << _UNIT_BITS) for column in self._columns])

    @property
    def std(self) -> NDArray[np.float64]:
        """The (D,) standard deviations of the rows themselves (divided by n, as `numpy.std`)."""
        self._need_rows()
        return np.array([column.std(self.rows) for column in self._columns])

    def _need_rows(self) -> None:
        if not self.rows:
            raise ValueError("nothing is known of no rows")

    def to_json(self) -> str:
        """Write the whole state, on one line; equal rows give equal text."""
        columns = [column.as_tree() for column in self._columns]
        tree = {"rows": self.rows, "bad_rows": self.bad_rows, "columns": columns}
        return json.dumps(tree, allow_nan=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read back what `to_json` wrote.

        Raises:
            DataError: `unreadable`.
        """
        try:
            tree = json.loads(text)
            sketch = cls(len(tree["columns"]))
            sketch.rows, sketch.bad_rows = _count(tree["rows"]), _count(tree["bad_rows"])
            sketch._columns = [_Column.of(one, sketch.rows) for one in tree["columns"]]
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
            raise DataError("unreadable", f"a stored sketch of actions is damaged: {error}") from error
        return sketch


class _Column:
    """One dimension: counts by bin, sums in units of 2^-1074 and 2^-2148, extremes."""

    def __init__(self) -> None:
        self.shift = 0
        self.keys: Keys = np.empty(0, np.int64)  # rising; the sign times the bits that are left
        self.counts: Keys = np.empty(0, np.int64)
        self.total = 0
        self.squares = 0
        self.low, self.high = math.inf, -math.inf

    def add(self, values: NDArray[np.float64]) -> None:
        self.low, self.high = min(self.low, float(values.min())), max(self.high, float(values.max()))
        total, squares = _exact_sums(values)
        self.total += total
        self.squares += squares
        keys, counts = np.unique(_coarsened(_exact_keys(values), self.shift), return_counts=True)
        self._count(keys, counts)

    def merge(self, other: "_Column") -> None:
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)
        self.total += other.total
        self.squares += other.squares
        shift = max(self.shift, other.shift)
        self._coarsen(shift)
        self._count(_coarsened(other.keys, shift - other.shift), other.counts)

    def _count(self, keys: Keys, counts: Keys) -> None:
        """Add counts of rising keys of this shift, then drop as many bits as it takes.

        The shift that a set of values needs never shrinks when the set grows, and at any larger shift
        the bins of a union are the union of the bins: so the order in which values come leaves no trace.
        """
        self.keys, self.counts = _united(
            np.concatenate([self.keys, keys]), np.concatenate([self.counts, counts])
        )
        drop, most = 0, _COARSEST - self.shift
        while drop < most and len(self.keys) > _MOST_BINS:  # halving the interval where the answer lies
            middle = (drop + most) // 2
            if _different(_coarsened(self.keys, middle)) > _MOST_BINS:
                drop = middle + 1
            else:
                most = middle
        self._coarsen(self.shift + drop)

    def _coarsen(self, shift: int) -> None:
        if shift > self.shift:
            self.keys, self.counts = _united(_coarsened(self.keys, shift - self.shift), self.counts)
            self.shift = shift

    def at(self, rank: int) -> float:
        """The value of that rank, from 0: its bin's middle, or the value itself where it is known."""
        place = int(np.searchsorted(np.cumsum(self.counts), rank, side="right"))
        return float(self.values(slice(place, place + 1))[0])

    def values(self, places: slice = slice(None)) -> NDArray[np.float64]:
        """The values of bins: their middles, or the values themselves where they are known."""
        keys = self.keys[places]
        bits = (np.abs(keys) << self.shift) + (1 << self.shift) // 2 + _BELOW
        values = np.copysign(np.where(keys == 0, 0, bits).view(np.float64), keys)
        return np.clip(values, self.low, self.high)

    def std(self, rows: int) -> float:
        """Root of (n x squares - total^2) / n^2, all in integers, with 64 bits more than float64 keeps."""
        scaled = rows * self.squares - self.total * self.total
        more = max(0, 128 - scaled.bit_length() // 2)
        return math.isqrt(scaled << 2 * more) / (rows << _UNIT_BITS + more)

    def as_tree(self) -> dict[str, Any]:
        return {
            "shift": self.shift,
            "steps": np.diff(self.keys, prepend=0).tolist(),  # shorter than the keys
            "counts": self.counts.tolist(),
            "total": f"{self.total:x}",
            "squares": f"{self.squares:x}",
            "extremes": [self.low, self.high] if len(self.keys) else [],
        }

    @classmethod
    def of(cls, tree: dict[str, Any], rows: int) -> Self:
        column = cls()
        column.shift = _count(tree["shift"])
        column.keys = np.cumsum(np.array([int(step) for step in tree["steps"]], np.int64))
        column.counts = np.array([_count(one) for one in tree["counts"]], np.int64)
        column.total, column.squares = int(tree["total"], 16), int(tree["squares"], 16)
        if len(column.keys):
            column.low, column.high = (float(one) for one in tree["extremes"])
        if (
            column.shift > _COARSEST
            or column.keys.shape != column.counts.shape
            or (column.keys[1:] <= column.keys[:-1]).any()
            or np.abs(column.keys).max(initial=0) > (_MOST - _BELOW) >> column.shift
            or int(column.counts.sum()) != rows
            or (rows and not -math.inf < column.low <= column.high < math.inf)
            or column.squares * rows < column.total**2
        ):
            raise ValueError("bins, counts, sums and rows contradict each other")
        return column


def _count(value: object) -> int:
    if type(value) is not int or not 0 <= value < 1 << 62:
        raise ValueError(f"not a count: {value!r:.40}")
    return value


def _exact_keys(values: NDArray[np.float64]) -> Keys:
    """The sign times the bits of |x|; 0 for what counts as zero."""
    bits = np.minimum(np.abs(values).view(np.int64), _MOST)
    return np.where(bits < _LEAST, 0, np.where(values < 0, _BELOW - bits, bits - _BELOW))


def _coarsened(keys: Keys, bits: int) -> Keys:
    """Drop that many of the lowest bits of |key|; rising keys stay so."""
    return np.sign(keys) * (np.abs(keys) >> bits) if bits else keys


def _different(keys: Keys) -> int:
    """How many different keys there are; they rise and there is at least one."""
    return 1 + int(np.count_nonzero(np.diff(keys)))


def _united(keys: Keys, counts: Keys) -> tuple[Keys, Keys]:
    """Bring equal keys together, in rising order."""
    if not len(keys):
        return keys, counts
    order = np.argsort(keys, kind="stable")
    keys, counts = keys[order], counts[order]
    first = np.flatnonzero(np.diff(keys, prepend=keys[0] - 1))
    return keys[first], np.add.reduceat(counts, first)


def _exact_sums(values: NDArray[np.float64]) -> tuple[int, int]:
    """Sum of up to `_BLOCK_ROWS` values in units of 2^-1074, and of their squares in units of 2^-2148."""
    bits = np.abs(values).view(np.int64)
    exponents = np.maximum(bits >> 52, 1) - 1
    mantissas = (bits & ((1 << 52) - 1)) + np.where(bits >> 52, 1 << 52, 0)
    limb = (1 << _LIMB_BITS) - 1
    low, middle, high = (
        ((mantissas >> place) & limb).astype(np.float64) for place in (0, _LIMB_BITS, 2 * _LIMB_BITS)
    )
    sign = np.sign(values)
    of_total = (sign * low, sign * middle, sign * high)
    of_squares = (
        low * low,
        2 * low * middle,
        2 * low * high + middle * middle,
        2 * middle * high,
        high * high,
    )
    base = int(exponents.min())
    groups = exponents - base
    used = np.flatnonzero(np.bincount(groups))

    def total_of(parts: tuple[NDArray[np.float64], ...], factor: int) -> int:
        whole = 0
        for place, part in enumerate(parts):
            sums = np.bincount(groups, part)[used]
            whole += sum(int(one) << factor * int(up) for one, up in zip(sums, used, strict=True)) << (
                place * _LIMB_BITS
            )
        return whole << factor * base

    return total_of(of_total, 1), total_of(of_squares, 2)
