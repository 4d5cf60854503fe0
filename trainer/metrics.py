"""From the measures of many answers to scores with their intervals and baselines."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from somtom.schemas.keys import generator_of
from somtom.trainer.measures import NEAR, SIDE, Measure

DRAWS = 1000
_SHARES = (0.025, 0.975)  # of the draws: a 95 % interval
_ROUNDING = 1e-9
FLOOR = "256 bins"  # not a rival: the best that an answer in bins can reach


@dataclass(frozen=True)
class Metric:
    """What is measured: its name for a person, its unit, and whether more is better."""

    text: str
    unit: str
    more_is_better: bool


METRICS: dict[str, Metric] = {
    "mark_accuracy": Metric("target mark named", "%", True),
    "click_accuracy": Metric("point in the target's box", "%", True),
    "kind_accuracy": Metric("kind of action", "%", True),
    "location_px": Metric(f"marks located, error at {SIDE}", "px", False),
    "location_near": Metric(f"marks located within {NEAR:g} px", "%", True),
    "moving_f1": Metric("which marks move, F1", "%", True),
    "still_seen": Metric("nothing moves, and that is said", "%", True),
    "ade": Metric(f"traces, mean error at {SIDE} (ADE)", "px", False),
    "fde": Metric(f"traces, last error at {SIDE} (FDE)", "px", False),
    "ade_history": Metric("ADE where history is known", "px", False),
    "fde_history": Metric("FDE where history is known", "px", False),
    "traces_missing": Metric("moving marks without a trace", "%", False),
    "action_bins": Metric("robot action, error", "bins", False),
    "action_l1": Metric("robot action, L1 / (q99 - q01)", "", False),
    "text_exact": Metric("other text, the same to the letter", "%", True),
    "loss": Metric("loss of the answers", "nats/token", False),
    "loss_marks": Metric("loss: located marks", "nats/token", False),
    "loss_traces": Metric("loss: traces", "nats/token", False),
    "loss_moving": Metric("loss: which marks move", "nats/token", False),
    "loss_target": Metric("loss: target or action", "nats/token", False),
    "loss_robot": Metric("loss: robot actions", "nats/token", False),
    "loss_text": Metric("loss: other text", "nats/token", False),
}


def shown_value(metric: str, value: float) -> str:
    """Write a value with its unit, shares in per cent.

    >>> shown_value("mark_accuracy", 0.5), shown_value("ade", 12.34), shown_value("loss", 1.23456)
    ('50.0 %', '12.3 px', '1.2346 nats/token')
    """
    unit = METRICS[metric].unit if metric in METRICS else ""
    if unit == "%":
        return f"{100 * value:.1f} %"
    return f"{value:.1f} {unit}" if unit in ("px", "bins") else f"{value:.4f} {unit}".rstrip()


@dataclass(frozen=True)
class Baseline:
    """What a trivial answer reaches.

    Args:
        name, value: which answer, and its mean over the same things.
        gain_low, gain_high: 95 % interval of how much better ours is.
        beaten: whether ours is better: "yes", "no", or "unsure" where the interval holds zero or all comes
            from one group; "" for `FLOOR`, which is no rival.
    """

    name: str
    value: float
    gain_low: float
    gain_high: float
    beaten: str


@dataclass(frozen=True)
class Score:
    """One metric over a split.

    Args:
        metric: its name in `METRICS`, or one dimension's "action_l1 data set dimension".
        value: the mean over the things measured; shares are 0..1.
        low, high: its 95 % interval; both the value itself where all come from one group.
        count: things measured (marks, traces, answers, tokens).
        samples, groups: that they come from.
        baselines: the trivial answers on the same things.
    """

    metric: str
    value: float
    low: float
    high: float
    count: int
    samples: int
    groups: int
    baselines: tuple[Baseline, ...] = ()


class Scores:
    """Sums measures up by group, so that memory does not grow with the samples."""

    def __init__(self) -> None:
        self._sums: dict[str, dict[str, dict[str, float]]] = {}  # metric, group, what is summed

    def add(self, group: str, measures: Iterable[Measure]) -> None:
        """Take in what one sample measured; `group` is its video, episode, site or app.

        Measures of one metric, such as the loss of several answers, count as one sample.
        """
        seen = set()
        for one in measures:
            sums = self._sums.setdefault(one.metric, {}).setdefault(group, {})
            parts = {"": one.total, "count": one.count, "samples": float(one.metric not in seen)}
            for name, value in (*parts.items(), *((f"other {name}", v) for name, v in one.others.items())):
                sums[name] = sums.get(name, 0.0) + value
            seen.add(one.metric)

    def scores(self) -> list[Score]:
        """Give every metric that was measured, those of `METRICS` first and in its order."""
        further = sorted(self._sums.keys() - METRICS.keys())
        return [
            _score(name, [self._sums[name][group] for group in sorted(self._sums[name])])
            for name in (*METRICS, *further)
            if name in self._sums
        ]


def _score(metric: str, groups: Sequence[dict[str, float]]) -> Score:
    """Divide sums by counts; the intervals come from drawing whole groups, whose samples are alike."""
    names = [name for name in groups[0] if name not in ("count", "samples")]
    sums = np.array([[group[name] for name in names] for group in groups])  # (G, 1 + others)
    counts = np.array([group["count"] for group in groups])
    values = sums.sum(axis=0) / counts.sum()
    drawn = _drawn_means(sums, counts, metric)
    sign = 1.0 if metric in METRICS and METRICS[metric].more_is_better else -1.0
    low, high = np.quantile(drawn[:, 0], _SHARES)
    baselines = []
    for column, name in enumerate(names[1:], start=1):
        gain_low, gain_high = np.quantile(sign * (drawn[:, 0] - drawn[:, column]), _SHARES)
        name = name.removeprefix("other ")
        verdict = _verdict(float(gain_low), float(gain_high)) if len(groups) > 1 else "unsure"
        verdict = "" if name == FLOOR else verdict
        baselines.append(Baseline(name, float(values[column]), float(gain_low), float(gain_high), verdict))
    return Score(
        metric,
        float(values[0]),
        float(low),
        float(high),
        round(counts.sum()),
        round(sum(group["samples"] for group in groups)),
        len(groups),
        tuple(baselines),
    )


def _verdict(gain_low: float, gain_high: float) -> str:
    """Read the interval of a gain; sums of the same numbers in another order are no gain."""
    if gain_low > _ROUNDING:
        return "yes"
    return "no" if gain_high <= _ROUNDING else "unsure"


def _drawn_means(sums: NDArray[np.float64], counts: NDArray[np.float64], metric: str) -> NDArray[np.float64]:
    """The means of `DRAWS` seeded draws of as many groups, with replacement: (DRAWS, columns)."""
    random = generator_of(metric, "trainer.bootstrap")
    drawn = np.empty((DRAWS, sums.shape[1]))
    for row in range(DRAWS):
        chosen = random.integers(0, len(sums), len(sums))
        drawn[row] = sums[chosen].sum(axis=0) / counts[chosen].sum()
    return drawn
