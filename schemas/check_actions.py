"""Rules of actions: bins, values, names, statistics and the answer say the same."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from somtom.schemas.action_stats import ActionStats, bins_of
from somtom.schemas.record import Record, storable_text
from somtom.schemas.robot_answers import format_robot_action, parse_robot_action

ROBOT = "robot"


def action_faults(record: Record, stats: ActionStats | None) -> Iterator[str]:
    """Hold a well-formed record's action and state against the statistics of its data set.

    Args:
        stats: None where meta/action_stats.json has none of the data set.
    """
    action, state = record["action"], record["state"]
    if record["task"] == ROBOT:
        yield from _robot_faults(record, stats)
    elif action["kind"] == ROBOT or any(
        part[name] for part in (action, state) for name in ("values", "names", "bins") if name in part
    ):
        yield f"a sample of task {record['task']!r} must have no robot's action and no state"


def _robot_faults(record: Record, stats: ActionStats | None) -> Iterator[str]:
    action, state, quality = record["action"], record["state"], record["quality"]
    if len(state["values"]) != len(state["names"]):
        yield f"state must have as many names as values, got {len(state['names'])}, {len(state['values'])}"
    if action["kind"] != ROBOT:
        yield f"action.kind must be {ROBOT!r}, got {action['kind']!r:.40}"
    numbers, dimensions = len(action["values"]), len(action["names"])
    if not dimensions or not numbers or numbers % dimensions or len(action["bins"]) != numbers:
        got = f"{numbers} values, {len(action['bins'])} bins, {dimensions} names"
        yield f"action must have C x D values and bins, and D names, got {got}"
        return
    if any(not 0 <= one <= 255 for one in action["bins"]):
        yield f"action.bins must be 0..255, got {action['bins'][:10]}"
        return
    if quality["action_frozen"] < 0 or quality["action_jump"] < 0:
        yield "quality.action_frozen and action_jump of a robot's sample must be known"
    bins = np.array(action["bins"], np.int64).reshape(-1, dimensions)
    written = format_robot_action(bins)
    if record["conversations"] and record["conversations"][-1]["value"] != written:
        yield f"the last answer must be the action's bins, {written:.60}"
    if action["text"] != written:
        yield f"action.text must be the action's bins, {written:.60}"
    yield from _history_faults(record, dimensions)
    if stats is None:
        yield f"meta/action_stats.json must have the data set {record['source']['dataset']!r:.60}"
    elif list(map(storable_text, stats.names)) != action["names"]:
        yield f"action.names must be those of meta/action_stats.json, got {', '.join(action['names'])[:80]}"
    else:
        yield from _bin_faults(record, bins, stats)


def _bin_faults(record: Record, bins: NDArray[np.int64], stats: ActionStats) -> Iterator[str]:
    values = np.array(record["action"]["values"]).reshape(bins.shape)
    expected, clipped = bins_of(values, stats)
    for step, dimension in np.argwhere(expected != bins)[:1]:
        yield (
            f"action.bins: {values[step, dimension]} of {stats.names[dimension]!r:.40} in step {step} "
            f"must be in bin {expected[step, dimension]}, got {bins[step, dimension]}"
        )
    share = record["quality"]["action_clipped"]
    if not math.isclose(share, clipped.mean(), abs_tol=1e-9):
        yield f"quality.action_clipped must be {clipped.mean()}, got {share}"


def _history_faults(record: Record, dimensions: int) -> Iterator[str]:
    for number, step in enumerate(record["history"]):
        if not step["action_text"]:
            continue
        try:
            fits = parse_robot_action(step["action_text"]).shape == (1, dimensions)
        except ValueError:
            fits = False
        if not fits:
            yield f"history[{number}].action_text must be {dimensions} bins, got {step['action_text']!r:.40}"
