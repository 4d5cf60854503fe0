"""What a model says about one sample, read and measured."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somtom.schemas.action_stats import ActionStats
from somtom.schemas.sample import Sample
from somtom.trainer.answer_kinds import MARKS, MOVING, ROBOT, TARGET, TEXT, TRACES, AnsweredTurn, parse_answer
from somtom.trainer.measures import (
    Measure,
    measure_marks,
    measure_moving,
    measure_robot,
    measure_target,
    measure_traces,
)


@dataclass(frozen=True)
class Answer:
    """One answer of a model.

    Args:
        turn: the question's place, and the true answer.
        text: what the model says.
        said: what that means (`answer_kinds.parse_answer`), None where it cannot be read.
        measures: how far that is from the truth.
    """

    turn: AnsweredTurn
    text: str
    said: Any
    measures: tuple[Measure, ...]


def judge(
    sample: Sample,
    turn: AnsweredTurn,
    text: str,
    stats: Mapping[str, ActionStats],
    steps_px: NDArray[np.float64] | None = None,
) -> Answer:
    """Read and measure what a model says in place of the turn's true answer; an empty text cannot be read.

    Args:
        stats: of each data set's actions.
        steps_px: what `velocity.history_steps` gives for the sample.
    """
    try:
        said = parse_answer(turn.kind, text) if text else None
    except ValueError:
        said = None
    record = sample.record
    found: list[Measure] = []
    if turn.kind == MARKS:
        found = measure_marks(record, said)
    elif turn.kind == TRACES:
        found = measure_traces(record, sample.traces, said, steps_px)
    elif turn.kind == MOVING:
        found = measure_moving(record, said)
    elif turn.kind == TARGET:
        found = measure_target(record, said, parse_answer(TARGET, turn.text).kind)
    elif turn.kind == ROBOT and record["source"]["dataset"] in stats:
        found = measure_robot(record, said, stats[record["source"]["dataset"]])
    elif turn.kind == TEXT:
        found = [Measure("text_exact", float(text == turn.text))]
    return Answer(turn, text, said, tuple(found))
