"""Coordinates in text and the answers that hold them."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from somtom.schemas.answers import dequantise, format_som, format_tom, parse_som, parse_tom, quantise

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
