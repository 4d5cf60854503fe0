"""What a robot's clip adds to the sample of a tracked clip: its action, its state, and turns about them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from somtom.marks.robot_text import write_robot_turns
from somtom.schemas.action_stats import ActionStats, bins_of, ranges_of
from somtom.schemas.annotation import Annotation, PastStep, RobotStep
from somtom.schemas.reasons import DataError
from somtom.schemas.record import Record, storable_text
from somtom.schemas.robot_answers import format_robot_action
from somtom.schemas.settings import BuildSettings, RobotSettings

LARGEST_JUMP = 1e9  # what a jump counts as at the most, where q01..q99 is next to nothing


@dataclass(frozen=True)
class RobotLabel:
    """Parts of a robot sample's record; its task is "robot".

    Args:
        action, state: the record's fields.
        quality: `action_clipped`, `action_frozen` and `action_jump`.
        turns: follow the turns about marks and traces.
        past: actions at the history pictures, written as an answer is; "" where one is not known.
    """

    action: Record
    state: Record
    quality: Record
    turns: list[dict[str, str]]
    past: tuple[str, ...]


def label_robot(
    annotation: Annotation, stats: ActionStats | None, instruction: str, settings: BuildSettings, key: str
) -> RobotLabel:
    """Cut the action of `annotation.robot`, which must be given, into bins and ask for it.

    Args:
        stats: those of the clip's data set; None where no action of it is finite.

    Raises:
        DataError: `bad_action`: the dimensions are not those of `stats`;
            `frozen_action`, `action_jump`: it is filtered by the settings.
    """
    step = annotation.robot
    if step is None:
        raise ValueError(f"{key}: is no robot's clip")
    if stats is None or not _same(stats.names, step.names):
        known = "there are none" if stats is None else f"they are of {_few(stats.names)}"
        raise DataError(
            "bad_action",
            f"the action's dimensions {_few(step.names)} are not those of the data set's statistics "
            f"({known}): give the episodes another data set name",
        )
    jump = largest_jump(step, stats)
    refuse_odd(step.frozen, jump, settings.robot)
    bins, clipped = bins_of(step.actions, stats)
    past = past_actions(annotation.past, stats)
    return RobotLabel(
        action={
            "kind": "robot",
            "text": format_robot_action(bins),
            "values": step.actions.ravel(),
            "bins": bins.ravel(),
            "names": step.names,
        },
        state={"values": step.state, "names": step.state_names},
        quality={
            "action_clipped": float(clipped.mean()),
            "action_frozen": step.frozen,
            "action_jump": jump,
        },
        turns=write_robot_turns(
            bins,
            [(one.t_s, text) for one, text in zip(annotation.past, past, strict=True) if one.known],
            instruction,
            settings.text,
            key,
        ),
        past=past,
    )


def largest_jump(step: RobotStep, stats: ActionStats) -> float:
    """The largest change between control steps, in ranges q01..q99 (`action_stats.ranges_of`)."""
    least = step.jumps / LARGEST_JUMP
    return float((step.jumps / np.maximum(ranges_of(stats), least)).max())


def refuse_odd(frozen: float, jump: float, settings: RobotSettings) -> None:
    """Hold how the actions behave over the clip against the settings.

    Raises:
        DataError: `frozen_action`, `action_jump`.
    """
    if frozen > settings.max_frozen:
        raise DataError(
            "frozen_action",
            f"{frozen:.3f} of the clip's control steps repeat the action before; "
            f"robot.max_frozen = {settings.max_frozen} allows no more",
        )
    if settings.max_jump and jump > settings.max_jump:
        raise DataError(
            "action_jump",
            f"an action changes by {jump:.3f} of its range from one control step to the next; "
            f"robot.max_jump = {settings.max_jump} allows no more",
        )


def past_actions(past: Sequence[PastStep], stats: ActionStats) -> tuple[str, ...]:
    """Write what the robot did at each earlier step in bins, "" where that is not known."""
    return tuple(_written(np.array([step.action]), stats) if step.action else "" for step in past)


def _written(actions: NDArray[np.float64], stats: ActionStats) -> str:
    return format_robot_action(bins_of(actions, stats)[0])


def _same(names: Sequence[str], others: Sequence[str]) -> bool:
    """Whether the names are the same once both are stored as UTF-8."""
    return list(map(storable_text, names)) == list(map(storable_text, others))


def _few(names: Sequence[str]) -> str:
    """Name the dimensions, no more than a line has room for."""
    return f"{len(names)} ({', '.join(names)[:80]})"
