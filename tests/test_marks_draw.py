"""How marks are drawn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from somtom.marks.draw import (
    STYLES,
    LabelStyle,
    digit_height,
    draw_marks,
    draw_measured,
    draw_traces,
    mark_style,
)
from somtom.schemas.marks import Mark, Marks

Image = NDArray[np.uint8]


def noise(width: int, height: int, seed: int = 0) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def grid_marks(width: int, height: int, columns: int, rows: int) -> list[Mark]:
    xs, ys = (np.arange(columns) + 0.5) * width / columns, (np.arange(rows) + 0.5) * height / rows
    return [Mark(1 + i, float(x), float(y)) for i, (x, y) in enumerate((x, y) for y in ys for x in xs)]


def rects_of(style: str, width: int, height: int, marks: list[Mark]) -> NDArray[np.int64]:
    named = STYLES[style]
    assert isinstance(named, LabelStyle)
    return named.layout(width, height, marks)[0]


def shared_pixels(rects: NDArray[np.int64], width: int, height: int) -> int:
    """Pixels that lie under more than one label."""
    cover = np.zeros((height, width), dtype=np.int64)
    for x0, y0, x1, y1 in rects:
        cover[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)] += 1
    return int((cover > 1).sum())


@pytest.mark.parametrize("style", STYLES)
def test_only_the_labels_change_and_the_input_stays(style: str) -> None:
    image = noise(512, 384)
    before = image.copy()
    marks = grid_marks(512, 384, 6, 4)
    drawn = draw_marks(image, marks, style)
    assert np.array_equal(image, before)
    changed = (drawn != image).any(axis=2)
    outside = changed.copy()
    for x0, y0, x1, y1 in rects_of(style, 512, 384, marks):
        assert changed[y0:y1, x0:x1].any()
        outside[y0:y1, x0:x1] = False
    assert not outside.any()


@pytest.mark.parametrize("style", STYLES)
def test_the_same_marks_give_the_same_bytes(style: str) -> None:
    marks = grid_marks(300, 200, 4, 3)
    first, second = (draw_marks(noise(300, 200), marks, style) for _ in range(2))
    assert first.tobytes() == second.tobytes()


@pytest.mark.parametrize("style", STYLES)
def test_a_label_stands_on_its_point_where_that_is_free(style: str) -> None:
    marks = grid_marks(512, 384, 5, 4)
    for mark, (x0, y0, x1, y1) in zip(marks, rects_of(style, 512, 384, marks), strict=True):
        assert abs((x0 + x1 - 1) / 2 - mark.x) <= 0.5
        assert abs((y0 + y1 - 1) / 2 - mark.y) <= 0.5


@pytest.mark.parametrize("style", STYLES)
@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 399), st.floats(0, 299)), min_size=1, max_size=19),
    st.sampled_from([(400, 300), (1600, 1200)]),
)
def test_labels_lie_inside_and_apart(
    style: str, points: list[tuple[float, float]], size: tuple[int, int]
) -> None:
    marks = [Mark(1 + i, x, y) for i, (x, y) in enumerate(points)]
    rects = rects_of(style, *size, marks)
    assert (rects[:, :2] >= 0).all()
    assert (rects[:, 2:] <= size).all()
    assert shared_pixels(rects, *size) == 0


@pytest.mark.parametrize("style", STYLES)
def test_a_label_that_moved_shows_its_point(style: str) -> None:
    marks = [Mark(1, 200, 150), Mark(2, 204, 150), Mark(3, 0, 0)]
    image = np.full((300, 400, 3), 128, dtype=np.uint8)
    drawn = draw_marks(image, marks, style)
    for x, y in ((200, 150), (204, 150), (0, 0)):
        assert (drawn[y, x] != 128).any()


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("apart", [6, 12, 20])
def test_no_label_hides_the_point_of_another_mark(style: str, apart: int) -> None:
    marks = [Mark(1, 200, 150), Mark(2, 200 + apart, 150), Mark(3, 200, 150 + apart)]
    for index, (x0, y0, x1, y1) in enumerate(rects_of(style, 512, 384, marks)):
        for mark in marks[:index] + marks[index + 1 :]:
            assert not (x0 <= mark.x < x1 and y0 <= mark.y < y1)


@pytest.mark.parametrize("style", STYLES)
def test_labels_of_small_elements_are_small(style: str) -> None:
    small = [Mark(1, 100, 110, 90, 100, 130, 120)]
    large = [Mark(1, 200, 210, 90, 100, 400, 320)]
    heights = [rects_of(style, 1920, 1080, marks)[0] @ [0, -1, 0, 1] for marks in (small, large)]
    assert heights[0] <= 20 < heights[1]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("shade", [0, 90, 128, 255])
def test_numbers_stand_out_on_any_ground(style: str, shade: int) -> None:
    image = np.full((240, 320, 3), shade, dtype=np.uint8)
    marks = grid_marks(320, 240, 4, 3)
    drawn = draw_marks(image, marks, style).astype(int)
    for x0, y0, x1, y1 in rects_of(style, 320, 240, marks):
        label = drawn[y0:y1, x0:x1].mean(axis=2)
        assert label.max() - label.min() > 100


@pytest.mark.parametrize("style", STYLES)
def test_two_hundred_boxes_get_labels_that_do_not_overlap(style: str) -> None:
    boxes = [(20 + 66 * (i % 20), 20 + 74 * (i // 20)) for i in range(200)]
    marks = [Mark(1 + i, x + 25, y + 12, x, y, x + 50, y + 24) for i, (x, y) in enumerate(boxes)]
    rects = rects_of(style, 1366, 768, marks)
    assert shared_pixels(rects, 1366, 768) == 0
    for mark, (x0, y0, x1, y1) in zip(marks, rects, strict=True):
        gap = max(mark.x0 - x1, x0 - mark.x1, mark.y0 - y1, y0 - mark.y1)
        assert gap <= 1


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("size", [(1, 1), (3, 200), (32, 32)])
def test_a_picture_smaller_than_its_labels_is_still_drawn(style: str, size: tuple[int, int]) -> None:
    width, height = size
    marks = [Mark(1, 0, 0), Mark(2, width - 1, height - 1), Mark(3, 0, 0, 0, 0, width, height)]
    assert draw_marks(noise(*size), marks, style).shape == (height, width, 3)


@pytest.mark.parametrize("style", STYLES)
def test_marks_off_the_picture_do_no_harm(style: str) -> None:
    marks = [Mark(1, -500, 9000), Mark(2, 0, 0, -50, -50, 900, 900), Mark(3, 0, 0, 500, 500, 600, 600)]
    rects = rects_of(style, 200, 100, marks)
    assert draw_marks(noise(200, 100), marks, style).shape == (100, 200, 3)
    assert (rects[:, :2] >= 0).all()


@pytest.mark.parametrize("style", STYLES)
def test_only_an_elements_frame_and_label_change(style: str) -> None:
    image = noise(200, 150)
    marks = [
        Mark(1, 100, 70, 60, 50, 140, 90),
        Mark(2, 30, 130, 20, 130, 40, 131),
        Mark(3, 9, 9, 300, 9, 400, 20),
    ]
    changed = (draw_marks(image, marks, style) != image).any(axis=2)
    assert changed[50, 60:140].any()
    for x0, y0, x1, y1 in [*rects_of(style, 200, 150, marks)[:2], (60, 50, 140, 90), (20, 130, 40, 131)]:
        changed[y0:y1, x0:x1] = False
    # The third element lies off the picture: only its label and the line towards it are seen.
    assert not changed[:, :120].any()


@pytest.mark.parametrize("style", STYLES)
def test_an_elements_label_keeps_off_what_is_drawn(style: str) -> None:
    named = STYLES[style]
    assert isinstance(named, LabelStyle)
    mark = Mark(1, 100, 70, 60, 55, 140, 85)
    page = np.full((150, 200, 3), 255, dtype=np.uint8)
    free = named.layout(200, 150, [mark], page)[0][0]
    page[:55] = noise(200, 55)  # a text above it
    moved = named.layout(200, 150, [mark], page)[0][0]
    assert free[3] <= 55
    assert moved[1] >= 55 - 2


def test_digits_of_a_full_page_are_as_high_as_on_the_part_that_is_read() -> None:
    marks = [Mark(1, 100, 70, 60, 50, 1000, 900)]
    assert (
        digit_height(1080, 8000, marks) == digit_height(1080, 2430, marks) > digit_height(1080, 1080, marks)
    )


@pytest.mark.parametrize("style", STYLES)
def test_measured_drawing_is_the_same_drawing(style: str) -> None:
    marks = grid_marks(300, 200, 4, 3)
    drawn, labels = draw_measured(noise(300, 200), marks, style)
    assert np.array_equal(drawn, draw_marks(noise(300, 200), marks, style))
    assert labels is not None
    assert np.array_equal(labels.rects, rects_of(style, 300, 200, marks))
    assert labels.digits_px == digit_height(300, 200, marks)


@pytest.mark.parametrize("style", STYLES)
def test_no_marks_change_nothing(style: str) -> None:
    image = noise(64, 64)
    assert np.array_equal(draw_marks(image, [], style), image)


def test_an_unknown_style_names_the_nearest() -> None:
    with pytest.raises(ValueError, match="did you mean 'outline'"):
        mark_style("outlin")


class Cross:
    """A user's own style."""

    def __call__(self, image: Image, marks: list[Mark]) -> None:
        for mark in marks:
            image[round(mark.y), :] = 255


