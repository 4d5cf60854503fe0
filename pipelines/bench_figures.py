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
    """What one part of the benchmark found; `notes` are lines of their own, such as a table."""

    part: str
    title: str
    figures: tuple[Figure, ...]
    notes: tuple[str, ...] = ()


def table_lines(findings: Findings) -> list[str]:
    """Write the figures as a small table under the part's title."""
    rows = [
        (
            one.name,
            f"{one.value:.3g}" if abs(one.value) < 100 else f"{one.value:.0f}",
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


def as_json(findings: Sequence[Findings]) -> list[dict[str, object]]:
    """Give the findings as plain values."""
    return [
        {
            **asdict(one),
            "figures": [{**asdict(figure), "met": figure.met} for figure in one.figures],
        }
        for one in findings
    ]
