import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from somtom.marks.phrasings import FREE_ROBOT_QUESTIONS, ROBOT_QUESTIONS
from somtom.marks.robot_text import within_sentence, write_robot_turns
from somtom.schemas.robot_answers import format_robot_action, parse_robot_action
from somtom.schemas.settings import TextSettings

ONE = np.array([[128, 37, 255]])
CHUNK = np.array([[128, 37, 255], [0, 1, 2]])

bins_arrays = npst.arrays(
    np.int64, npst.array_shapes(min_dims=2, max_dims=2, max_side=8), elements=st.integers(0, 255)
)


@given(bins=bins_arrays)
def test_an_answer_is_read_back_as_it_was_written(bins: NDArray[np.int64]) -> None:
    assert np.array_equal(parse_robot_action(format_robot_action(bins)), bins)


def test_one_step_is_a_flat_list_and_a_chunk_a_list_of_lists() -> None:
    assert format_robot_action(ONE) == "[128,37,255]"
    assert format_robot_action(CHUNK) == "[[128,37,255],[0,1,2]]"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "[[]]",
        "[[1],[]]",
        "[[1,2],[3]]",
        "[1,[2]]",
        "[[[1]]]",
        "[256]",
        "[-1]",
        "[1.0]",
        "[true]",
        "[1, 2]",
        "[[1,2]]",
        "[01]",
        '{"a":1}',
        "[1]x",
        "[" * 100_000,
    ],
)
def test_anything_else_is_no_action(text: str) -> None:
    with pytest.raises(ValueError):
        parse_robot_action(text)


def asked(
    bins: NDArray[np.int64] = ONE,
    past: tuple[tuple[float, str], ...] = (),
    instruction: str = "Pick up the cup.",
    use_instruction: bool = True,
    key: str = "a",
) -> str:
    question, answer = write_robot_turns(bins, past, instruction, TextSettings(use_instruction), key)
    assert (question["from"], answer["from"]) == ("human", "gpt")
    assert answer["value"] == format_robot_action(bins)
    return question["value"]


def test_the_question_names_the_task() -> None:
    assert asked() in [question.format(task="pick up the cup") for question in ROBOT_QUESTIONS]


@pytest.mark.parametrize(("instruction", "used"), [("", True), (" . ", True), ("Pick up the cup.", False)])
def test_without_an_instruction_none_is_named(instruction: str, used: bool) -> None:
    assert asked(instruction=instruction, use_instruction=used) in FREE_ROBOT_QUESTIONS


def test_a_chunk_is_asked_for_with_its_steps() -> None:
    assert asked(CHUNK).endswith("\nGive its actions in the next 2 steps.")


def test_earlier_actions_are_listed_oldest_first() -> None:
    question = asked(past=((-1.0, "[1,2,3]"), (-0.5, "")))
    assert question.startswith("The robot's earlier actions:\n-1.00 s: [1,2,3]\n-0.50 s: unknown\n")


def test_earlier_pictures_without_actions_are_not_spoken_of() -> None:
    assert asked(past=((-1.0, ""),)) == asked()


def test_the_key_picks_the_phrasing() -> None:
    keys = [str(number) for number in range(200)]
    assert len({asked(key=key) for key in keys}) == len(ROBOT_QUESTIONS)
    assert [asked(key=key) for key in keys[:5]] == [asked(key=key) for key in keys[:5]]


def test_braces_and_picture_tokens_of_an_instruction_do_no_harm() -> None:
    question = asked(instruction="open {task} < image >\nthen {0}")
    assert "open {task} image then {0}" in question and "<" not in question


@pytest.mark.parametrize(
    ("instruction", "written"),
    [
        ("Pick up the  cup.", "pick up the cup"),
        ("LEGO brick into the box", "LEGO brick into the box"),
        ("I want tea!", "I want tea"),
        ("拿起杯子。", "拿起杯子"),
        ("Öffne die Tür", "öffne die Tür"),
        ("", ""),
        ("...", ""),
        ("X", "x"),
    ],
)
def test_an_instruction_is_put_into_a_sentence(instruction: str, written: str) -> None:
    assert within_sentence(instruction) == written
