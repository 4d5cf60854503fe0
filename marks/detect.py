"""What on a screenshot a person could act on, told from its pixels alone, without a model.

Three things are looked for: rectangles of one colour (buttons, fields), shapes that stand alone (icons,
pictures), and text that is no running text (links, tabs, entries of a menu). What was found and what was
missed is measured in docs/screens.md.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from somtom.marks.detect_surfaces import Surfaces, find_surfaces, steps
from somtom.marks.detect_text import Run, find_pieces, find_runs, letter_height, line_box
from somtom.schemas.annotation import Element

MAX_ELEMENTS = 1000
SAME = 0.6  # IoU from which on two boxes are one element

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class _Page:
    """What is known of a picture before its elements are told.

    `unit` is the height of a capital letter in pixels; `held` are the runs that each rectangle holds, with
    no smaller rectangle between.
    """

    width: int
    height: int
    unit: float
    surfaces: Surfaces
    runs: Sequence[Run]
    pieces: NDArray[np.int32]
    held: Sequence[Sequence[Run]]


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
    page = _look(picture)
    found = [*_rectangles(page), *_rows(page), *_texts(page), *_pictures(page)]
    return sorted(_distinct(found), key=lambda one: (one.y0, one.x0, one.y1, one.x1))


def _look(picture: NDArray[np.uint8]) -> _Page:
    change = steps(picture)
    pieces = find_pieces(change)
    small = letter_height(pieces)
    surfaces = find_surfaces(change, max(5, round(0.8 * small)))
    runs = find_runs(picture, pieces, surfaces.labels, small)
    capitals = [run.capital for run in runs if run.pieces >= 3]
    unit = float(np.median(capitals)) if capitals else 1.3 * small
    height, width = change.shape
    return _Page(width, height, unit, surfaces, runs, pieces, _hold(surfaces, runs))


def _hold(surfaces: Surfaces, runs: Sequence[Run]) -> list[list[Run]]:
    """The runs whose middle lies in each rectangle, but in no smaller one inside of it."""
    held: list[list[Run]] = [[] for _ in surfaces.boxes]
    if not len(surfaces.boxes):
        return held
    x0, y0, x1, y1 = surfaces.boxes.T
    area = (x1 - x0).astype(np.int64) * (y1 - y0)
    for run in runs:
        x, y = (run.x0 + run.x1) / 2, (run.y0 + run.y1) / 2
        around = np.flatnonzero((x0 <= run.x0) & (run.x1 <= x1) & (y0 <= y) & (y <= y1) & (x0 <= x))
        around = around[(y1 - y0)[around] > 0.9 * run.height]
        if len(around):
            held[int(around[np.argmin(area[around])])].append(run)
    return held


def _rectangles(page: _Page) -> list[Element]:
    found = []
    for box, held in zip(page.surfaces.boxes.tolist(), page.held, strict=True):
        x0, y0, x1, y1 = box
        wide, high = (x1 - x0) / page.unit, (y1 - y0) / page.unit
        rows = _count_rows(held)
        if not 0.9 <= high <= 7 or wide > 110:
            continue
        if not held:
            if 0.8 <= wide / high <= 1.25 and high <= 2.5:
                found.append(_element(page, (x0, y0, x1, y1), "field", 0.4))
            elif wide >= 3 * high and 1.8 <= high <= 5:
                found.append(_element(page, (x0, y0, x1, y1), "field", 0.6))
        elif rows == 1 and wide <= 60 and 1.5 <= high <= 6 and len(held) <= 4:
            left = min(run.x0 for run in held) - x0
            right = x1 - max(run.x1 for run in held)
            if right > 3 * left + 2 * page.unit and wide > 3 * high:
                found.append(_element(page, (x0, y0, x1, y1), "field", 0.7))
            elif high <= 4.5 or wide <= 12:
                found.append(_element(page, (x0, y0, x1, y1), "button", 0.8))
    return found


def _count_rows(runs: Sequence[Run]) -> int:
    rows, bottom = 0, -1.0
    for run in sorted(runs, key=lambda one: one.y0):
        if run.y0 >= bottom:
            rows += 1
            bottom = run.y1
        bottom = max(bottom, run.y1 - 0.3 * run.height)
    return rows


def _rows(page: _Page) -> list[Element]:
    return []


def _texts(page: _Page) -> list[Element]:
    """Text and shapes that are not the only content of a button or field."""
    found = []
    for run in page.runs:
        box = line_box(run, page.unit)
        if _is_icon(run, page.unit):
            if run.height >= 0.7 * page.unit:
                found.append(_element(page, (run.x0, run.y0, run.x1, run.y1), "icon", 0.4))
        elif run.pieces >= 2:
            found.append(_element(page, box, "text", 0.3))
    return found


def _is_icon(run: Run, unit: float) -> bool:
    return run.pieces <= 2 and 0.4 <= run.width / run.height <= 2.5 and run.words == 1


def _pictures(page: _Page) -> list[Element]:
    found = []
    for x0, y0, x1, y1, pixels in page.pieces.tolist():
        wide, high = x1 - x0, y1 - y0
        if (
            min(wide, high) >= 2.5 * page.unit
            and wide * high <= 0.4 * page.width * page.height
            and max(wide, high) <= 6 * min(wide, high)
            and pixels >= 0.3 * wide * high
        ):
            found.append(_element(page, (x0, y0, x1, y1), "image", 0.35))
    return found


def _element(page: _Page, box: Box, role: str, score: float) -> Element:
    x0, y0, x1, y1 = box
    x0, y0 = max(x0, 0.0), max(y0, 0.0)
    x1, y1 = min(x1, float(page.width)), min(y1, float(page.height))
    return Element(float(x0), float(y0), float(x1), float(y1), role=role, score=score)


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
    return common >= SAME * union or (inside and common >= 0.7 * area)
