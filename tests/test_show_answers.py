"""Answers drawn on their samples: looking at pixels."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from somtom.pipelines.show_answers import SAID, TRUTH, draw_answer, write_answer_sheets
from somtom.schemas.answers import Action, format_action, format_paths, format_som, format_tom
from somtom.schemas.pictures import encode_jpeg
from somtom.schemas.record import complete_record
from somtom.schemas.sample import Sample
from somtom.trainer.answer_kinds import answered_turns
from somtom.trainer.judge import Answer, judge

SIDE = 256  # a bin is a pixel, and so is a cell's pixel
MARKS = [
    {"id": 1, "x": 60.0, "y": 60.0, "foreground": True},
    {"id": 2, "x": 180.0, "y": 60.0, "x0": 160.0, "y0": 40.0, "x1": 201.0, "y1": 81.0},
]


def a_sample(task: str, *answers: str) -> Sample:
    black = encode_jpeg(np.zeros((SIDE, SIDE, 3), np.uint8), 95)
    xy = np.array([[[60, 60], [180, 60]], [[60, 90], [180, 60]], [[60, 120], [180, 60]]], np.float32)
    turns = [("human", "<image>\nWhere?"), ("gpt", answers[0])]
    turns += [turn for text in answers[1:] for turn in (("human", "And then?"), ("gpt", text))]
    record: dict[str, Any] = {
        "id": "drawn",
        "split": "val",
        "task": task,
        "conversations": [{"from": who, "value": said} for who, said in turns],
        "marks": MARKS,
        "target_mark": 2 if task == "ui" else -1,
        "width": SIDE,
        "height": SIDE,
        "source": {"kind": "video", "dataset": "toys", "uri": "a", "group": "a"},
    }
    traces = np.concatenate([xy, np.ones((3, 2, 1), np.float32)], axis=2)
    return Sample("drawn", complete_record(record), black, black, traces)


def an_answer(sample: Sample, text: str, place: int = -1) -> Answer:
    return judge(sample, answered_turns(sample.record)[place], text, {})


def near(cell: NDArray[np.uint8], x: float, y: float, colour: tuple[int, int, int]) -> bool:
    """Whether the colour stands within 4 pixels of a place of the picture."""
    part = cell[round(y) - 4 : round(y) + 5, round(x) - 4 : round(x) + 5].astype(int)
    return bool((np.abs(part - colour).max(axis=2) < 60).any())


SOM, TOM = format_som({1: (60, 60), 2: (180, 60)}), format_tom({1: [(60, 90), (60, 120)]})


def test_traces_are_drawn_as_they_are_and_as_they_are_said() -> None:
    sample = a_sample("tom", SOM, TOM)
    cell = draw_answer(sample, an_answer(sample, format_tom({1: [(90, 60), (120, 60)]})), SIDE)
    assert near(cell, 60, 105, TRUTH) and near(cell, 105, 60, SAID)
    assert not near(cell, 60, 105, SAID) and not near(cell, 105, 60, TRUTH)


def test_traces_without_numbers_are_drawn_from_their_first_points() -> None:
    sample = a_sample("tom", SOM, format_paths([[(60, 60), (60, 90), (60, 120)]]))
    cell = draw_answer(sample, an_answer(sample, format_paths([[(200, 200), (230, 200)]])), SIDE)
    assert near(cell, 215, 200, SAID) and near(cell, 60, 105, TRUTH)
    assert not near(cell, 130, 130, SAID)


def test_located_marks_are_tied_to_where_they_are_said_to_be() -> None:
    sample = a_sample("tom", SOM, TOM)
    cell = draw_answer(sample, an_answer(sample, format_som({1: (60, 100), 2: (180, 60)}), 0), SIDE)
    assert near(cell, 187, 60, TRUTH) and near(cell, 60, 80, SAID) and near(cell, 60, 100, SAID)


def test_the_target_is_boxed_and_the_point_said_is_ringed() -> None:
    sample = a_sample("ui", SOM, format_action(Action("click", mark=2, point=(180, 60))))
    cell = draw_answer(sample, an_answer(sample, "click : Mark 1 at [60,200]"), SIDE)
    assert near(cell, 160, 60, TRUTH) and near(cell, 60, 193, SAID)


@pytest.mark.parametrize("text", ["", "Mark 1 at", "Mark 1 at [60,60], Mark 7 at [3,3]"])
def test_any_answer_is_drawn(text: str) -> None:
    sample = a_sample("tom", SOM, TOM)
    for place in (0, 1):
        cell = draw_answer(sample, an_answer(sample, text, place), SIDE)
        assert cell.shape[1] == SIDE and cell.shape[0] > SIDE


def test_sheets_hold_every_answer(tmp_path: Path) -> None:
    sample = a_sample("tom", SOM, TOM)
    answers = [(sample, an_answer(sample, SOM, 0))] * 11
    sheets = write_answer_sheets(answers, tmp_path / "new" / "pictures", 100)
    assert [path.name for path in sheets] == ["sheet-000.png", "sheet-001.png"]
    widths = [Image.open(path).size[0] for path in sheets]
    assert widths[0] > widths[1] > 200