def test_a_style_of_ones_own_is_imported_by_name() -> None:
    black = np.zeros((9, 9, 3), dtype=np.uint8)
    drawn = draw_marks(black, [Mark(1, 4, 4)], f"{__name__}:Cross")
    assert (drawn[4] == 255).all()
    measured, labels = draw_measured(black, [Mark(1, 4, 4)], f"{__name__}:Cross")
    assert np.array_equal(measured, drawn)
    assert labels is None


@pytest.mark.parametrize("name", ["no_such_module:x", "json:nothing", "json:__name__"])
def test_a_style_that_cannot_be_used_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="mark style"):
        mark_style(name)


def test_traces_are_warm_where_they_move_and_cool_where_they_do_not() -> None:
    traces = np.ones((5, 2, 3), dtype=np.float32)
    traces[:, 0, 0], traces[:, 0, 1] = 20 + 20 * np.arange(5), 30
    traces[:, 1, 0], traces[:, 1, 1] = 20 + 20 * np.arange(5), 80
    image = np.zeros((120, 160, 3), dtype=np.uint8)
    drawn = draw_traces(image, Marks((Mark(1, 20, 30, foreground=True), Mark(2, 20, 80)), traces)).astype(int)
    assert not image.any()
    assert drawn[30, 95, 0] > drawn[30, 95, 2] + 100
    assert drawn[80, 95, 2] > drawn[80, 95, 0] + 100


def test_the_style_none_draws_nothing() -> None:
    image = noise(64, 64)
    drawn, labels = draw_measured(image, grid_marks(64, 64, 2, 2), "none")
    assert np.array_equal(drawn, image)
    assert labels is None
