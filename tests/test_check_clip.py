"""What the checker says of clips whose text has no numbers or no traces."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from somtom.marks.text import write_conversations
from somtom.schemas.check_text import text_faults
from somtom.schemas.marks import Mark, Marks
from somtom.schemas.settings import TextSettings

WIDTH, HEIGHT, STEPS = 512, 384, 4
FORMS = {
    "traces": TextSettings(),
    "marks": TextSettings(future="marks"),
    "paths": TextSettings(numbers=False),
    "points": TextSettings(numbers=False, future="marks"),
}


def some_record(form: str, moving: bool = True) -> tuple[dict[str, Any], Any]:
    """What the rules look at, of a clip in which mark 2 leaves the picture."""
    traces = np.ones((STEPS + 1, 2, 3), np.float32)
    traces[:, 0, :2] = (100, 50)
    traces[:, 1, :2] = (500, 200)
    traces[:, 1, 0] += 10 * np.arange(STEPS + 1) * moving
    marks = Marks((Mark(1, 100, 50), Mark(2, 500, 200, foreground=moving)), traces)
    written = write_conversations(marks, WIDTH, HEIGHT, "go", FORMS[form], "clip")
    record = {
        "task": written.task,
        "history": [],
        "conversations": written.turns,
        "marks": [vars(mark) for mark in marks.marks],
        "width": WIDTH,
        "height": HEIGHT,
        "motion": {"clamped": written.clamped},
    }
    return record, traces


@pytest.mark.parametrize("moving", [True, False])
@pytest.mark.parametrize("form", FORMS)
def test_what_is_written_has_no_fault(form: str, moving: bool) -> None:
    assert not list(text_faults(*some_record(form, moving)))


def answer(text: str) -> Callable[[dict[str, Any]], object]:
    return lambda record: record["conversations"][-1].update(value=text)


@pytest.mark.parametrize(
    ("form", "spoil", "message"),
    [
        ("marks", answer("Mark 1 at [50,33]"), "second answer locates marks [1], but it must be [2]"),
        ("marks", answer("Mark 2 at [251,133]"), "locates mark 2 at (251, 133), but it is at (250, 133)"),
        ("marks", answer('{"Mark 2": "[[1,1]]"}'), "must hold the moving marks' places"),
        ("marks", lambda record: record.update(task="tom"), "motion.clamped must be 3"),
        ("paths", answer("[[[250,133],[255,133]]]"), "the answer gives [[(250, 133), (255, 133)]]"),
        ("paths", answer("[[250,133]]"), "must hold the moving points"),
        ("paths", answer("[]"), "the answer gives [], but it must be"),
        ("paths", lambda record: record.update(task="som"), "motion.clamped must be 0"),
        ("paths", lambda record: record["motion"].update(clamped=2), "motion.clamped must be 3"),
        ("points", answer("[[250,134]]"), "the answer gives [(250, 134)]"),
        ("points", answer("[250,133]"), "must hold the moving points"),
        ("points", lambda record: record["conversations"].extend(record["conversations"]), "4"),
    ],
)
def test_a_wrong_answer_is_a_fault(
    form: str, spoil: Callable[[dict[str, Any]], object], message: str
) -> None:
    record, traces = some_record(form)
    spoil(record)
    assert any(message in fault for fault in text_faults(record, traces))
