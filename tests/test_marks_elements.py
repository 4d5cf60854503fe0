"""Which elements of a screenshot get a number."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from somtom.marks.draw import STYLES, LabelStyle
from somtom.marks.elements import ChosenElements, mark_elements, select_elements
from somtom.schemas.annotation import Element, ScreenAction
from somtom.schemas.reasons import DataError
from somtom.schemas.settings import UiSettings

WIDTH, HEIGHT = 400, 300
NOTHING = ScreenAction()


def box(
    x0: float, y0: float, x1: float, y1: float, text: str = "", role: str = "", **more: object
) -> Element:
    return Element(x0, y0, x1, y1, text, role, **more)  # type: ignore[arg-type]  # as the test says


def chosen(
    *elements: Element, action: ScreenAction = NOTHING, settings: UiSettings | None = None
) -> ChosenElements:
    return select_elements(elements, action, WIDTH, HEIGHT, settings or UiSettings(), "key")


def reason_of(*elements: Element, action: ScreenAction) -> str:
    with pytest.raises(DataError) as error:
        chosen(*elements, action=action)
    return f"{error.value.reason}: {error.value.message}"


BUTTON = box(200, 200, 260, 230, "Save", "button")


def test_what_cannot_be_seen_or_acted_on_gets_no_mark() -> None:
    found = chosen(
        BUTTON,
        box(10, 10, 60, 30, "hidden", visible=False),
        box(10, 10, 60, 30, "a text", actionable=False),
        box(10, 10, 13, 30, "thin"),
        box(500, 10, 560, 30, "outside"),
        box(-90, 10, 10, 30, "cut off"),
        box(0, 0, WIDTH, HEIGHT, "the page"),
        box(60, 60, 50, 50, "inside out"),
    )
    assert [one.text for one in found.elements] == ["Save"]
    assert found.of_source == (0, -1, -1, -1, -1, -1, -1, -1)


def test_boxes_end_at_the_picture() -> None:
    (one,) = chosen(box(-10.3, 280, 60, 330)).elements
    assert (one.x0, one.y0, one.x1, one.y1) == (0, 280, 60, 300)


def test_the_same_box_twice_is_one_element_with_the_fullest_text_and_a_controls_role() -> None:
    found = chosen(
        box(10, 10, 110, 40, "", "div"),
        box(11, 10, 110, 41, "Log in", "a"),
        box(10, 11, 109, 40, "Log in to the shop", "span"),
        BUTTON,
    )
    assert found.of_source == (0, 0, 0, 1)
    assert (found.elements[0].text, found.elements[0].role) == ("Log in to the shop", "a")


def test_what_lies_in_a_link_is_part_of_it() -> None:
    found = chosen(
        box(10, 10, 110, 40, "Home", "a"),
        box(12, 12, 36, 38, "", "svg"),
        box(40, 12, 100, 38, "Home", "span"),
    )
    assert found.of_source == (0, 0, 0)


def test_a_container_gives_way_to_what_it_holds() -> None:
    rows = [box(10, 10 + 40 * n, 200, 46 + 40 * n, f"row {n}", "div") for n in range(5)]
    assert chosen(box(10, 10, 200, 210, "list", "ul"), *rows).of_source == (-1, 0, 1, 2, 3, 4)


def test_a_card_with_much_room_of_its_own_stays_beside_its_button() -> None:
    card, heart = box(10, 10, 210, 210, "A lamp", "div"), box(180, 15, 205, 40, "Like", "button")
    assert chosen(card, heart).of_source == (0, 1)
    assert chosen(heart, card).of_source == (0, 1)


def test_a_plain_box_around_one_control_of_the_same_text_is_that_control() -> None:
    found = chosen(box(10, 10, 210, 40, "Forms", "li"), box(20, 14, 90, 36, "Forms", "a"))
    assert found.of_source == (0, 0)
    assert (found.elements[0].x0, found.elements[0].role) == (20, "a")


def test_a_row_that_says_nothing_itself_is_the_one_link_in_it_but_a_picture_is_not_its_button() -> None:
    link = box(10, 11, 50, 29, "Help", "a")
    assert chosen(box(10, 10, 210, 30, "", "li"), link).of_source == (0, 0)
    assert chosen(box(10, 10, 210, 210, "", "div"), link).of_source == (0, 1)


def test_a_label_stands_for_the_control_in_it() -> None:
    found = chosen(box(10, 10, 80, 40, "Female", "label"), box(15, 18, 28, 31, "Female", "input"))
    assert found.of_source == (0, 0)
    assert (found.elements[0].x1, found.elements[0].role) == (80, "input")


def test_an_element_without_a_text_takes_what_is_written_in_it() -> None:
    row, switch = box(10, 10, 300, 60, "", "LinearLayout"), box(250, 20, 290, 50, "", "Switch")
    texts = [box(20, 40, 120, 55, "On", actionable=False), box(20, 12, 120, 30, "Wifi", actionable=False)]
    assert [one.text for one in chosen(row, switch, *texts).elements] == ["Wifi On", ""]


def test_more_elements_than_allowed_leave_a_seeded_choice_with_the_target() -> None:
    many = [box(20 * (n % 20), 20 * (n // 20), 20 * (n % 20) + 15, 20 * (n // 20) + 15) for n in range(200)]
    action = ScreenAction("click", targets=(123,))
    found = chosen(*many, action=action, settings=UiSettings(max_marks=30))
    assert len(found.elements) == 30
    assert found.of_source[123] == found.target
    assert found == chosen(*many, action=action, settings=UiSettings(max_marks=30))
    assert [one for one in found.of_source if one >= 0] == list(range(30))


def test_each_element_without_a_mark_has_its_own_reason() -> None:
    rows = [box(10, 100 + 40 * n, 190, 136 + 40 * n, f"row {n}", "div") for n in range(4)]
    found = chosen(
        box(10, 10, 110, 40, "Home", "a"),
        box(12, 12, 36, 38, "", "svg"),
        box(10, 10, 110, 40, "Home", "a"),
        box(300, 10, 350, 40, "hidden", visible=False),
        box(10, 100, 190, 256, "list", "ul"),
        *rows,
        action=ScreenAction("click", targets=(0,)),
        settings=UiSettings(max_marks=3),
    )
    assert found.reasons[:5] == (
        "",
        "part of element 0",
        "the same as element 0",
        "hidden",
        "a container, gives way to what it holds",
    )
    assert sorted(found.reasons[5:]) == ["", "", "left out by ui.max_marks", "left out by ui.max_marks"]
    assert [not reason for reason in found.reasons].count(True) == len(found.elements)


def test_the_target_is_found_in_what_it_became_a_part_of() -> None:
    elements = [BUTTON, box(10, 10, 110, 40, "Home", "a"), box(12, 12, 36, 38, "", "svg")]
    assert chosen(*elements, action=ScreenAction("click", targets=(2,))).target == 1


def test_the_target_is_kept_whatever_it_is() -> None:
    page, text = box(0, 0, WIDTH, HEIGHT, "page"), box(10, 10, 80, 30, "a word", actionable=False)
    for target, index in ((page, 0), (text, 0)):
        found = chosen(target, BUTTON, action=ScreenAction("click", targets=(index,)))
        assert found.of_source == (0, 1)
        assert found.target == 0


def test_the_best_target_that_can_be_seen_is_taken() -> None:
    hidden = box(10, 10, 60, 30, visible=False)
    other = box(100, 10, 160, 30)
    assert chosen(hidden, BUTTON, other, action=ScreenAction("click", targets=(0, 2, 1))).target == 1


def test_a_point_means_the_smallest_element_around_it_or_the_nearest_beside_it() -> None:
    card, heart = box(10, 10, 210, 210, "A lamp", "div"), box(180, 15, 205, 40, "Like", "button")
    targets = [
        chosen(card, heart, action=ScreenAction("click", point=point)).target
        for point in ((190, 20), (100, 100), (212, 100))
    ]
    assert targets == [1, 0, 0]


def test_a_target_that_gets_no_mark_is_said_with_its_reason() -> None:
    for element, words in (
        (box(10, 10, 60, 30, visible=False), "hidden"),
        (box(10, 10, 12, 30), "too small"),
        (box(10, 310, 60, 330), "outside of the picture"),
    ):
        said = reason_of(element, BUTTON, action=ScreenAction("click", targets=(0,)))
        assert said.startswith("target_unmatched")
        assert words in said
    assert "in no marked element" in reason_of(BUTTON, action=ScreenAction("click", point=(20, 20)))
    tiny = box(18, 18, 22, 22, "")
    assert "too small" in reason_of(tiny, BUTTON, action=ScreenAction("click", point=(20, 20)))
    assert reason_of(BUTTON, action=ScreenAction("click")).startswith("no_target")


def test_actions_without_a_target_need_none() -> None:
    for kind in ("", "scroll", "swipe", "press", "back", "home", "complete", "type"):
        assert chosen(BUTTON, action=ScreenAction(kind)).target == -1
    assert chosen(BUTTON, action=ScreenAction("swipe", "up", point=(230, 210))).target == -1
    assert chosen(BUTTON, action=ScreenAction("type", "x", targets=(0,))).target == 0


def test_a_screenshot_without_elements_is_filtered() -> None:
    assert reason_of(action=NOTHING).startswith("no_elements")
    assert reason_of(box(10, 10, 60, 30, visible=False), action=NOTHING).startswith("no_elements")


COORDINATES = st.floats(-200, 600, width=32)
ELEMENTS = st.lists(
    st.builds(
        Element,
        *[COORDINATES] * 4,
        st.sampled_from(["", "a", "b"]),
        st.sampled_from(["", "a", "div", "label"]),
        st.booleans(),
        st.booleans(),
    ),
    max_size=25,
)


@settings(max_examples=150, deadline=None)
@given(elements=ELEMENTS, target=st.integers(0, 24), seed=st.integers(0, 5))
def test_marks_are_what_the_record_asks_for(elements: list[Element], target: int, seed: int) -> None:
    action = ScreenAction("click", targets=(target,)) if target < len(elements) else NOTHING
    try:
        found = select_elements(elements, action, WIDTH, HEIGHT, UiSettings(), f"k{seed}")
    except DataError as error:
        assert error.reason in ("no_elements", "target_unmatched")
        return
    assert found == select_elements(elements, action, WIDTH, HEIGHT, UiSettings(), f"k{seed}")
    assert (found.target >= 0) == bool(action.kind)
    assert set(found.of_source) - {-1} == set(range(len(found.elements)))
    marks = mark_elements(found, f"k{seed}")
    assert [mark.id for mark in marks.marks] == list(range(1, len(found.elements) + 1))
    assert sum(mark.foreground for mark in marks.marks) == (found.target >= 0)
    for mark, trace in zip(marks.marks, marks.traces[0], strict=True):
        assert 0 <= mark.x0 < mark.x1 <= WIDTH
        assert 0 <= mark.y0 < mark.y1 <= HEIGHT
        assert min(mark.x1 - mark.x0, mark.y1 - mark.y0) >= UiSettings().min_side
        assert (mark.x, mark.y) == ((mark.x0 + mark.x1 - 1) / 2, (mark.y0 + mark.y1 - 1) / 2)
        assert trace.tolist() == [mark.x, mark.y, 1.0]


def test_numbers_do_not_follow_the_elements_places() -> None:
    found = chosen(*(box(10, 20 * n, 60, 20 * n + 15) for n in range(14)))
    tops = [mark.y0 for mark in mark_elements(found, "key").marks]
    assert sorted(tops) != tops
    assert tops != [mark.y0 for mark in mark_elements(found, "another key").marks]


def test_every_mark_of_a_rendered_page_lies_on_its_element_and_no_label_hides_another(
    test_data: Path,
) -> None:
    for path in sorted((test_data / "ui" / "rendered").glob("*.json")):
        tree = json.loads(path.read_text())
        elements = [
            Element(*one["bbox_px_xyxy"], one["name"], one["role"] or one["tag"], visible=one["markable"])
            for one in tree["elements"]
        ]
        width, height = tree["image_size"]
        found = select_elements(elements, NOTHING, width, height, UiSettings(), path.stem)
        marks = mark_elements(found, path.stem).marks
        spots = {(mark.x0, mark.y0, mark.x1, mark.y1): mark for mark in marks}
        for element, index in zip(elements, found.of_source, strict=True):
            if index < 0:
                continue
            one = found.elements[index]
            mark = spots[one.x0, one.y0, one.x1, one.y1]
            assert mark.x0 - 1 <= (element.x0 + element.x1) / 2 <= mark.x1 + 1
            assert mark.y0 - 1 <= (element.y0 + element.y1) / 2 <= mark.y1 + 1
        style = STYLES["disc"]
        assert isinstance(style, LabelStyle)
        cover = np.zeros((height, width), np.int64)
        for x0, y0, x1, y1 in style.layout(width, height, marks)[0].tolist():
            cover[y0:y1, x0:x1] += 1
        assert cover.max() == 1, path.stem
