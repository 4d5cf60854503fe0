"""What a benchmark finds: figures with the aim beside them, as text and as JSON."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Figure:
    """One measured number; `at_least` or `at_most` is the aim, if there is one."""

    name: str
    value: float
    unit: str = ""
    at_least: float | None = None
    at_most: float | None = None

    @property
    def aim(self) -> str:
        """The aim in words, "" if there is none."""
        if self.at_least is not None:
            return f"at least {self.at_least:g}"
        return f"at most {self.at_most:g}" if self.at_most is not None else ""

    @property
    def met(self) -> bool:
        """Whether the aim is reached; true without one."""
        low = -float("inf") if self.at_least is None else self.at_least
        high = float("inf") if self.at_most is None else self.at_most
        return low <= self.value <= high


@dataclass(frozen=True)
class Findings:
    """What one part of the benchmark found; `notes` are lines of their own, such as a table.

    `is_grid`: the figures are called "row: column" and every row has the same columns.
    """

    part: str
    title: str
    figures: tuple[Figure, ...]
    notes: tuple[str, ...] = ()
    is_grid: bool = False


def table_lines(findings: Findings) -> list[str]:
    """Write the figures as a small table under the part's title."""
    if findings.is_grid:
        lines = _grid_lines(findings.figures)
        return [f"{findings.part}: {findings.title}", *lines, *(f"  {note}" for note in findings.notes)]
    rows = [
        (
            one.name,
            _number(one.value),
            one.unit,
            one.aim + ("" if one.met else "  MISSED"),
        )
        for one in findings.figures
    ]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(4)]
    lines = [f"{findings.part}: {findings.title}"]
    for name, value, unit, aim in rows:
        line = f"  {name:<{widths[0]}}  {value:>{widths[1]}} {unit:<{widths[2]}}  {aim}"
        lines.append(line.rstrip())
    return [*lines, *(f"  {note}" for note in findings.notes)]


def _number(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def _grid_lines(figures: Sequence[Figure]) -> list[str]:
    """A line for each row that the figures name, under the names and units of the columns."""
    rows: dict[str, dict[str, Figure]] = {}
    for one in figures:
        row, _, column = one.name.rpartition(": ")
        rows.setdefault(row, {})[column] = one
    if not rows:
        return []
    columns = next(iter(rows.values()))
    heads = [list(columns), [one.unit for one in columns.values()]]
    cells = [*heads, *([_number(one.value) for one in row.values()] for row in rows.values())]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    first = max(map(len, rows))
    return [
        f"  {name:<{first}}  "
        + "  ".join(f"{cell:>{width}}" for cell, width in zip(line, widths, strict=True))
        for name, line in zip(("", "", *rows), cells, strict=True)
    ]


def as_json(findings: Sequence[Findings]) -> list[dict[str, object]]:
    """Give the findings as plain values."""
    return [
        {
            **asdict(one),
            "figures": [{**asdict(figure), "met": figure.met} for figure in one.figures],
        }
        for one in findings
    ]
