from dataclasses import replace

import numpy as np
import pytest

from somtom.schemas.action_stats import ActionStats
from somtom.schemas.annotation import Annotation, PastStep, RobotStep
from somtom.schemas.reasons import DataError
from somtom.schemas.settings import BuildSettings, RobotSettings
from somtom.transforms.label_robot import LARGEST_JUMP, RobotLabel, label_robot

STATS = ActionStats(
    names=("dx", "gripper"),
    count=100,
    q01=(-1.0, 0.0),
    q99=(1.0, 1.0),
    min=(-2.0, 0.0),
    max=(2.0, 1.0),
    mean=(0.0, 0.5),
    std=(0.5, 0.5),
    origin="measured",
)
STEP = RobotStep(
    actions=np.array([[0.0, 1.0], [5.0, 0.0]]),
    names=("dx", "gripper"),
    state=np.array([0.25]),
    state_names=("joint",),
    jumps=np.array([0.5, 1.0]),
    frozen=0.75,
)


def labelled(
    step: RobotStep = STEP,
    stats: ActionStats | None = STATS,
    robot: RobotSettings | None = None,
    past: tuple[PastStep, ...] = (),
) -> RobotLabel:
    settings = BuildSettings(robot=robot or RobotSettings())
    return label_robot(Annotation(past=past, robot=step), stats, "pick it up", settings, "key")


def test_the_action_holds_its_values_row_by_row_and_their_bins() -> None:
    label = labelled()
    assert label.action["kind"] == "robot"
    assert label.action["values"].tolist() == [0.0, 1.0, 5.0, 0.0]
    assert label.action["bins"].tolist() == [128, 255, 255, 0]
    assert label.action["names"] == ("dx", "gripper")
    assert label.action["text"] == label.turns[-1]["value"] == "[[128,255],[255,0]]"


def test_the_state_is_kept_as_it_is() -> None:
    label = labelled()
    assert label.state["values"].tolist() == [0.25]
    assert label.state["names"] == ("joint",)


def test_the_scores_say_how_odd_the_actions_are() -> None:
    assert labelled().quality == {"action_clipped": 0.25, "action_frozen": 0.75, "action_jump": 1.0}


def test_a_jump_is_measured_in_ranges() -> None:
    assert labelled(replace(STEP, jumps=np.array([3.0, 0.1]))).quality["action_jump"] == 1.5


def test_a_dimension_without_a_range_jumps_by_its_extremes() -> None:
    stats = replace(STATS, q01=(-1.0, 0.0), q99=(1.0, 0.0))
    assert labelled(replace(STEP, jumps=np.array([0.0, 0.0])), stats).quality["action_jump"] == 0.0
    assert labelled(replace(STEP, jumps=np.array([0.0, 0.5])), stats).quality["action_jump"] == 0.5


def test_a_jump_over_next_to_nothing_stays_finite() -> None:
    stats = replace(STATS, q99=(1.0, 5e-324))
    assert labelled(stats=stats).quality["action_jump"] == pytest.approx(LARGEST_JUMP)


def test_actions_that_repeat_too_often_are_filtered() -> None:
    labelled(robot=RobotSettings(max_frozen=0.75))
    with pytest.raises(DataError) as caught:
        labelled(robot=RobotSettings(max_frozen=0.7))
    assert caught.value.reason == "frozen_action"
    assert "0.750" in caught.value.message and "robot.max_frozen = 0.7" in caught.value.message


def test_actions_that_jump_too_far_are_filtered() -> None:
    labelled(robot=RobotSettings(max_jump=1.0))
    with pytest.raises(DataError) as caught:
        labelled(robot=RobotSettings(max_jump=0.9))
    assert caught.value.reason == "action_jump"
    assert "1.000" in caught.value.message and "robot.max_jump = 0.9" in caught.value.message


@pytest.mark.parametrize("stats", [None, replace(STATS, names=("dx", "dy"))])
def test_dimensions_that_the_statistics_lack_are_refused(stats: ActionStats | None) -> None:
    with pytest.raises(DataError) as caught:
        labelled(stats=stats)
    assert caught.value.reason == "bad_action"
    assert "2 (dx, gripper)" in caught.value.message


def test_statistics_of_another_width_are_refused() -> None:
    three = ("dx", "dy", "dz")
    wide = ActionStats(three, 1, *((0.0,) * 3 for _ in range(6)), origin="published")
    with pytest.raises(DataError, match="bad_action"):
        labelled(stats=wide)


def test_names_that_cannot_be_stored_as_they_are_still_fit() -> None:
    step = replace(STEP, names=("d\udc80", "gripper"))
    assert labelled(step, replace(STATS, names=("d�", "gripper"))).action["values"].shape == (4,)


def test_earlier_actions_are_told_in_bins() -> None:
    label = labelled(
        past=(
            PastStep(-1.5, known=False),
            PastStep(-1.0, action=(0.0, 0.0)),
            PastStep(-0.5),
        )
    )
    assert label.past == ("", "[128,0]", "")
    question = label.turns[0]["value"]
    assert "-1.00 s: [128,0]\n-0.50 s: unknown\n" in question and "-1.50" not in question
