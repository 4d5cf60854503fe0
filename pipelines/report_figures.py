"""Histograms: which bars a set of numbers wants, and what may be said of them in one line."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Scale = Literal["linear", "log", "count"]

_BARS = 24  # about how many
_MOST_BARS = 40


@dataclass(frozen=True)
class Histogram:
    """Counts between edges, a row a series.

    Args:
        edges: (B + 1,) rising.
        series: name -> (B,) counts.
        scale: "log": the edges are a ratio apart; "count": a bar a whole number, its edges at the halves.
        below, above: numbers beyond the edges, which the first and last bar count as well.
        median, low, high: of all numbers; low and high are the 5th and 95th percentile.
    """

    edges: Floats
    series: Mapping[str, NDArray[np.int64]]
    scale: Scale
    below: int
    above: int
    median: float
    low: float
    high: float

    @property
    def total(self) -> int:
        """How many numbers there are."""
        return int(sum(int(one.sum()) for one in self.series.values()))


def histogram(values: Mapping[str, Floats], scale: Scale) -> Histogram | None:
    """Count the finite numbers of each series; None where there are none.

    With "log" only numbers above 0 count.
    """
    clean = {name: one[np.isfinite(one)] for name, one in values.items()}
    if scale == "log":
        clean = {name: one[one > 0] for name, one in clean.items()}
    together = np.concatenate([np.empty(0), *clean.values()])
    if not len(together):
        return None
    low, median, high = np.quantile(together, [0.05, 0.5, 0.95])
    edges = {"linear": _even_edges, "log": _ratio_edges, "count": _whole_edges}[scale](together)
    held = {
        name: np.histogram(np.clip(one, edges[0], edges[-1]), edges)[0].astype(np.int64)
        for name, one in clean.items()
    }
    return Histogram(
        edges,
        held,
        scale,
        int((together < edges[0]).sum()),
        int((together > edges[-1]).sum()),
        float(median),
        float(low),
        float(high),
    )


def nice_step(span: float, parts: int) -> float:
    """The smallest of 1, 2, 5 x 10^n of which at most `parts` fit into the span.

    >>> nice_step(97, 10), nice_step(0.7, 5)
    (10.0, 0.2)
    """
    raw = span / parts
    power = 10.0 ** math.floor(math.log10(raw))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * (1 - 1e-9))


def _even_edges(values: Floats) -> Floats:
    """Bars of a round width over all but the outermost two in a thousand on each side."""
    low, high = (float(one) for one in np.quantile(values, [0.002, 0.998]))
    if high - low <= 1e-9 * max(abs(low), abs(high), 1e-9):
        low, high = (low - 0.1 * abs(low), high + 0.1 * abs(high)) if low else (0.0, 1.0)
    step = nice_step(high - low, _BARS)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return np.arange(first, max(last, first + 1) + 1, dtype=np.float64) * step


def _ratio_edges(values: Floats) -> Floats:
    """Bars of a tenth or a fifth of a decade, over four decades at most and all but the outermost."""
    low, high = (math.log10(one) for one in np.quantile(values, [0.002, 0.998]))
    parts = 10 if high - low <= 2 else 5
    last = math.ceil(high * parts - 1e-9)
    first = max(min(math.floor(low * parts + 1e-9), last - 1), last - 4 * parts)
    edges: Floats = np.power(10.0, np.arange(first, last + 1) / parts)
    return edges


def _whole_edges(values: Floats) -> Floats:
    """A bar a whole number, or as many whole numbers a bar as keep the bars few."""
    low, high = (math.floor(one) for one in np.quantile(values, [0.0, 1.0]))
    width = 1 if high - low < _MOST_BARS else max(1, round(nice_step(high - low, _BARS)))
    first = low // width * width if width > 1 else low
    bars = (high - first) // width + 1
    edges: Floats = np.arange(bars + 1) * float(width) + first - 0.5
    return edges
