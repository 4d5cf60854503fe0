"""Coordinates in text and the answers that hold them."""

import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from somtom.schemas.answers import (
    Action,
    dequantise,
    format_action,
    format_paths,
    format_points,
    format_som,
    format_tom,
    parse_action,
    parse_paths,
    parse_points,
    parse_som,
    parse_tom,
    quantise,
)

SIDES = st.integers(1, 5000)
BINS = st.integers(2, 1000)
SHARES = st.floats(0, 1, exclude_max=True)
POINTS = st.tuples(st.integers(0, 255), st.integers(0, 255))
NUMBERS = st.integers(1, 400)


@given(width=SIDES, height=SIDES, bins=BINS, x=SHARES, y=SHARES)
def test_a_point_comes_back_within_half_a_bin(width: int, height: int, bins: int, x: float, y: float) -> None:
    point = np.array([x * width - 0.5, y * height - 0.5])
    cells, clamped = quantise(point, width, height, bins)
    assert not clamped
    back = dequantise(cells, width, height, bins)
    assert (np.abs(back - point) <= np.array([width, height]) / bins / 2 + 1e-6).all()


@given(width=SIDES, height=SIDES, bins=BINS, xy=st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)))
def test_every_point_is_clamped_into_the_bins_and_says_so(
    width: int, height: int, bins: int, xy: tuple[float, float]
) -> None:
    cells, clamped = quantise(xy, width, height, bins)
    assert (cells >= 0).all()
    assert (cells < bins).all()
    outside = not (-0.5 <= xy[0] < width - 0.5 and -0.5 <= xy[1] < height - 0.5)
    assert bool(clamped) == outside


@given(width=SIDES, xs=st.lists(st.floats(-100, 6000), min_size=2, max_size=30))
def test_the_order_is_kept(width: int, xs: list[float]) -> None:
    cells, _ = quantise([(x, 0.0) for x in sorted(xs)], width, 10)
    assert (np.diff(cells[:, 0]) >= 0).all()


@given(st.dictionaries(NUMBERS, POINTS, min_size=1))
def test_located_marks_are_read_back(points: dict[int, tuple[int, int]]) -> None:
    assert parse_som(format_som(points)) == points


@given(st.dictionaries(NUMBERS, st.lists(POINTS, max_size=20)))
def test_traces_are_read_back_and_are_json(traces: dict[int, list[tuple[int, int]]]) -> None:
    text = format_tom(traces)
    assert parse_tom(text) == traces
    assert all(isinstance(value, str) for value in json.loads(text).values())


@given(st.lists(st.lists(POINTS, min_size=1, max_size=20)))
def test_points_and_traces_without_numbers_are_read_back(paths: list[list[tuple[int, int]]]) -> None:
    assert parse_paths(format_paths(paths)) == paths
    for path in paths:
        assert parse_points(format_points(path)) == path


@pytest.mark.parametrize("text", ["", "1", "{}", "[1]", "[[1]]", "[[1.5,2]]", '["a"]', "[" * 100_000])
def test_other_text_is_no_list_of_points(text: str) -> None:
    with pytest.raises(ValueError):
        parse_points(text)
    with pytest.raises(ValueError):
        parse_paths(text)


@pytest.mark.parametrize("text", ["", "Mark 3", "Mark 3 at [1, 2]", "Mark 1 at [1,2], Mark 1 at [3,4]", "x"])
def test_other_text_is_no_list_of_marks(text: str) -> None:
    with pytest.raises(ValueError):
        parse_som(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "[1]",
        "{",
        '{"Mark 1": [[1,2]]}',
        '{"3": "[[1,2]]"}',
        '{"Mark 1": "[[1]]"}',
        '{"Mark 1": "[[1.5,2]]"}',
        '{"Mark 1": "[]", "Mark 1": "[]"}',
        '{"Mark 1": "3"}',
        "[" * 100_000,
    ],
)
def test_other_text_is_no_set_of_traces(text: str) -> None:
    with pytest.raises(ValueError):
        parse_tom(text)


KINDS = st.sampled_from(
    ["click", "type", "select", "open", "scroll", "press", "long_press", "wischen", "押す"]
)
WORDS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            "down",
            'say "hi"',
            "a\nb\r\u2028",
            "<image>",
            "< VIDEO >",
            "مرحبا بكم",
            "\\u003c",
            "x : Mark 1 at [2,3]",
        ]
    ),
)


@given(kind=KINDS, argument=WORDS, mark=st.none() | NUMBERS, point=POINTS)
def test_any_action_comes_back(kind: str, argument: str, mark: int | None, point: tuple[int, int]) -> None:
    action = Action(kind, argument, mark, point if mark else (0, 0))
    text = format_action(action)
    assert parse_action(text) == action
    assert "\n" not in text
    assert not re.search(r"<\s*(image|video)\s*>", text, re.IGNORECASE)


@given(st.text(max_size=60))
def test_what_is_no_action_is_refused_and_what_is_one_is_written_so(text: str) -> None:
    try:
        action = parse_action(text)
    except ValueError:
        return
    assert format_action(action) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "click ",
        "click: Mark 5 at [1,2]",
        "click : Mark 5",
        "click : Mark 05 at [1,2]",
        "type hello",
        'scroll "down"',
        'type "a" "b"',
        'type "\\q"',
        'type "<image>"',
        "press back now",
        f"click : Mark {'9' * 5000} at [1,2]",
    ],
)
def test_actions_written_in_another_way_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_action(text)


def test_an_action_must_be_of_a_kind() -> None:
    with pytest.raises(ValueError, match="one word"):
        format_action(Action("long press"))
