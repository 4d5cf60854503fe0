import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from somtom.marks.drawn import is_drawn
from somtom.schemas.annotation import Element
from somtom.schemas.pictures import decode_jpeg, encode_jpeg

PAGE = np.full((120, 200, 3), 235, np.uint8)
cv2.putText(PAGE, "menu", (20, 30), 0, 0.5, (60, 60, 60), 1, cv2.LINE_AA)
cv2.rectangle(PAGE, (100, 60), (180, 90), (200, 200, 200), 1)
STORED = decode_jpeg(encode_jpeg(PAGE, 90))


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((15, 15, 70, 40), True),  # a word
        ((100, 60, 181, 91), True),  # a thin frame
        ((0, 0, 200, 120), True),
        ((120, 70, 170, 85), False),  # inside of the frame
        ((10, 60, 80, 110), False),
        ((150, 5, 400, 50), False),  # reaches out of the page
        ((300, 300, 400, 400), False),
        ((50, 50, 50, 50), False),
    ],
)
def test_an_element_is_drawn_where_more_than_one_colour_is(
    box: tuple[float, float, float, float], expected: bool
) -> None:
    assert is_drawn(STORED, [Element(*box)]).tolist() == [expected]


@given(st.integers(0, 255), st.integers(1, 40), st.integers(1, 40))
def test_a_flat_page_holds_nothing_whatever_its_colour(level: int, width: int, height: int) -> None:
    page = np.full((60, 60, 3), level, np.uint8)

    assert not is_drawn(page, [Element(3, 5, 3 + width, 5 + height), Element(0, 0, 60, 60)]).any()


def test_no_elements_are_none() -> None:
    assert is_drawn(PAGE, []).shape == (0,)
