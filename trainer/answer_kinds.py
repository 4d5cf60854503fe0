"""What an answer is about, and what it says, read by the grammar of `schemas.answers` and `robot_answers`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somtom.schemas.answers import Action, Point, parse_action, parse_som, parse_tom
from somtom.schemas.record import Record
from somtom.schemas.robot_answers import parse_robot_action

MARKS, TRACES, TARGET, ROBOT, TEXT = "marks", "traces", "target", "robot", "text"
_BINS = 256

Said = dict[int, Point] | dict[int, list[Point]] | Action | NDArray[np.int64] | str


@dataclass(frozen=True)
class AnsweredTurn:
    """One question of a conversation and its true answer.

    Args:
        index: of the answer in the conversation's turns.
        kind: MARKS (where each mark is), TRACES (where the moving ones go), TARGET (which mark is meant, or
            what is done to it), ROBOT (an action in bins) or TEXT (anything else).
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

    The first answer about a marked picture locates its marks; a later one of the same form names one mark.
    """
    likely = {
        "som": (MARKS,),
        "tom": (MARKS, TRACES),
        "ui": (MARKS, TARGET) if is_first else (TARGET,),
        "robot": (MARKS, TRACES, ROBOT),
    }
    for kind in likely.get(record["task"], ()):
        try:
            said = parse_answer(kind, text)
        except ValueError:
            continue
        if kind != MARKS or len(said) == len(record["marks"]):
            return kind
    return TEXT


def parse_answer(kind: str, text: str) -> Any:
    """Read what an answer of that kind says.

    Returns:
        MARKS: {mark: (x, y)} and TRACES: {mark: [(x, y), ...]}, in bins 0..255; TARGET: an `Action`, of kind
        "" where only a mark is named; ROBOT: (C, D) bins; TEXT: the text.

    Raises:
        ValueError: it is no such answer, or a point lies outside of 0..255.
    """
    return _PARSERS[kind](text)


def _marks(text: str) -> dict[int, Point]:
    points = parse_som(text)
    _refuse_outside(*points.values())
    return points


def _traces(text: str) -> dict[int, list[Point]]:
    traces = parse_tom(text)
    _refuse_outside(*(point for trace in traces.values() for point in trace))
    return traces


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
    TARGET: _target,
    ROBOT: parse_robot_action,
    TEXT: str,
}
