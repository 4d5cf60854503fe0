import numpy as np
import pytest
from screens import BUTTONS_SIZE, button_corner, draw_buttons

from somtom.schemas.annotation import Annotation, Element, Screen, ScreenAction
from somtom.schemas.clips import Clip
from somtom.schemas.settings import TrackingSettings
from somtom.transforms.find_elements import find_elements

(WIDTH, HEIGHT), SCALE = BUTTONS_SIZE, 2.5  # the input is that much larger than the picture


def button(number: int, visible: bool = True) -> Element:
    x, y = (SCALE * one for one in button_corner(number))
    box = (x, y, x + 140 * SCALE, y + 30 * SCALE)
    return Element(*box, f"Send {number}", "button", visible=visible)


def screenshot(elements: list[Element], action: ScreenAction | None = None) -> Clip:
    """Six buttons are drawn, `elements` are known."""
    return Clip(
        draw_buttons(6)[None],
        np.array([-1.0]),
        round(WIDTH * SCALE),
        round(HEIGHT * SCALE),
        annotation=Annotation(screen=Screen(tuple(elements), action or ScreenAction())),
    )


def found_in(clip: Clip, detect: str) -> list[Element]:
    after = find_elements(clip, TrackingSettings(detect=detect)).annotation.screen
    before = clip.annotation.screen
    assert after is not None and before is not None
    assert after.elements[: len(before.elements)] == before.elements and after.action == before.action
    found = after.elements[len(before.elements) :]
    assert all(one.found for one in found)
    return list(found)


@pytest.mark.parametrize(
    ("known", "detect", "is_looked_for"),
    [(2, "never", False), (2, "auto", True), (5, "auto", False), (5, "always", True), (0, "auto", True)],
)
def test_elements_are_looked_for_where_the_source_gives_few(
    known: int, detect: str, is_looked_for: bool
) -> None:
    found = found_in(screenshot([button(number) for number in range(known)]), detect)

    assert (len(found) >= 6 - known) == is_looked_for
    for number in range(6 if is_looked_for else 0):
        boxes = [(one.x0, one.y0, one.x1, one.y1) for one in (button(number), *found)]
        hits = [max(abs(a - b) for a, b in zip(boxes[0], box, strict=True)) < 3 * SCALE for box in boxes[1:]]
        assert any(hits) == (number >= known)


def test_a_target_that_the_source_does_not_list_is_looked_for() -> None:
    listed = [button(number) for number in range(5)]
    x, y = button_corner(5)

    def looked(px: float, py: float, kind: str = "click") -> bool:
        return bool(found_in(screenshot(listed, ScreenAction(kind, point=(px * SCALE, py * SCALE))), "auto"))

    assert looked(x + 20, y + 10)
    assert not looked(button_corner(2)[0] + 20, button_corner(2)[1] + 10)
    assert not looked(x + 20, y + 10, kind="scroll")


def test_what_a_page_hides_counts_as_known() -> None:
    hidden = [button(number, visible=number == 0) for number in range(6)]

    assert found_in(screenshot(hidden), "auto") == []


def test_the_pixels_are_those_that_were_decoded_not_a_jpeg_of_them() -> None:
    clip = screenshot([])
    dim = Clip(
        clip.frames // 2 + 120,
        clip.times_s,
        clip.source_width,
        clip.source_height,
        annotation=clip.annotation,
    )

    assert len(found_in(dim, "auto")) >= 6


def test_a_clip_has_no_elements_to_be_found() -> None:
    with pytest.raises(ValueError, match="on screenshots"):
        find_elements(Clip(draw_buttons(1)[None], np.zeros(1), WIDTH, HEIGHT), TrackingSettings())
