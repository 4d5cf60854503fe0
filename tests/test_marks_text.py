"""What the conversations say."""

import numpy as np
import pytest

from somtom.marks.phrasings import (
    MOVING_QUESTIONS,
    POINT_QUESTIONS,
    POINT_TRACE_QUESTIONS,
    SOM_QUESTIONS,
    TOM_QUESTIONS,
)
from somtom.marks.text import Conversation, write_conversations
from somtom.schemas.answers import parse_paths, parse_points, parse_som, parse_tom
from somtom.schemas.marks import Mark, Marks
from somtom.schemas.settings import TextSettings

WIDTH, HEIGHT, STEPS = 512, 384, 4


def some_marks(moving: bool = True) -> Marks:
    """Mark 1 stands at (100, 50); mark 2 starts at (500, 200) and goes 10 px a frame to the right."""
    traces = np.zeros((STEPS + 1, 2, 3), dtype=np.float32)
    traces[..., 2] = 1
    traces[:, 0, :2] = (100, 50)
    traces[:, 1, 0] = 500 + 10 * np.arange(STEPS + 1) * moving
    traces[:, 1, 1] = 200
    return Marks((Mark(1, 100, 50), Mark(2, 500, 200, foreground=moving)), traces)


def write(marks: Marks, instruction: str = "", key: str = "clip", **changes: bool | str) -> Conversation:
    return write_conversations(marks, WIDTH, HEIGHT, instruction, TextSettings(**changes), key)  # type: ignore[arg-type]


def test_turns_alternate_and_name_the_picture_once_in_the_first() -> None:
    turns = write(some_marks()).turns
    assert [turn["from"] for turn in turns] == ["human", "gpt", "human", "gpt"]
    assert turns[0]["value"].startswith("<image>\n")
    assert sum(turn["value"].count("<image>") for turn in turns) == 1


def test_the_first_answer_locates_every_mark() -> None:
    assert parse_som(write(some_marks()).turns[1]["value"]) == {1: (50, 33), 2: (250, 133)}


def test_the_second_answer_traces_what_moves_and_clamps_what_leaves() -> None:
    written = write(some_marks())
    assert written.task == "tom"
    assert parse_tom(written.turns[3]["value"]) == {2: [(255, 133)] * STEPS}
    assert written.clamped == 3  # 510 is inside; 520, 530 and 540 are not
    assert str(STEPS) in written.turns[2]["value"] or "{steps}" not in "".join(TOM_QUESTIONS)


def test_without_motion_only_the_marks_are_asked_for() -> None:
    written = write(some_marks(moving=False))
    assert (written.task, written.clamped, len(written.turns)) == ("som", 0, 2)


def test_a_picture_without_future_has_no_trace_turn() -> None:
    marks = some_marks()
    assert write(Marks(marks.marks, marks.traces[:1])).task == "som"


def test_the_instruction_is_said_on_one_line() -> None:
    first = write(some_marks(), "pick up\n the  cup").turns[0]["value"].split("\n")
    assert first[:2] == ["<image>", "Task: pick up the cup"]


def test_the_instruction_can_be_left_out() -> None:
    assert "Task" not in write(some_marks(), "pick", use_instruction=False).turns[0]["value"]
    assert "Task" not in write(some_marks(), "  ").turns[0]["value"]


@pytest.mark.parametrize("text", ["see <image> here", "<IMAGE>", "< image >", "<video>"])
def test_an_instruction_cannot_add_a_picture(text: str) -> None:
    turns = write(some_marks(), text).turns
    whole = "".join(turn["value"] for turn in turns).lower()
    assert whole.count("<image>") == 1
    assert "<video>" not in whole


def test_any_script_passes_unchanged() -> None:
    assert "Task: コーヒーを入れる ☕" in write(some_marks(), "コーヒーを入れる ☕").turns[0]["value"]


def test_the_seed_picks_the_phrasing_and_every_phrasing_is_used() -> None:
    firsts = {write(some_marks(), key=f"k{i}").turns[0]["value"] for i in range(200)}
    seconds = {write(some_marks(), key=f"k{i}").turns[2]["value"] for i in range(200)}
    assert (len(firsts), len(seconds)) == (len(SOM_QUESTIONS), len(TOM_QUESTIONS))
    assert write(some_marks(), key="k1") == write(some_marks(), key="k1")


def test_what_moves_can_be_asked_for_without_its_traces() -> None:
    written = write(some_marks(), future="marks")
    assert (written.task, written.clamped) == ("som", 0)
    assert parse_som(written.turns[3]["value"]) == {2: (250, 133)}
    assert written.turns[:2] == write(some_marks()).turns[:2]


def test_points_without_numbers_begin_their_traces_where_they_are() -> None:
    written = write(some_marks(), "pick", numbers=False)
    assert (written.task, written.clamped, len(written.turns)) == ("tom", 3, 2)
    assert written.turns[0]["value"].startswith("<image>\nTask: pick\n")
    assert parse_paths(written.turns[1]["value"]) == [[(250, 133), *[(255, 133)] * STEPS]]


def test_points_without_numbers_can_do_without_traces() -> None:
    written = write(some_marks(), numbers=False, future="marks")
    assert (written.task, len(written.turns)) == ("som", 2)
    assert parse_points(written.turns[1]["value"]) == [(250, 133)]


@pytest.mark.parametrize("future", ["traces", "marks"])
def test_without_numbers_nothing_is_an_answer_too(future: str) -> None:
    written = write(some_marks(moving=False), numbers=False, future=future)
    assert (written.task, written.turns[1]["value"]) == ("som", "[]")


def test_no_question_about_points_speaks_of_marks_or_numbers() -> None:
    for question in (*POINT_QUESTIONS, *POINT_TRACE_QUESTIONS):
        assert "mark" not in question.lower()
        assert "number" not in question.lower()


@pytest.mark.parametrize(
    ("changes", "phrasings", "turn"),
    [
        ({"future": "marks"}, MOVING_QUESTIONS, 2),
        ({"numbers": False}, POINT_TRACE_QUESTIONS, 0),
        ({"numbers": False, "future": "marks"}, POINT_QUESTIONS, 0),
    ],
)
def test_every_phrasing_of_the_other_questions_is_used(
    changes: dict[str, bool | str], phrasings: tuple[str, ...], turn: int
) -> None:
    asked = {write(some_marks(), key=f"k{i}", **changes).turns[turn]["value"] for i in range(200)}
    assert len(asked) == len(phrasings)
