"""Rules of a screenshot's sample: each broken record is said."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from somtom.schemas.answers import Action, format_action, format_som, quantise
from somtom.schemas.check_screen import screen_faults
from somtom.schemas.check_text import text_faults
from somtom.schemas.record import complete_record

Change = Callable[[dict[str, Any]], object]

TRACES = np.array([[[19.5, 14.5, 1], [69.5, 14.5, 1]]], np.float32)
PLACES = {
    number: (int(x), int(y)) for number, (x, y) in enumerate(quantise(TRACES[0, :, :2], 100, 50)[0], start=1)
}


def draw_record(answer: str, kind: str, text: str, target: int) -> dict[str, Any]:
    turns = [
        ("human", "<image>\nWhere are the marks?"),
        ("gpt", format_som(PLACES)),
        ("human", "Task: send it\nWhat next?"),
        ("gpt", answer),
    ]
    return complete_record(
        {
            "id": "k",
            "split": "train",
            "task": "ui",
            "conversations": [{"from": who, "value": value} for who, value in turns],
            "marks": [
                {
                    "id": n,
                    "x": x,
                    "y": 14.5,
                    "x0": x - 9.5,
                    "y0": 10,
                    "x1": x + 10.5,
                    "y1": 20,
                    "foreground": n == target,
                }
                for n, x in ((1, 19.5), (2, 69.5))
            ],
            "target_mark": target,
            "action": {"kind": kind, "text": text},
            "width": 100,
            "height": 50,
            "source": {"kind": "dom", "dataset": "d", "uri": "u", "group": "g"},
        }
    )


TYPED = format_action(Action("type", 'a "b"', 2, PLACES[2]))
RIGHT = {
    "typed": draw_record(TYPED, "type", 'type "a \\"b\\""', 2),
    "scrolled": draw_record("scroll down", "scroll", "scroll down", -1),
    "named": draw_record(format_som({1: PLACES[1]}), "", "", 1),
    "named where something is done": draw_record(format_som({1: PLACES[1]}), "click", "click", 1),
}


def faults(record: dict[str, Any], traces: NDArray[np.float32] = TRACES) -> list[str]:
    return list(text_faults(record, traces))


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_has_no_fault(name: str) -> None:
    record = copy.deepcopy(RIGHT[name])
    assert faults(record) == []
    del record["conversations"][2:]
    assert faults(record) == []


def set_answer(value: str) -> Change:
    return lambda record: record["conversations"][3].update(value=value)


BROKEN: list[tuple[str, Change, str]] = [
    ("typed", set_answer('type "a" : Mark 2 at [179,76]'), "the last answer must be"),
    ("typed", set_answer(TYPED.replace("Mark 2", "Mark 1")), "the last answer must be"),
    ("typed", set_answer(TYPED.replace("[", "[1")), "the last answer must be"),
    ("typed", set_answer("type it"), "the last answer must be the action"),
    ("typed", set_answer('type "a \\"b\\""'), "the last answer must be"),
    ("typed", lambda record: record["action"].update(kind="click"), "action.text must be the action 'click'"),
    ("typed", lambda record: record["action"].update(text=TYPED), "without a mark"),
    ("typed", lambda record: record["action"].update(text="type it"), "action.text must be an action"),
    ("typed", lambda record: record.update(target_mark=1), "foreground marks must be the target"),
    (
        "typed",
        lambda record: record["marks"][0].update(foreground=True),
        "foreground marks must be the target",
    ),
    ("typed", lambda record: record["action"].update(names=["x"]), "has no values"),
    ("typed", lambda record: record["conversations"].extend(record["conversations"][2:]), "2 or 4 turns"),
    ("typed", lambda record: record["source"].update(fps=30.0), "must be -1.0"),
    (
        "typed",
        lambda record: record["marks"][0].update(x0=-1.0, y0=-1.0, x1=-1.0, y1=-1.0),
        "must have boxes",
    ),
    ("scrolled", set_answer("scroll up"), "the last answer must be"),
    (
        "scrolled",
        lambda record: record["action"].update(kind="click", text="click"),
        "must have a target_mark",
    ),
    ("named", set_answer(format_som({2: PLACES[2]})), "must locate mark 1"),
    ("named", set_answer("Mark 1 at [1,2]"), "must locate mark 1"),
    ("named", set_answer("Mark 1 over there"), "must locate the target"),
    ("named", lambda record: record["action"].update(text="click"), "must be empty"),
]


@pytest.mark.parametrize(("name", "change", "words"), BROKEN)
def test_what_is_wrong_is_said(name: str, change: Change, words: str) -> None:
    record = copy.deepcopy(RIGHT[name])
    change(record)
    assert any(words in fault for fault in faults(record)), faults(record)


def test_a_screenshot_is_one_frame_with_marks() -> None:
    twice = np.concatenate([TRACES, TRACES])
    assert any("one frame" in fault for fault in screen_faults(RIGHT["named"], twice))
    record = copy.deepcopy(RIGHT["scrolled"])
    record["marks"] = []
    assert any("must have marks" in fault for fault in screen_faults(record, TRACES[:, :0]))
