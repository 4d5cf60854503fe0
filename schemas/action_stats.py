"""What the actions of each robot data set look like, and the 256 bins that follow from it."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from somtom.schemas.files import read_small, write_whole
from somtom.schemas.folder import META
from somtom.schemas.reasons import DataError
from somtom.schemas.record import load_json, storable_text
from somtom.schemas.sketch import ActionSketch

ACTION_STATS = "action_stats.json"
PUBLISHED, MEASURED = "published", "measured"
BINS = 256
_LISTS = ("q01", "q99", "min", "max", "mean", "std")


@dataclass(frozen=True)
class ActionStats:
    """Statistics of a data set's actions, one number a dimension.

    Args:
        names: D names of the dimensions.
        count: actions they were taken from; -1 where their publisher does not say.
        q01, q99: the 1st and 99th percentile, between which the bins lie.
        min, max, mean, std: extremes, mean and standard deviation (divided by the count).
        origin: "published" with the data set, or "measured" here, over the episodes scanned.
        not_finite: actions left out of measured statistics since one of their numbers is not finite.
    """

    names: tuple[str, ...]
    count: int
    q01: tuple[float, ...]
    q99: tuple[float, ...]
    min: tuple[float, ...]
    max: tuple[float, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    origin: str
    not_finite: int = 0

    def __post_init__(self) -> None:
        width = len(self.names)
        for name in _LISTS:
            values = getattr(self, name)
            if len(values) != width or not all(map(math.isfinite, values)) or not width:
                raise ValueError(f"{name} must be {width} finite numbers, got {values!s:.80}")
        if any(
            not math.isfinite(high - low) or high < low for low, high in zip(self.q01, self.q99, strict=True)
        ):
            raise ValueError(f"q01 must not exceed q99, got {self.q01!s:.80} and {self.q99!s:.80}")
        if self.origin not in (PUBLISHED, MEASURED) or self.count < -1 or self.not_finite < 0:
            raise ValueError(f"{self.origin!r:.20} statistics of {self.count} actions")

    @classmethod
    def of_sketch(cls, names: tuple[str, ...], sketch: ActionSketch) -> Self:
        """Take the statistics out of a sketch; without a finite action they are all 0, of 0 actions."""
        zeros = np.zeros(len(names))
        columns = (zeros,) * len(_LISTS)
        if sketch.rows:
            q01, q99 = sketch.quantile(0.01), sketch.quantile(0.99)
            columns = (q01, q99, sketch.minimum, sketch.maximum, sketch.mean, sketch.std)
        values = {name: tuple(column.tolist()) for name, column in zip(_LISTS, columns, strict=True)}
        return cls(names, sketch.rows, **values, origin=MEASURED, not_finite=sketch.bad_rows)


def write_action_stats(folder: Path, stats: Mapping[str, ActionStats]) -> None:
    """Write meta/action_stats.json; data sets without robots have no such file."""
    tree = {dataset: asdict(one) for dataset, one in sorted(stats.items())}
    text = storable_text(json.dumps(tree, ensure_ascii=False, allow_nan=False, indent=1))
    write_whole(folder / META / ACTION_STATS, text.encode() + b"\n")


def read_action_stats(folder: Path) -> dict[str, ActionStats]:
    """Read meta/action_stats.json back, by data set; empty where there is no such file.

    Raises:
        DataError: `unreadable`: damaged.
    """
    path = folder / META / ACTION_STATS
    try:
        data = read_small(path)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise DataError("unreadable", f"{META}/{ACTION_STATS} cannot be read: {error}") from error
    try:
        return dict(_read(load_json(data)))
    except (DataError, ValueError, TypeError, OverflowError) as error:
        said = error.message if isinstance(error, DataError) else error
        raise DataError("unreadable", f"{META}/{ACTION_STATS} is damaged: {said}") from error


def _read(tree: object) -> Iterator[tuple[str, ActionStats]]:
    if not isinstance(tree, dict):
        raise ValueError("it must hold an object")
    for dataset, values in tree.items():
        if not isinstance(values, dict):
            raise ValueError(f"{dataset!r:.40} must be an object")
        yield dataset, ActionStats(**{name: _value(name, value) for name, value in values.items()})


def _value(name: str, value: Any) -> Any:
    if name in _LISTS and isinstance(value, list) and all(type(one) in (float, int) for one in value):
        return tuple(float(one) for one in value)
    if name == "names" and isinstance(value, list) and all(isinstance(one, str) for one in value):
        return tuple(value)
    if (name in ("count", "not_finite") and type(value) is int) or (
        name == "origin" and isinstance(value, str)
    ):
        return value
    raise ValueError(f"{name!r:.40} is {value!r:.40}")


def bins_of(values: ArrayLike, stats: ActionStats) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Cut q01..q99 of each dimension into 256 equal bins and say in which each number lies.

    With u = 2 (x - q01) / (q99 - q01) - 1, clipped to -1..1, `bin = min(255, floor((u + 1) / 2 * 256))`.
    Where q01 = q99 every bin is 128.

    Args:
        values: (C, D) finite actions.

    Returns:
        (C, D) bins, 0..255, and (C, D) whether the number lay outside of q01..q99 and was clipped.
    """
    low, high = _range(stats)
    rows = _rows(values, stats)
    inside = np.clip(rows, low, high)
    width = np.where(high > low, high - low, 1.0)
    share = np.where(high > low, (inside - low) / width, 0.5)  # (u + 1) / 2
    return np.minimum(np.floor(share * BINS), BINS - 1).astype(np.int64), inside != rows


def values_of(bins: ArrayLike, stats: ActionStats) -> NDArray[np.float64]:
    """Give the centres of (C, D) bins: at most half a bin from what `bins_of` was given inside q01..q99."""
    low, high = _range(stats)
    centres: NDArray[np.float64] = low + (_rows(bins, stats) + 0.5) / BINS * (high - low)
    return centres


def ranges_of(stats: ActionStats) -> NDArray[np.float64]:
    """The (D,) sizes of q01..q99; of min..max where that is empty, and 1 where that is empty as well."""
    low, high = _range(stats)
    whole = np.array(stats.max) - np.array(stats.min)
    return np.where(high > low, high - low, np.where(whole > 0, whole, 1.0))


def _range(stats: ActionStats) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.array(stats.q01), np.array(stats.q99)


def _rows(values: ArrayLike, stats: ActionStats) -> NDArray[np.float64]:
    rows = np.asarray(values, dtype=np.float64)
    if rows.ndim != 2 or rows.shape[1] != len(stats.names):
        raise ValueError(f"actions must be (C, {len(stats.names)}), got {rows.shape}")
    return rows
