"""Which rectangles of a screenshot are buttons and fields."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from somtom.marks.detect_page import Page, count_rows, element
from somtom.schemas.annotation import Element


def find_boxes(page: Page) -> list[Element]:
    """Tell buttons and fields by their size and by how the one line in them lies."""
    found = []
    chained = _chained(page)
    drawn = np.array([(run.x0, run.y0, run.x1, run.y1) for run in page.runs], np.int32).reshape(-1, 4)
    for number, (box, held) in enumerate(zip(page.rectangles.tolist(), page.held, strict=True)):
        x0, y0, x1, y1 = box
        wide, high = (x1 - x0) / page.unit, (y1 - y0) / page.unit
        rows = count_rows(held)
        if not 0.9 <= high <= 7 or wide > 110 or (x0 <= 0 and x1 >= page.width) or chained[number]:
            continue
        if not held:
            if 0.8 <= wide / high <= 1.25 and high <= 2.5 and not _lies_in(box, drawn):
                found.append(element(page, (x0, y0, x1, y1), "field", 0.4))
            elif wide >= 3 * high and 1.8 <= high <= 5 and _stands_alone(page, box):
                found.append(element(page, (x0, y0, x1, y1), "field", 0.6))
        elif rows == 1 and 1.25 <= high <= 6 and len(held) <= 4:
            left = min(run.x0 for run in held) - x0
            right = x1 - max(run.x1 for run in held)
            plain = max(run.capital for run in held) < 1.4 * page.unit
            if right > 2 * left + 2 * page.unit and wide > 3 * high and plain:
                found.append(element(page, (x0, y0, x1, y1), "field", 0.7))
            elif wide <= 20 or abs(left - right) <= 0.2 * (x1 - x0):
                found.append(element(page, (x0, y0, x1, y1), "button", 0.8))
    return found


def _lies_in(box: Sequence[int], drawn: NDArray[np.int32]) -> bool:
    """Whether a box is a part of what is drawn, such as the inside of a letter."""
    x0, y0, x1, y1 = box
    around = (drawn[:, 0] < x0) & (drawn[:, 1] < y0) & (drawn[:, 2] > x1) & (drawn[:, 3] > y1)
    return bool(around.any())


def _stands_alone(page: Page, box: Sequence[int]) -> bool:
    """Whether at least three sides of a rectangle border on the same flat area."""
    x0, y0, x1, y1 = box
    reach = max(3, round(0.4 * page.unit))
    x, y = (x0 + x1) // 2, (y0 + y1) // 2
    beside = [
        int(page.areas.labels[row, column])
        for column, row in ((x, y0 - reach), (x, y1 - 1 + reach), (x0 - reach, y), (x1 - 1 + reach, y))
        if 0 <= row < page.height and 0 <= column < page.width
    ]
    return any(label and beside.count(label) >= 3 for label in beside)


def _chained(page: Page) -> NDArray[np.bool_]:
    """(N,) bool: cells of a table: wide rectangles of one height, at least four in a row without a gap."""
    ends: dict[tuple[int, int], list[tuple[int, int, int]]] = defaultdict(list)
    for number, (x0, y0, x1, y1) in enumerate(page.rectangles.tolist()):
        ends[y0, y1].append((x0, x1, number))
    chained = np.zeros(len(page.rectangles), np.bool_)
    for row in ends.values():
        row.sort()
        chain: list[tuple[int, int, int]] = []
        for cell in [*row, (page.width * 2, page.width * 2, -1)]:
            if chain and cell[0] - chain[-1][1] > 3:
                widths = [one[1] - one[0] for one in chain]
                if len(chain) >= 4 and float(np.median(widths)) > 10 * page.unit:
                    chained[[one[2] for one in chain]] = True
                chain = []
            chain.append(cell)
    return chained
