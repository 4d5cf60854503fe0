"""Charts as inline SVG: bars with axes, units and a table of the same numbers."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from somtom.pipelines.report_figures import Histogram, nice_step
from somtom.pipelines.report_html import Html, element, table

_WIDE, _HIGH = 420, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 16, 10, 38


def number(value: float) -> str:
    """Write a number as short as serves a reader.

    >>> [number(one) for one in (0.123456, 12.3456, 1234.5, 12_345.0, 1_250_000, 0.0)]
    ['0.123', '12.3', '1,234', '12,345', '1.25M', '0']
    """
    if abs(value) >= 1e6:
        return f"{value / 1e6:.3g}M"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def histogram_figure(
    title: str, unit: str, of: str, shown: Histogram, note: str = "", column: str = ""
) -> Html:
    """Draw a histogram with its title, a line that sums it up, and its numbers as a table.

    `of` says what is counted; `column` names the column of samples.parquet that a click filters by.
    """
    spread = f"{number(shown.low)} and {number(shown.high)}"
    said = f"median {number(shown.median)}, nine tenths between {spread}; {shown.total:,} {of}"
    if note:
        said += f"; {note}"
    names = list(shown.series)
    rows = [
        (_range(shown, place), *(int(shown.series[name][place]) for name in names))
        for place in range(len(shown.edges) - 1)
    ]
    numbers = element(
        "details",
        element("summary", "numbers"),
        table(title, (unit or "value", *names), rows),
        class_="numbers",
    )
    return element(
        "figure",
        element("figcaption", element("strong", title), element("span", said)),
        _bars(title, unit, of, shown, column),
        numbers,
    )


def _bars(title: str, unit: str, of: str, shown: Histogram, column: str) -> Html:
    """The SVG itself."""
    bars = len(shown.edges) - 1
    totals = np.sum(list(shown.series.values()), axis=0)
    step = max(1, nice_step(max(int(totals.max()), 1), 4))
    top = step * math.ceil(max(int(totals.max()), 1) / step)
    plot_wide, plot_high = _WIDE - _LEFT - _RIGHT, _HIGH - _TOP - _BOTTOM
    parts: list[Html] = []
    for count in np.arange(0, top + step / 2, step):
        y = _TOP + plot_high * (1 - count / top)
        parts.append(
            element("line", x1=_LEFT, x2=_WIDE - _RIGHT, y1=_short(y), y2=_short(y), class_="grid")
            if count
            else Html("")
        )
        parts.append(
            element(
                "text", number(float(count)), x=_LEFT - 6, y=_short(y + 4), class_="tick", text_anchor="end"
            )
        )
    wide = plot_wide / bars
    for place in range(bars):
        if not totals[place]:
            continue
        inside, below = [], 0.0
        for index, (name, counts) in enumerate(shown.series.items()):
            if not counts[place]:
                continue
            high = plot_high * int(counts[place]) / top
            y = _TOP + plot_high - below - high
            inside.append(
                element(
                    "rect",
                    x=_short(_LEFT + place * wide + 0.5),
                    y=_short(y),
                    width=_short(max(wide - 1, 1)),
                    height=_short(high),
                    class_=series_class(name, index),
                )
            )
            below += high
        tip = f"{_range(shown, place)} {unit}: {int(totals[place]):,} {of}".replace(" :", ":")
        if len(shown.series) > 1:
            split = ", ".join(f"{name} {int(counts[place]):,}" for name, counts in shown.series.items())
            tip += f" ({split})"
        bounds = {}
        if column:
            least = "" if place == 0 and shown.below else f"{shown.edges[place]:.6g}"
            most = "" if place == bars - 1 and shown.above else f"{shown.edges[place + 1]:.6g}"
            bounds = {"data_column": column, "data_low": least, "data_high": most}
        # Wider than the bar: a low one is hard to hit.
        inside.append(
            element(
                "rect",
                x=_short(_LEFT + place * wide),
                y=_TOP,
                width=_short(wide),
                height=plot_high,
                class_="hit",
            )
        )
        parts.append(element("g", *inside, data_tip=tip, class_="bar", **bounds))
    base = _short(_TOP + plot_high)
    parts.append(element("line", x1=_LEFT, x2=_WIDE - _RIGHT, y1=base, y2=base, class_="axis"))
    for x, said in _ticks(shown):
        at = _short(_LEFT + plot_wide * x)
        parts.append(element("line", x1=at, x2=at, y1=base, y2=_short(_TOP + plot_high + 4), class_="axis"))
        parts.append(element("text", said, x=at, y=_HIGH - 21, class_="tick", text_anchor="middle"))
    parts.append(
        element(
            "text", unit, x=_short(_LEFT + plot_wide / 2), y=_HIGH - 4, class_="unit", text_anchor="middle"
        )
    )
    return element(
        "svg",
        element("title", title),
        *parts,
        viewBox=f"0 0 {_WIDE} {_HIGH}",
        role="img",
        class_="chart",
    )


def series_class(name: str, index: int) -> str:
    """The class that colours a series: a task has its own colour everywhere."""
    known = ("som", "tom", "ui", "robot", "vl")
    return f"of-{name}" if name in known else f"s{index % 5}"


def _range(shown: Histogram, place: int) -> str:
    low, high = float(shown.edges[place]), float(shown.edges[place + 1])
    if shown.scale == "count":
        first, last = round(low + 0.5), round(high - 0.5)
        return f"{first:,}" if first == last else f"{first:,} to {last:,}"
    if place == 0 and shown.below:
        return f"up to {number(high)}"
    if place == len(shown.edges) - 2 and shown.above:
        return f"{number(low)} and more"
    return f"{number(low)} to {number(high)}"


def _ticks(shown: Histogram) -> list[tuple[float, str]]:
    """Where a label stands on the x axis, 0 to 1, and what it says."""
    low, high = float(shown.edges[0]), float(shown.edges[-1])
    if shown.scale == "log":
        start, end = math.log10(low), math.log10(high)
        powers = range(math.floor(start) - 1, math.ceil(end) + 1)
        spans = ((0.8, (1, 1.5, 2, 3, 4, 5, 7)), (2, (1, 2, 5)), (3, (1, 3)))
        factors = next((some for most, some in spans if end - start < most), (1,))
        marks = [10.0**power * factor for power in powers for factor in factors]
        inside = [one for one in marks if low * 0.999 <= one <= high * 1.001]
        return [((math.log10(one) - start) / (end - start), number(one)) for one in inside]
    first, last = (low + 0.5, high - 0.5) if shown.scale == "count" else (low, high)
    step = nice_step(max(last - first, 1e-12), 6) if last > first else 1.0
    if shown.scale == "count":
        step = max(1.0, round(step))
    values = [
        step * place for place in range(math.ceil(first / step - 1e-9), math.floor(last / step + 1e-9) + 1)
    ]
    return [((one - low) / (high - low), number(one)) for one in values]


def split_bar(parts: Sequence[tuple[str, int, str]], total: int, tip: str) -> Html:
    """A bar as wide as its cell, cut into (name, count, class); `total` is its whole width."""
    x, rects = 0.0, []
    for _, count, kind in parts:
        share = 100 * count / max(total, 1)
        if count:
            rects.append(element("rect", x=f"{x:.3f}%", width=f"{share:.3f}%", height="100%", class_=kind))
        x += share
    return element("svg", *rects, class_="split", role="img", aria_label=tip, data_tip=tip)


def heat_map(title: str, cells: NDArray[np.int64], total: str) -> Html:
    """Draw (H, W) counts as a picture of squares, the fuller the stronger."""
    side, most = 8, max(int(cells.max()), 1)
    rows, columns = cells.shape
    squares = [
        element(
            "rect",
            x=column * side,
            y=row * side,
            width=side,
            height=side,
            fill_opacity=_short(math.sqrt(int(cells[row, column]) / most)),
            class_="heat",
        )
        for row in range(rows)
        for column in range(columns)
        if cells[row, column]
    ]
    return element(
        "figure",
        element("figcaption", element("strong", title), element("span", total)),
        element(
            "svg",
            element("title", title),
            *squares,
            viewBox=f"0 0 {columns * side} {rows * side}",
            role="img",
            class_="map",
        ),
    )


def small_bars(counts: Sequence[int], tip: str) -> Html:
    """A histogram as high as a line of text."""
    most = max([*counts, 1])
    rects = [
        element("rect", x=place * 4, y=_short(24 - 24 * one / most), width=3, height=_short(24 * one / most))
        for place, one in enumerate(counts)
        if one
    ]
    return element(
        "svg",
        *rects,
        viewBox=f"0 0 {4 * len(counts)} 24",
        class_="small",
        role="img",
        aria_label=tip,
        data_tip=tip,
    )


def legend(names: Mapping[str, int]) -> Html:
    """Say which colour is which series, and how many it has."""
    entries = [
        element(
            "li", element("i", class_=f"swatch {series_class(name, index)}"), name, " ", element("b", count)
        )
        for index, (name, count) in enumerate(names.items())
    ]
    return element("ul", *entries, class_="legend")


def _short(value: float) -> str:
    """A place on a chart, to a hundredth of its unit."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
