"""What on a screenshot a person could act on, told from its pixels alone, without a model.

Three things are looked for: rectangles of one colour (buttons, fields), shapes that stand alone (icons,
pictures), and text that is no running text (links, tabs, entries of a menu). What was found and what was
missed is measured in docs/screens.md.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from somtom.marks.detect_boxes import find_boxes
from somtom.marks.detect_menus import find_bar_entries, find_entries
from somtom.marks.detect_page import Page, element, look_at
from somtom.marks.detect_text import line_box
from somtom.schemas.annotation import Element

MAX_ELEMENTS = 1000
SMALLEST_SIDE = 8  # pixels of a picture that is looked at
LONG_LINE = 22  # capitals high: a line that is wider is running text
SAME = 0.6  # IoU from which on two boxes are one element

Colour = tuple[int, int, int]


def detect_elements(picture: NDArray[np.uint8]) -> list[Element]:
    """Find buttons, fields, icons, pictures and links, from top to bottom.

    The same picture gives the same elements. Time grows with the number of pixels, and with what is on
    them up to fixed bounds.

    Args:
        picture: (H, W, 3) uint8 RGB.

    Returns:
        At most `MAX_ELEMENTS`, with boxes inside of the picture; `role` is text, icon, image, button or
        field, `score` above 0 and up to 1, no probability.

    Raises:
        ValueError: the picture has another shape or type.
    """
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or not picture.size:
        raise ValueError(f"picture must be (H, W, 3) uint8, got {picture.shape} {picture.dtype}")
    if min(picture.shape[:2]) < SMALLEST_SIDE:
        return []
    page = look_at(picture)
    found = [*find_boxes(page), *find_entries(page), *find_bar_entries(page), *_texts(page), *_pictures(page)]
    return sorted(_distinct(found), key=lambda one: (one.y0, one.x0, one.y1, one.x1))


def _texts(page: Page) -> list[Element]:
    """Text and shapes that are not the only content of a button or field."""
    found = []
    plain = _plain_colours(page)
    texts = [run for run in page.runs if run.pieces >= 3 and not run.is_compact]
    written = Counter(_coarse(run.back) for run in texts)
    linked = Counter(_coarse(run.back) for run in texts if _is_bright(run.colour))
    for run in page.runs:
        back = _coarse(run.back)
        if run.is_compact:
            if 2.5 * page.unit > run.height >= 0.65 * page.unit and run.width >= 0.65 * page.unit:
                grow = 0.08 * max(run.width, run.height)
                box = (run.x0 - grow, run.y0 - grow, run.x1 + grow, run.y1 + grow)
                found.append(element(page, box, "icon", 0.4))
        elif (run.pieces >= 2 or run.width >= 1.5 * run.height) and run.density < 0.8:
            score = 0.5
            heading = run.capital >= 1.7 * page.unit and not _is_bright(run.colour)
            if heading and run.y0 > 6 * page.unit:
                score = 0.1
            in_bar = run.y0 < 5 * page.unit and run.width < 20 * page.unit
            shows_links = linked[back] >= max(4, 0.25 * written[back])
            if not in_bar and shows_links and not _is_bright(run.colour):
                score = 0.1
            if not in_bar and back in plain and _near(run.colour, plain[back]):
                score = 0.1
            found.append(element(page, line_box(run, page.unit), "text", score))
    return [one for one in found if one.score >= 0.2]


def _plain_colours(page: Page) -> dict[Colour, Colour]:
    """The colour of text that is no link on each background: of its running text."""
    lines: dict[Colour, Counter[Colour]] = defaultdict(Counter)
    for run in page.runs:
        if run.width > LONG_LINE * page.unit and not _is_bright(run.colour):
            lines[_coarse(run.back)][_coarse(run.colour)] += 1
    return {back: max(colours, key=lambda one: (colours[one], one)) for back, colours in lines.items()}


def _coarse(colour: Colour) -> Colour:
    """The colour rounded, so that those that differ by noise are mostly the same."""
    red, green, blue = (value // 24 * 24 + 12 for value in colour)
    return red, green, blue


def _is_bright(colour: Colour) -> bool:
    return max(colour) - min(colour) >= 60


def _near(one: Colour, other: Colour) -> bool:
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) <= 40


def _pictures(page: Page) -> list[Element]:
    found = []
    for x0, y0, x1, y1, pixels in page.pieces.tolist():
        wide, high = x1 - x0, y1 - y0
        if (
            min(wide, high) >= 2.5 * page.unit
            and wide * high <= 0.4 * page.width * page.height
            and max(wide, high) <= 6 * min(wide, high)
            and pixels >= 0.3 * wide * high
        ):
            found.append(element(page, (x0, y0, x1, y1), "image", 0.35))
    return found


def _distinct(found: Sequence[Element]) -> list[Element]:
    """Drop what overlaps a surer element, and texts and icons inside of a button or field."""
    kept: list[Element] = []
    cells: dict[tuple[int, int], list[Element]] = defaultdict(list)
    for one in sorted(found, key=lambda e: (-e.score, e.y0, e.x0, e.y1, e.x1)):
        if one.x1 - one.x0 < 2 or one.y1 - one.y0 < 2:
            continue
        spots = [
            (column, row)
            for column in range(int(one.x0) // 128, int(one.x1) // 128 + 1)
            for row in range(int(one.y0) // 128, int(one.y1) // 128 + 1)
        ]
        if any(_covers(other, one) for spot in spots for other in cells[spot]):
            continue
        kept.append(one)
        for spot in spots:
            cells[spot].append(one)
        if len(kept) == MAX_ELEMENTS:
            break
    return kept


def _covers(sure: Element, one: Element) -> bool:
    common = max(0.0, min(sure.x1, one.x1) - max(sure.x0, one.x0)) * max(
        0.0, min(sure.y1, one.y1) - max(sure.y0, one.y0)
    )
    area = (one.x1 - one.x0) * (one.y1 - one.y0)
    union = (sure.x1 - sure.x0) * (sure.y1 - sure.y0) + area - common
    inside = sure.role in ("button", "field", "image") and one.role in ("text", "icon", "image")
    if sure.role == "field" and one.x0 > sure.x0 + 0.6 * (sure.x1 - sure.x0):
        inside = False  # a button at the end of a field
    return common >= SAME * union or (inside and common >= 0.7 * area)
