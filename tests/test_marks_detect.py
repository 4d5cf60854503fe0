"""Elements are found from pixels alone: drawn pages with known boxes, and rendered pages with their DOM."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from somtom.marks.detect import MAX_ELEMENTS, detect_elements
from somtom.schemas.annotation import Element
from somtom.schemas.pictures import decode_jpeg, encode_jpeg

Box = tuple[int, int, int, int]
Picture = NDArray[np.uint8]

LIGHT = {"back": (247, 247, 247), "panel": (255, 255, 255), "ink": (40, 40, 40), "border": (190, 190, 190)}
DARK = {"back": (24, 26, 30), "panel": (40, 44, 52), "ink": (225, 225, 225), "border": (90, 96, 108)}
LINK = {"light": (10, 90, 200), "dark": (90, 170, 255)}


def write(
    picture: Picture, text: str, x: int, y: int, colour: tuple[int, int, int], size: float = 1.0
) -> Box:
    """Write a text with its baseline at y; gives the box of the line."""
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, 0.5 * size
    (width, height), below = cv2.getTextSize(text, font, scale, max(1, round(size)))
    cv2.putText(picture, text, (x, y), font, scale, colour, max(1, round(size)), cv2.LINE_AA)
    return x, y - height - 2, x + width, y + below


def draw_page(theme: str, size: float = 1.0) -> tuple[Picture, dict[str, Box]]:
    """A page with a button, a field, links, icons and a paragraph; `size` is the device pixel ratio."""
    colours = LIGHT if theme == "light" else DARK

    def at(*values: int) -> tuple[int, ...]:
        return tuple(round(value * size) for value in values)

    picture = np.full((*at(420, 640), 3), colours["back"], np.uint8)
    boxes: dict[str, Box] = {}

    def rectangle(name: str, box: Box, fill: tuple[int, int, int], border: tuple[int, int, int]) -> None:
        x0, y0, x1, y1 = boxes[name] = at(*box)  # type: ignore[assignment]  # four, as given
        picture[y0:y1, x0:x1] = border
        edge = max(1, round(size))
        picture[y0 + edge : y1 - edge, x0 + edge : x1 - edge] = fill

    rectangle("button", (40, 60, 140, 94), (40, 120, 190), (40, 120, 190))
    write(picture, "Submit", *at(62, 82), (255, 255, 255), size)  # type: ignore[call-arg,misc]  # x, y
    rectangle("field", (180, 60, 480, 94), colours["panel"], colours["border"])
    write(picture, "Search", *at(190, 82), colours["border"], size)  # type: ignore[call-arg,misc]
    rectangle("empty field", (180, 110, 480, 144), colours["panel"], colours["border"])
    for number, name in enumerate(("Overview", "Settings", "Downloads")):
        boxes[name] = write(picture, name, *at(40 + 140 * number, 200), LINK[theme], size)  # type: ignore[call-arg,misc]
    for number in range(3):
        x, y = at(520 + 40 * number, 200)
        radius = round(9 * size)
        cv2.circle(picture, (x, y), radius, colours["ink"], max(1, round(2 * size)), cv2.LINE_AA)
        cv2.line(picture, (x - radius // 2, y), (x + radius // 2, y), colours["ink"], max(1, round(2 * size)))
        reach = radius + round(size)
        boxes[f"icon {number}"] = (x - reach, y - reach, x + reach + 1, y + reach + 1)
    for number in range(4):
        text = "Running text goes on for a whole line and is no link at all, as it"
        write(picture, text, *at(40, 280 + 24 * number), colours["ink"], size)  # type: ignore[call-arg,misc]
    return picture, boxes


def overlap(one: Element, box: Box) -> float:
    """Intersection over union."""
    wide = min(one.x1, box[2]) - max(one.x0, box[0])
    high = min(one.y1, box[3]) - max(one.y0, box[1])
    common = max(wide, 0) * max(high, 0)
    return common / ((one.x1 - one.x0) * (one.y1 - one.y0) + (box[2] - box[0]) * (box[3] - box[1]) - common)


def role_at(found: list[Element], box: Box) -> str:
    """The role of what was found at the box, "" for nothing."""
    best = max(found, key=lambda one: overlap(one, box), default=None)
    return best.role if best is not None and overlap(best, box) >= 0.5 else ""


@pytest.mark.parametrize("size", [1.0, 2.0])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_buttons_fields_links_and_icons_of_a_drawn_page_are_found(theme: str, size: float) -> None:
    picture, boxes = draw_page(theme, size)
    found = detect_elements(picture)
    assert {name: role_at(found, box) for name, box in boxes.items()} == {
        "button": "button",
        "field": "field",
        "empty field": "field",
        **dict.fromkeys(("Overview", "Settings", "Downloads"), "text"),
        **{f"icon {number}": "icon" for number in range(3)},
    }


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_running_text_is_no_element(theme: str) -> None:
    picture, boxes = draw_page(theme)
    assert [one for one in detect_elements(picture) if one.y0 > 240] == []
    assert len(detect_elements(picture)) <= len(boxes) + 1


def test_a_page_that_went_through_a_jpeg_gives_the_same_elements() -> None:
    picture, boxes = draw_page("light")
    found = detect_elements(decode_jpeg(encode_jpeg(picture, 90)))
    assert all(role_at(found, box) for box in boxes.values())


def test_entries_of_a_menu_are_as_wide_as_its_panel() -> None:
    picture = np.full((600, 800, 3), 250, np.uint8)
    picture[:, :200] = (42, 63, 84)
    for number, name in enumerate(("Home", "Forms", "Tables", "Charts", "Maps", "Layouts")):
        write(picture, name, 40, 66 + 50 * number, (230, 230, 230))
    found = detect_elements(picture)
    assert [role_at(found, (0, 38 + 50 * n, 200, 86 + 50 * n)) for n in range(6)] == ["button"] * 6


def test_entries_of_a_bar_are_as_high_as_it_and_cells_of_a_table_are_not() -> None:
    picture = np.full((500, 800, 3), 255, np.uint8)
    names = ("Home", "Products", "Prices", "About us")
    picture[40:90, 20:780] = (235, 238, 242)
    for number in range(6):
        picture[200 + 40 * number : 240 + 40 * number, 20:780] = (
            (250, 240, 235) if number % 2 else (255, 250, 245)
        )
    for row, y in enumerate((70, *(225 + 40 * number for number in range(6)))):
        for number, name in enumerate(names):
            write(picture, name if row == 0 else f"{row * 7 + number}.50", 60 + 160 * number, y, (60, 60, 60))
    found = detect_elements(picture)
    assert [role_at(found, (46 + 160 * n, 40, 60 + 160 * n + 70, 90)) for n in range(4)] == ["button"] * 4
    assert "button" not in [one.role for one in found if one.y0 > 100]


def test_three_bars_are_one_icon() -> None:
    picture = np.full((300, 400, 3), 255, np.uint8)
    for number in range(3):
        picture[150 + 7 * number : 153 + 7 * number, 100:124] = 60
    write(picture, "Inbox and drafts", 180, 165, (20, 20, 20))
    assert role_at(detect_elements(picture), (100, 150, 124, 167)) == "icon"


def test_a_blank_picture_gives_no_elements() -> None:
    for level in (0, 128, 255):
        assert detect_elements(np.full((300, 400, 3), level, np.uint8)) == []


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (3, 3), (32, 32)])
def test_tiny_and_thin_pictures_are_looked_at(size: tuple[int, int]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    for one in detect_elements(picture):
        assert 0 <= one.x0 < one.x1 <= size[1] and 0 <= one.y0 < one.y1 <= size[0]


@pytest.mark.parametrize("kind", ["noise", "blurred", "gradient", "checkerboard", "dots"])
def test_pictures_that_are_no_screenshots_give_a_bounded_number_of_elements(kind: str) -> None:
    random = np.random.default_rng(1)
    noise = random.integers(0, 256, (700, 900, 3), np.uint8)
    rows, columns = np.mgrid[:700, :900]
    pictures = {
        "noise": noise,
        "blurred": cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 6), noise.copy(), 0, 255, cv2.NORM_MINMAX),
        "gradient": np.repeat((columns * 255 // 900)[..., None], 3, axis=2),
        "checkerboard": np.repeat(((rows // 4 + columns // 4) % 2 * 255)[..., None], 3, axis=2),
        "dots": np.repeat(((rows % 5 < 2) & (columns % 5 < 2))[..., None] * 255, 3, axis=2),
    }
    found = detect_elements(np.asarray(pictures[kind], np.uint8))
    assert len(found) <= MAX_ELEMENTS
    assert all(0 < one.score <= 1 for one in found)


def test_the_same_picture_gives_the_same_elements_and_is_left_as_it_is() -> None:
    picture, _ = draw_page("dark")
    before = picture.copy()
    assert detect_elements(picture) == detect_elements(picture)
    assert (picture == before).all()


def test_a_picture_of_another_form_is_refused() -> None:
    for picture in (
        np.zeros((5, 5), np.uint8),
        np.zeros((5, 5, 3), np.float32),
        np.zeros((0, 5, 3), np.uint8),
    ):
        with pytest.raises(ValueError, match="picture must be"):
            detect_elements(picture)  # type: ignore[arg-type]  # the wrong type is the point


def test_most_of_what_can_be_clicked_on_rendered_pages_is_found(test_data: Path) -> None:
    """Measured: docs/screens.md; the floors lie below."""
    true = hit = centre = count = 0
    for path in sorted((test_data / "ui" / "rendered").glob("*.json")):
        dump = json.loads(path.read_text())
        found = detect_elements(np.array(Image.open(path.with_name(dump["image"])).convert("RGB")))
        wanted = [tuple(one["bbox_px_xyxy"]) for one in dump["elements"] if one["markable"]]
        pairs = sorted(
            ((overlap(one, box), i, j) for i, one in enumerate(found) for j, box in enumerate(wanted)),
            reverse=True,
        )
        used: set[tuple[str, int]] = set()
        for share, i, j in pairs:
            if share >= 0.5 and not {("found", i), ("true", j)} & used:
                used |= {("found", i), ("true", j)}
                hit += 1
        middles = [((box[0] + box[2]) / 2, (box[1] + box[3]) / 2) for box in wanted]
        centre += sum(any(e.x0 <= x < e.x1 and e.y0 <= y < e.y1 for e in found) for x, y in middles)
        true, count = true + len(wanted), count + len(found)
    assert hit / true >= 0.5
    assert hit / count >= 0.3
    assert centre / true >= 0.75
