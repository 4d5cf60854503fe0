"""How far one answer is from what its sample's record holds, beside what a trivial answer would give.

What is missing or cannot be read counts as wrong where it is a matter of right or wrong, and as the trivial
answer where a distance is measured: the picture's middle, no motion, the mean action. So leaving
answers out is never better than guessing, and nothing is dropped.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from somtom.schemas.action_stats import ActionStats, bins_of, ranges_of, values_of
from somtom.schemas.answers import Action, Point, dequantise, quantise
from somtom.schemas.record import Record
from somtom.trainer.answer_kinds import Traces

SIDE = 512  # distances are given in pixels of a picture whose shorter side is this long
NEAR = 16.0  # of those pixels: a mark this near is located; about the radius of its label

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Measure:
    """What one answer adds to one metric.

    Args:
        metric: a name of `metrics.METRICS`, or one that begins with "action_l1 ".
        total: sum over the things measured: marks, traces, samples, tokens.
        count: how many things they are.
        others: the same sum for each trivial answer; "256 bins" is no rival but the best that can be said
            in bins.
    """

    metric: str
    total: float
    count: float = 1.0
    others: Mapping[str, float] = field(default_factory=dict)


def measure_marks(record: Record, said: Mapping[int, Point] | None) -> list[Measure]:
    """Hold located marks against the record's: distance, and share within `NEAR`; None: not readable."""
    numbers = [mark["id"] for mark in record["marks"]]
    if not numbers:
        return []
    scale = _scale(record)
    truth = _binned([(mark["x"], mark["y"]) for mark in record["marks"]], record)
    middle = np.array([record["width"] - 1, record["height"] - 1]) / 2
    guesses = _lengths(truth - middle) * scale
    errors = guesses.copy()
    named = np.array([said is not None and number in said for number in numbers])
    if said is not None and named.any():
        points = np.array([said[number] for number in numbers if number in said], np.float64)
        errors[named] = _lengths(truth[named] - _centres(points, record)) * scale
    count = float(len(numbers))
    near, guessed = float((named & (errors <= NEAR)).sum()), float((guesses <= NEAR).sum())
    return [
        Measure("location_px", float(errors.sum()), count, {"middle": float(guesses.sum())}),
        Measure("location_near", near, count, {"middle": guessed}),
    ]


def measure_moving(record: Record, said: Mapping[int, object] | list[Point] | None) -> list[Measure]:
    """Hold the marks that are said to move against those that do; None: not readable.

    Points without numbers stand for the marks next to them, each for another one.
    """
    truly = {mark["id"] for mark in record["marks"] if mark["foreground"]}
    if not truly:
        return [Measure("still_seen", float(said is not None and not said))]
    named = name_nearest(record, said) if isinstance(said, list) else said or {}
    right, all_said = len(truly & named.keys()), len(said or ())
    # Of as many marks drawn at random, |truly| / K are right on average.
    others = {"random marks": len(truly) / len(record["marks"])}
    return [Measure("moving_f1", 2 * right / (len(truly) + all_said), others=others)]


def name_nearest(record: Record, points: Sequence[Point]) -> dict[int, int]:
    """Give points to marks, the nearest pairs first, each point and mark once: {mark: index of its point}."""
    if not points or not record["marks"]:
        return {}
    marks = _binned([(mark["x"], mark["y"]) for mark in record["marks"]], record)
    distances = _lengths(marks[:, None] - _centres(np.array(points, np.float64), record))
    found: dict[int, int] = {}
    for pair in np.argsort(distances, axis=None, kind="stable").tolist():
        row, index = divmod(pair, len(points))
        number = record["marks"][row]["id"]
        if number not in found and index not in found.values():
            found[number] = index
    return found


def measure_traces(
    record: Record,
    traces: NDArray[np.float32],
    said: Traces | None,
    steps_px: NDArray[np.float64] | None = None,
) -> list[Measure]:
    """Hold predicted traces against those of the marks that move.

    The truth is the (T, K, 3) traces put into bins, as an answer can say it: every step counts, also where
    the mark is hidden. A trace that is too short stays where it ends; what is too long is cut. One without a
    number is that of the mark next to its first point, moved so that it begins there.

    Args:
        said: None: not readable.
        steps_px: (K, 2) each mark's motion a step, taken from earlier pictures; None where there are none.
    """
    columns = [index for index, mark in enumerate(record["marks"]) if mark["foreground"]]
    steps = len(traces) - 1
    moving = measure_moving(record, [path[0] for path in said] if isinstance(said, list) else said)
    if not columns or steps < 1:
        return moving
    numbers = [record["marks"][index]["id"] for index in columns]
    truth = _binned(traces[:, columns, :2], record)  # (T, M, 2)
    still = np.broadcast_to(truth[0], truth[1:].shape)
    paths = still.copy()
    given: Mapping[int, Sequence[tuple[float, float]]]
    given = _numbered(record, said) if isinstance(said, list) else said or {}
    for place, number in enumerate(numbers):
        trace = list(given.get(number, ()))[:steps]
        if trace:
            trace += [trace[-1]] * (steps - len(trace))
            paths[:, place] = _centres(np.array(trace, np.float64), record)

    count, scale = float(len(columns)), _scale(record)
    own, others = _trace_errors(paths, truth, scale), {"no motion": _trace_errors(still, truth, scale)}
    found = [
        *moving,
        Measure("traces_missing", float(sum(number not in given for number in numbers)), count),
        *_both(own, others, count, ""),
    ]
    if steps_px is not None:
        onward = traces[0, columns, :2] + np.arange(1, steps + 1)[:, None, None] * steps_px[columns]
        going_on = _trace_errors(_binned(onward, record), truth, scale)
        found += _both(own, {**others, "constant velocity": going_on}, count, "_history")
    return found


