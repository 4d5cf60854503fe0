from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from somtom.schemas.action_stats import ActionStats
from somtom.schemas.annotation import Annotation, PastStep, RobotStep
from somtom.schemas.check import check_dataset
from somtom.schemas.check_actions import action_faults
from somtom.schemas.record import Record, complete_record
from somtom.schemas.settings import BuildSettings
from somtom.transforms.label_robot import label_robot

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


def robot_record() -> Record:
    """A chunk of two steps, one of its four numbers clipped, and one earlier picture."""
    step = RobotStep(
        actions=np.array([[0.0, 1.0], [5.0, 0.0]]),
        names=("dx", "gripper"),
        state=np.array([0.25]),
        state_names=("joint",),
        jumps=np.array([0.5, 1.0]),
        frozen=0.0,
    )
    past = (PastStep(-1.0, action=(0.5, 0.0)), PastStep(-0.5, known=False))
    label = label_robot(Annotation(past=past, robot=step), STATS, "pick it up", BuildSettings(), "key")
    record = {
        "id": "key",
        "split": "train",
        "task": "robot",
        "conversations": label.turns,
        "history": [{"t_s": -1.0, "action_text": text} for text in label.past],
        "action": label.action,
        "state": label.state,
        "quality": label.quality,
        "width": 64,
        "height": 48,
        "source": {"kind": "lerobot", "dataset": "toys", "uri": "e0", "group": "e0"},
    }
    return complete_record(record)


def test_a_labelled_robot_sample_has_no_fault() -> None:
    assert list(action_faults(robot_record(), STATS)) == []


def test_a_video_has_no_fault() -> None:
    record = robot_record() | {"task": "tom", "action": complete_action(), "state": complete_state()}
    assert list(action_faults(record, None)) == []


def complete_action(**values: Any) -> Record:
    return {"kind": "", "text": "", "values": [], "bins": [], "names": []} | values


def complete_state() -> Record:
    return {"values": [], "names": []}


def setting(part: str, name: str, value: Any) -> Callable[[Record], Any]:
    return lambda record: record[part].__setitem__(name, value)


BROKEN: dict[str, tuple[Callable[[Record], Any], list[str]]] = {
    "bin": (
        lambda r: (
            r["action"].update(bins=[128, 254, 255, 0], text="[[128,254],[255,0]]"),
            r["conversations"][-1].update(value="[[128,254],[255,0]]"),
        ),
        ["action.bins: 1.0 of 'gripper' in step 0 must be in bin 255, got 254"],
    ),
    "bin out of range": (setting("action", "bins", [128, 256, 255, 0]), ["action.bins must be 0..255"]),
    "no action": (
        lambda r: r["action"].update(values=[], bins=[]),
        ["action must have C x D values and bins, and D names, got 0 values, 0 bins, 2 names"],
    ),
    "no names": (setting("action", "names", []), ["action must have C x D values"]),
    "half a step": (
        lambda r: r["action"].update(values=[0.0, 1.0, 5.0], bins=[128, 255, 255]),
        ["action must have C x D values"],
    ),
    "fewer bins": (setting("action", "bins", [128, 255]), ["got 4 values, 2 bins, 2 names"]),
    "other names": (setting("action", "names", ["dx", "dy"]), ["action.names must be those of meta/"]),
    "kind": (setting("action", "kind", "click"), ["action.kind must be 'robot', got 'click'"]),
    "text": (setting("action", "text", "up"), ["action.text must be the action's bins, [[128,255],[255,0]]"]),
    "answer": (
        lambda r: r["conversations"][-1].update(value="[128,255]"),
        ["the last answer must be the action's bins, [[128,255],[255,0]]"],
    ),
    "clipped": (setting("quality", "action_clipped", 0.5), ["action_clipped must be 0.25, got 0.5"]),
    "clipped unknown": (setting("quality", "action_clipped", -1.0), ["action_clipped must be 0.25"]),
    "frozen unknown": (setting("quality", "action_frozen", -1.0), ["action_jump of a robot's sample must"]),
    "jump unknown": (setting("quality", "action_jump", -1.0), ["action_jump of a robot's sample must"]),
    "state": (setting("state", "names", ["a", "b"]), ["state must have as many names as values, got 2, 1"]),
    "history in words": (
        lambda r: r["history"][0].update(action_text="up"),
        ["history[0].action_text must be 2 bins, got 'up'"],
    ),
    "history of another width": (
        lambda r: r["history"][0].update(action_text="[1,2,3]"),
        ["history[0].action_text must be 2 bins"],
    ),
    "video with an action": (
        lambda r: r.update(task="tom", state=complete_state()),
        ["a sample of task 'tom' must have no robot's action and no state"],
    ),
    "video with a state": (lambda r: r.update(task="som", action=complete_action()), ["and no state"]),
    "video of a robot's kind": (
        lambda r: r.update(task="ui", action=complete_action(kind="robot"), state=complete_state()),
        ["a sample of task 'ui' must have no robot's action"],
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_rule_of_actions_is_one_fault(name: str) -> None:
    change, said = BROKEN[name]
    record = robot_record()
    change(record)
    faults = list(action_faults(record, STATS))
    assert len(faults) == len(said) and all(map(str.__contains__, faults, said)), faults


def test_a_robot_without_statistics_is_one_fault() -> None:
    (fault,) = action_faults(robot_record(), None)
    assert fault == "meta/action_stats.json must have the data set 'toys'"


def test_other_statistics_give_other_bins() -> None:
    faults = list(action_faults(robot_record(), replace(STATS, q99=(2.0, 1.0))))
    assert len(faults) == 1 and "must be in bin 85, got 128" in faults[0]


def test_damaged_statistics_are_a_fault_of_the_data_set(small_dataset: Path) -> None:
    (small_dataset / "meta" / "action_stats.json").write_text("{")
    (fault,) = check_dataset(small_dataset)
    assert fault.startswith("meta/action_stats.json is damaged: ")
