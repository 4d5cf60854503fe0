import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from somtom.schemas.reasons import DataError
from somtom.sources.boxes import CONVENTIONS, Box, box_in_pixels

WIDTH, HEIGHT = 1280, 720

sides = st.integers(2, 5000)


def write(box: Box, convention: str, width: int, height: int) -> list[float]:
    """Write a box of pixels in a convention, independently of the reader."""
    x0, y0, x1, y1 = box
    if convention == "xyxy_px":
        return [x0, y0, x1, y1]
    if convention == "xywh_px":
        return [x0, y0, x1 - x0, y1 - y0]
    if convention == "xyxy_ratio":
        return [x0 / width, y0 / height, x1 / width, y1 / height]
    return [x0 / width, y0 / height, (x1 - x0) / width, (y1 - y0) / height]


def fault(value: object, convention: str) -> DataError:
    with pytest.raises(DataError) as found:
        box_in_pixels(value, convention, WIDTH, HEIGHT)
    assert found.value.reason == "bad_box"
    return found.value


@pytest.mark.parametrize("convention", CONVENTIONS)
@given(data=st.data(), width=sides, height=sides)
def test_a_box_inside_comes_back_in_pixels_whatever_its_convention(
    convention: str, data: st.DataObject, width: int, height: int
) -> None:
    x0 = data.draw(st.integers(0, width - 1))
    y0 = data.draw(st.integers(0, height - 1))
    box = (x0, y0, data.draw(st.integers(x0 + 1, width)), data.draw(st.integers(y0 + 1, height)))
    assume(max(box) > 1)
    written = write(box, convention, width, height)
    assume(convention.endswith("ratio") or max(written) > 1)
    assert box_in_pixels(written, convention, width, height) == pytest.approx(box, abs=1e-6)


@given(
    numbers=st.lists(st.floats(allow_nan=True, allow_infinity=True) | st.integers(), min_size=4, max_size=4),
    convention=st.sampled_from(sorted(CONVENTIONS)),
)
def test_any_four_numbers_give_a_box_with_area_inside_of_the_picture_or_a_reason(
    numbers: list[float], convention: str
) -> None:
    try:
        x0, y0, x1, y1 = box_in_pixels(numbers, convention, WIDTH, HEIGHT)
    except DataError as error:
        assert error.reason == "bad_box"
    else:
        assert 0 <= x0 < x1 <= WIDTH
        assert 0 <= y0 < y1 <= HEIGHT


def test_a_box_that_reaches_slightly_outside_is_cut_at_the_edges() -> None:
    assert box_in_pixels([-3, 700, 40, 30], "xywh_px", WIDTH, HEIGHT) == (0, 700, 37, 720)
    assert box_in_pixels([0.9, 0.5, 1.01, 0.6], "xyxy_ratio", 1000, 500) == pytest.approx(
        (900, 250, 1000, 300)
    )


def test_a_box_partly_outside_that_fits_no_other_convention_is_cut() -> None:
    assert box_in_pixels([1200, 700, 200, 100], "xywh_px", WIDTH, HEIGHT) == (1200, 700, 1280, 720)


def test_a_box_wholly_outside_is_refused() -> None:
    assert "outside" in fault([5000, 5000, 10, 10], "xywh_px").message
    assert "outside" in fault([-60, -60, 20, 20], "xywh_px").message


@pytest.mark.parametrize(
    ("value", "convention", "would_be"),
    [
        ([1000, 500, 1100, 550], "xywh_px", "xyxy_px"),
        ([910, 78, 44, 34], "xyxy_px", "xywh_px"),
        ([910, 78, 44, 34], "xyxy_ratio", "xywh_px"),
        ([0.5, 0.5, 0.6, 0.6], "xyxy_px", "xyxy_ratio"),
        ([0.7, 0.5, 0.1, 0.2], "xywh_px", "xywh_ratio"),
        ([0.7, 0.5, 0.1, 0.2], "xyxy_ratio", "xywh_ratio"),
        ([0.7, 0.8, 0.9, 0.9], "xywh_ratio", "xyxy_ratio"),
    ],
)
def test_a_box_that_only_fits_another_convention_is_refused_and_the_message_names_it(
    value: object, convention: str, would_be: str
) -> None:
    message = fault(value, convention).message
    assert would_be in message
    assert "set boxes" in message


@pytest.mark.parametrize(
    "value",
    [
        None,
        "1,2,3,4",
        [],
        [1, 2, 3],
        [1, 2, 3, 4, 5],
        {"x": 1, "y": 2, "width": 3, "height": 4},
        [math.nan, 0, 10, 10],
        [0, 0, math.inf, 10],
        [0, 0, 10**400, 10],
        [0, 0, True, 10],
        ["0", "0", "10", "10"],
        [[1, 2], [3, 4]],
    ],
)
def test_what_is_no_four_finite_numbers_is_refused(value: object) -> None:
    fault(value, "xyxy_px")


@pytest.mark.parametrize("value", [[100, 100, 0, 20], [100, 100, -50, -20], [5, 5, 5, 5]])
def test_a_box_without_area_is_refused(value: list[int]) -> None:
    fault(value, "xywh_px" if value != [5, 5, 5, 5] else "xyxy_px")
