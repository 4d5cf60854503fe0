"""What an answer is about, and what it says, read by the grammar of `schemas.answers`, `robot_answers`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somtom.schemas.answers import (
    Action,
    Point,
    parse_action,
    parse_paths,
    parse_points,
    parse_som,
    parse_tom,
)
from somtom.schemas.record import Record
from somtom.schemas.robot_answers import parse_robot_action

MARKS, TRACES, MOVING, TARGET, ROBOT, TEXT = "marks", "traces", "moving", "target", "robot", "text"
_BINS = 256

Moving = dict[int, Point] | list[Point]  # which marks move; points, where the answer is without numbers
Traces = dict[int, list[Point]] | list[list[Point]]  # without numbers a trace begins where the point is now
Said = Moving | Traces | Action | NDArray[np.int64] | str


@dataclass(frozen=True)
class AnsweredTurn:
    """One question of a conversation and its true answer.

    Args:
        index: of the answer in the conversation's turns.
        kind: MARKS (where each mark is), TRACES (where the moving ones go), MOVING (only which move), TARGET
            (which mark is meant, or what is done to it), ROBOT (an action in bins) or TEXT (anything else).
        text: the true answer.
    """

    index: int
    kind: str
    text: str


def answered_turns(record: Record) -> list[AnsweredTurn]:
    """List the answers of a record's conversation, each with what it is about."""
    turns = [(index, turn["value"]) for index, turn in enumerate(record["conversations"])]
    answers = [(index, text) for index, text in turns if record["conversations"][index]["from"] == "gpt"]
    return [AnsweredTurn(index, _kind_of(record, text, index < 2), text) for index, text in answers]


def _kind_of(record: Record, text: str, is_first: bool) -> str:
    """Tell the kind from the task, the answer's place and its form.

    The first answer about marks with numbers locates them all; a later one of the same form names some.
    """
    task = record["task"]
    if task == "robot" and text == record["action"]["text"]:
        return ROBOT
    if task not in ("som", "tom", "robot", "ui"):
        return TEXT
    for kind in (MARKS,) if is_first and text.startswith("Mark ") else _LATER[task]:
        try:
            parse_answer(kind, text)
        except ValueError:
            continue
        return kind
    return TEXT


_LATER = {"som": (TRACES, MOVING), "tom": (TRACES, MOVING), "robot": (TRACES, MOVING), "ui": (TARGET,)}


def parse_answer(kind: str, text: str) -> Any:
    """Read what an answer of that kind says.

    Returns:
        MARKS: {mark: (x, y)}; MOVING: `Moving`, TRACES: `Traces`, all in bins 0..255; TARGET: an `Action`, of
        kind "" where only a mark is named; ROBOT: (C, D) bins; TEXT: the text.

    Raises:
        ValueError: it is no such answer, or a point lies outside of 0..255.
    """
    return _PARSERS[kind](text)


def _marks(text: str) -> dict[int, Point]:
    points = parse_som(text)
    _refuse_outside(*points.values())
    return points


def _traces(text: str) -> Traces:
    if text.startswith("["):
        paths = parse_paths(text)
        _refuse_outside(*(point for path in paths for point in path))
        return paths
    traces = parse_tom(text)
    _refuse_outside(*(point for trace in traces.values() for point in trace))
    return traces


def _moving(text: str) -> Moving:
    if text.startswith("["):
        points = parse_points(text)
        _refuse_outside(*points)
        return points
    return _marks(text)


def _target(text: str) -> Action:
    if text.startswith("Mark "):
        points = parse_som(text)
        if len(points) != 1:
            raise ValueError(f"{len(points)} marks where one is asked for")
        ((mark, point),) = points.items()
        action = Action("", mark=mark, point=point)
    else:
        action = parse_action(text)
    _refuse_outside(action.point)
    return action


def _refuse_outside(*points: Point) -> None:
    for x, y in points:
        if not (0 <= x < _BINS and 0 <= y < _BINS):
            raise ValueError(f"a point must lie in 0..{_BINS - 1}, got {x, y}")


_PARSERS: dict[str, Callable[[str], Said]] = {
    MARKS: _marks,
    TRACES: _traces,
    MOVING: _moving,
    TARGET: _target,
    ROBOT: parse_robot_action,
    TEXT: str,
}
