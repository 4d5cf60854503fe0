"""What a run's pipelines counted: read from Beam, kept in small files, added up."""

import contextlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from somtom.schemas.files import write_whole
from somtom.transforms.metrics import NAMESPACE

METRICS = "metrics.json"
SUFFIX = f".{METRICS}"  # of a note: what the pipeline of that name counted


@dataclass(frozen=True)
class Spread:
    """What is known of a distribution: how many values, their sum, the least and the most of them."""

    count: int
    sum: int
    min: int
    max: int

    def __add__(self, other: "Spread") -> "Spread":
        return Spread(
            self.count + other.count,
            self.sum + other.sum,
            min(self.min, other.min),
            max(self.max, other.max),
        )

    @property
    def mean(self) -> float:
        """The values' mean."""
        return self.sum / self.count


@dataclass
class JobMetrics:
    """Counters and distributions by name; names that nothing was counted for are absent."""

    counters: Counter[str] = field(default_factory=Counter)
    distributions: dict[str, Spread] = field(default_factory=dict)

    def add(self, other: "JobMetrics") -> None:
        """Add what was counted elsewhere."""
        self.counters.update(other.counters)
        for name, spread in other.distributions.items():
            self.add_spread(name, spread)

    def add_spread(self, name: str, spread: Spread) -> None:
        """Add what is known of more values of a distribution."""
        known = self.distributions.get(name)
        self.distributions[name] = known + spread if known else spread

    def to_json(self) -> dict[str, Any]:
        """Plain values, names in the order of the alphabet."""
        return {
            "counters": dict(sorted(self.counters.items())),
            "distributions": {
                name: {"count": one.count, "sum": one.sum, "min": one.min, "max": one.max}
                for name, one in sorted(self.distributions.items())
            },
        }


def metrics_of(result: Any) -> JobMetrics:
    """Ask a Beam result for what its pipeline has counted so far, where its runner says so before the end."""
    from apache_beam.metrics import MetricsFilter

    if hasattr(result, "_metrics"):
        result._metrics = None  # else a portable runner gives its first answer for ever (Beam 2.77)
    found = result.metrics().query(MetricsFilter().with_namespace(NAMESPACE))
    metrics = JobMetrics()
    # One a step of the pipeline: what was committed where the runner says, else what was attempted.
    for one in found["counters"]:
        metrics.counters[one.key.metric.name] += one.result
    for one in found["distributions"]:
        if one.result.count:
            spread = Spread(one.result.count, one.result.sum, one.result.min, one.result.max)
            metrics.add_spread(one.key.metric.name, spread)
    return metrics


def write_metrics(path: Path, metrics: JobMetrics) -> None:
    """Write them as JSON."""
    write_whole(path, json.dumps(metrics.to_json(), indent=1).encode() + b"\n")


def note_metrics(notes: Path, name: str, metrics: JobMetrics) -> None:
    """Leave a note of what the pipeline of that name counted; a second one of the name takes its place."""
    write_metrics(notes / f"{name}{SUFFIX}", metrics)


def read_metrics(paths: Iterable[Path]) -> JobMetrics:
    """Add up what stands in files; one that is not there, or damaged, counts nothing."""
    total = JobMetrics()
    for path in paths:
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
            values = json.loads(path.read_bytes())
            counters = Counter({str(name): int(number) for name, number in values["counters"].items()})
            spreads = {str(name): Spread(**one) for name, one in values["distributions"].items()}
            total.add(JobMetrics(counters, spreads))
    return total


def noted_metrics(notes: Path) -> JobMetrics:
    """Add up what the pipelines of a run have noted."""
    return read_metrics(sorted(notes.glob(f"*{SUFFIX}")))


def forget_metrics(notes: Path) -> None:
    """Take the notes away, once they are kept elsewhere."""
    for path in notes.glob(f"*{SUFFIX}"):
        path.unlink()


def metrics_lines(metrics: JobMetrics) -> list[str]:
    """Say what a clip cost, for the table that ends a run."""
    spent = [
        f"{name.removesuffix('_ms')} {one.mean:.0f} (most {one.max:,})"
        for name, one in metrics.distributions.items()
        if name in ("decode_ms", "track_ms", "label_ms", "write_ms")
    ]
    frames = metrics.counters["frames_decoded"]
    lines = [f"{frames:,} frames decoded"] if frames else []
    return [*lines, f"milliseconds a clip: {', '.join(spent)}"] if spent else lines
