import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from somtom.schemas.annotation import (
    Annotation,
    Element,
    PastStep,
    RobotStep,
    Screen,
    ScreenAction,
    annotation_json,
    parse_annotation,
)
from somtom.schemas.reasons import DataError

numbers = st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(codec="utf-8"), max_size=8)
elements = st.builds(Element, numbers, numbers, numbers, numbers, texts, texts, st.booleans(), st.booleans())
points = st.none() | st.tuples(numbers, numbers)


@given(st.lists(elements, max_size=3), texts, texts, points, st.data())
def test_a_screen_reads_back_as_it_was_written(
    listed: list[Element], kind: str, argument: str, point: tuple[float, float] | None, data: st.DataObject
) -> None:
    targets = data.draw(st.lists(st.integers(0, len(listed) - 1), max_size=2)) if listed else []
    screen = Screen(tuple(listed), ScreenAction(kind, argument, tuple(targets), point))
    annotation = Annotation(past=(PastStep(-1.0, "click", known=False),), screen=screen)

    assert parse_annotation(annotation_json(annotation)) == annotation
    assert not annotation.is_clip


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=3), st.lists(numbers, max_size=3))
def test_a_robot_step_reads_back_to_the_last_digit(
    actions: list[tuple[float, float]], state: list[float]
) -> None:
    names = tuple(f"s{index}" for index in range(len(state)))
    step = RobotStep(np.array(actions), ("x", "y"), np.array(state), names, np.zeros(2), 0.25)

    again = parse_annotation(annotation_json(Annotation(robot=step))).robot

    assert again is not None
    np.testing.assert_array_equal(again.actions, step.actions)
    np.testing.assert_array_equal(again.state, step.state)
    assert (again.names, again.state_names, again.frozen) == (step.names, step.state_names, step.frozen)


def test_an_annotation_that_says_nothing_is_an_empty_text() -> None:
    assert annotation_json(Annotation()) == ""
    assert parse_annotation("") == Annotation()
    assert Annotation().is_clip


def test_a_pair_is_no_clip() -> None:
    annotation = Annotation(turns=(("human", "<image>\nWhat?"), ("gpt", "A cat.")))

    assert parse_annotation(annotation_json(annotation)) == annotation
    assert not annotation.is_clip


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "{}",
        '{"past": [1]}',
        '{"past": [], "robot": {"names": ["x"]}}',
        '{"past": [], "turns": [["human"]]}',
        '{"past": [], "screen": {"elements": [], "action": {"kind": ""}}}',
        "[" * 100_000,
    ],
)
def test_a_damaged_annotation_is_one_data_error(text: str) -> None:
    with pytest.raises(DataError, match="damaged"):
        parse_annotation(text)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Element(0, 0, float("nan"), 1),
        lambda: Screen((), ScreenAction(targets=(0,))),
        lambda: RobotStep(np.zeros((1, 2)), ("x",), np.zeros(0), (), np.zeros(1), 0.0),
        lambda: RobotStep(np.zeros((0, 1)), ("x",), np.zeros(0), (), np.zeros(1), 0.0),
        lambda: RobotStep(np.full((1, 1), np.nan), ("x",), np.zeros(0), (), np.zeros(1), 0.0),
    ],
)
def test_what_contradicts_itself_is_refused(make: object) -> None:
    with pytest.raises(ValueError, match="must be"):
        make()  # type: ignore[operator]  # each is a function