def _numbered(record: Record, said: list[list[Point]]) -> dict[int, list[tuple[float, float]]]:
    """Give traces without numbers to the marks next to their first points, moved to begin at the marks."""
    size = record["width"], record["height"]
    numbered = {}
    for number, index in name_nearest(record, [path[0] for path in said]).items():
        path = np.array(said[index], np.float64)
        mark = next(mark for mark in record["marks"] if mark["id"] == number)
        start = quantise([mark["x"], mark["y"]], *size)[0]
        moved = np.clip(path[1:] - path[0] + start, 0, 255)
        numbered[number] = [(float(x), float(y)) for x, y in moved]
    return numbered


def _both(
    own: tuple[float, float], others: Mapping[str, tuple[float, float]], count: float, end: str
) -> list[Measure]:
    return [
        Measure(f"{name}{end}", own[which], count, {other: errors[which] for other, errors in others.items()})
        for which, name in enumerate(("ade", "fde"))
    ]


def _trace_errors(paths: Points, truth: Points, scale: float) -> tuple[float, float]:
    """Mean over the steps and last step of the distance, each summed over (T - 1, M, 2) paths."""
    distance = _lengths(paths - truth[1:]) * scale
    return float(distance.mean(axis=0).sum()), float(distance[-1].sum())


def measure_target(record: Record, said: Action | None, kind: str) -> list[Measure]:
    """Hold the mark and the point that an answer names against the target; None: not readable.

    The point must lie in the target's box (ScreenSpot's measure).

    Args:
        kind: of the true answer's action; "" where only a mark is asked for.
    """
    found: list[Measure] = []
    numbers = [mark["id"] for mark in record["marks"]]
    number = record["target_mark"]
    if number in numbers:
        target = record["marks"][numbers.index(number)]
        right = said is not None and said.mark == number
        found.append(Measure("mark_accuracy", float(right), others={"random mark": 1 / len(numbers)}))
        if target["x1"] > target["x0"] and target["y1"] > target["y0"]:
            found.append(_click(record, target, said))
    if kind:
        right = said is not None and said.kind == kind
        found.append(Measure("kind_accuracy", float(right), others={"always click": float(kind == "click")}))
    return found


def _click(record: Record, target: Record, said: Action | None) -> Measure:
    """Whether the point lies in the box; edges lie between pixels, so a pixel's centre is half a one on."""
    box = np.array([target[name] for name in ("x0", "y0", "x1", "y1")])
    size = np.array([record["width"], record["height"]], np.float64)
    marks = _binned([(mark["x"], mark["y"]) for mark in record["marks"]], record)
    inside = _inside(marks, box)
    own = record["marks"].index(target)
    hit = (
        said is not None
        and said.mark is not None
        and bool(_inside(_centres(np.array([said.point], np.float64), record), box)[0])
    )
    others = {
        "random point": float(np.prod(np.clip(box[2:], 0, size) - np.clip(box[:2], 0, size)) / size.prod()),
        "random mark": float(inside.mean()),
        "256 bins": float(inside[own]),
    }
    return Measure("click_accuracy", float(hit), others=others)


def _inside(points: Points, box: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of the (N, 2) points, in pixels, lie in the box or on its edge."""
    edges = points + 0.5
    within = (edges >= box[:2]) & (edges <= box[2:])
    return within[:, 0] & within[:, 1]


def measure_robot(record: Record, said: NDArray[np.int64] | None, stats: ActionStats) -> list[Measure]:
    """Hold (C, D) bins against the record's action, in bins and in the action's own numbers.

    Differences of numbers are divided by the range q01..q99 of their dimension (`ranges_of`), so that metres
    and radians can be averaged; the raw ones are there for each dimension. An answer of another shape
    counts as the mean action.
    """
    action = record["action"]
    shape = -1, len(action["names"])
    truth = np.array(action["bins"], np.int64).reshape(shape)
    values = np.array(action["values"], np.float64).reshape(shape)
    mean = np.broadcast_to(np.array(stats.mean), values.shape)
    usual = bins_of(mean, stats)[0]
    fits = said is not None and said.shape == truth.shape
    bins = said if said is not None and fits else usual
    raw = {
        "": np.abs((values_of(bins, stats) if fits else mean) - values),
        "mean action": np.abs(mean - values),
        "256 bins": np.abs(values_of(truth, stats) - values),
    }
    found = [
        Measure(
            "action_bins",
            float(np.abs(bins - truth).mean()),
            others={"mean action": float(np.abs(usual - truth).mean())},
        ),
        _l1("action_l1", {name: float((one / ranges_of(stats)).mean()) for name, one in raw.items()}),
    ]
    for column, name in enumerate(action["names"]):
        metric = f"action_l1 {record['source']['dataset']} {name}"
        found.append(_l1(metric, {which: float(one[:, column].mean()) for which, one in raw.items()}))
    return found


def _l1(metric: str, values: dict[str, float]) -> Measure:
    return Measure(metric, values.pop(""), others=values)


def _scale(record: Record) -> float:
    return SIDE / float(min(record["width"], record["height"]))


def _centres(bins: Points, record: Record) -> Points:
    return dequantise(bins, record["width"], record["height"])


def _binned(xy: object, record: Record) -> Points:
    """Put (..., 2) pixels into bins and give the bins' centres: all that an answer can say."""
    size = record["width"], record["height"]
    return dequantise(quantise(np.asarray(xy, np.float64), *size)[0], *size)


def _lengths(vectors: Points) -> NDArray[np.float64]:
    lengths: NDArray[np.float64] = np.linalg.norm(vectors, axis=-1)
    return lengths
