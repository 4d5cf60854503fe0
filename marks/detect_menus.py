"""Entries of menus and bars: what is clicked on is larger than its text."""

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from somtom.marks.detect_page import Page, count_rows, element, runs_on
from somtom.marks.detect_text import Run
from somtom.schemas.annotation import Element

WIDEST_PANEL = 32  # capitals high: a menu's panel is narrower


def find_entries(page: Page) -> list[Element]:
    """Entries of menus: at least three lines at one distance from each other on a narrow panel.

    They are clicked on over the whole width of the panel.
    """
    found = []
    for x0, x1, runs in _panels(page):
        strict = 4 if x1 - x0 > 0.6 * page.width else 2
        first: list[Run] = []
        for run in sorted(runs, key=lambda one: (one.y0 + one.y1, one.x0)):
            if first and run.y0 + run.y1 < 2 * first[-1].y1:
                first[-1] = min(first[-1], run, key=lambda one: one.x0)
            else:
                first.append(run)
        middles = np.array([run.y0 + run.y1 for run in first]) / 2
        gaps = np.diff(middles)
        entries = []
        for index, run in enumerate(first):
            near = gaps[max(index - 3, 0) : index + 3]
            beside = [float(gap) for gap in gaps[max(index - 1, 0) : index + 1]]
            for gap in beside:
                alike = np.count_nonzero(np.abs(near - gap) <= 0.1 * gap) >= strict
                if alike and 2.3 * page.unit <= gap <= 6.5 * page.unit:
                    middle = float(middles[index])
                    box = (float(x0), middle - 0.48 * gap, float(x1), middle + 0.48 * gap)
                    if run.x1 - run.x0 <= 0.85 * (x1 - x0):
                        entries.append(element(page, box, "button", 0.65))
                    break
        if len(entries) >= min(5, 0.6 * len(first)):
            found += entries
    return found


def _panels(page: Page) -> list[tuple[int, int, list[Run]]]:
    """Left and right side of each narrow column of flat areas, and the runs on them."""
    spans: dict[tuple[int, int], list[Run]] = defaultdict(list)
    for run in page.runs:
        if run.surface:
            spans[_span(page, run)].append(run)
    panels: list[tuple[int, int, list[Run]]] = []
    for x0, x1 in sorted(spans, key=lambda one: (-len(spans[one]), one)):
        if not 6 * page.unit <= x1 - x0 <= WIDEST_PANEL * page.unit:
            continue
        for left, right, runs in panels:
            if abs(left - x0) <= page.unit and abs(right - x1) <= 1.5 * page.unit:
                runs.extend(spans[x0, x1])
                break
        else:
            panels.append((x0, x1, list(spans[x0, x1])))
    return [panel for panel in panels if len(panel[2]) >= 3]


def _span(page: Page, run: Run) -> tuple[int, int]:
    """How far the flat area that a run stands on reaches to both sides: as a whole, or beside the run.

    A menu and a bar of one colour are one area, of the form of an L.
    """
    x0, _, x1, _ = (int(value) for value in page.areas.boxes[run.surface])
    middle = (run.x0 + run.x1) // 2
    above = page.areas.labels[max(run.y0 - 6, 0) : max(run.y0 - 1, 1)]
    other = np.flatnonzero((above != run.surface).all(axis=0))  # a JPEG's noise is not on all of the rows
    at = int(np.searchsorted(other, middle))
    if x1 - x0 <= WIDEST_PANEL * page.unit or (at < len(other) and other[at] == middle):
        return x0, x1
    # The outermost pixels of a colour differ from their neighbours: they are in no area.
    return int(other[at - 1]) if at else 0, int(other[at]) + 1 if at < len(other) else page.width


def find_bar_entries(page: Page) -> list[Element]:
    """Entries of bars: each as high as the bar, with some room on its sides.

    A bar lies at the top or bottom of the picture, or is a rectangle with a row of at least three entries
    that is not one of several on top of each other, as the rows of a table are.
    """
    found = []
    on = runs_on(page)
    for surface, runs in sorted(on.items()):
        x0, y0, x1, y1 = (int(value) for value in page.areas.boxes[surface])
        at_edge = y0 <= 2 or y1 >= page.height - 2
        if (
            surface
            and at_edge
            and 2.5 * page.unit <= y1 - y0 <= 7.5 * page.unit
            and x1 - x0 >= 10 * page.unit
        ):
            found += _entries_of_bar(page, (x0, y0, x1, y1), runs, 1 if y0 <= 2 else 3)
    sides = Counter((x0, x1) for x0, _, x1, _ in page.rectangles.tolist())
    for box, held in zip(page.rectangles.tolist(), page.held, strict=True):
        x0, y0, x1, y1 = box
        is_bar = 2.5 * page.unit <= y1 - y0 <= 8 * page.unit and x1 - x0 >= 30 * page.unit
        if is_bar and len(held) >= 3 and count_rows(held) == 1 and not _is_stacked(page, box, sides):
            found += _entries_of_bar(page, (x0, y0, x1, y1), held, 3)
    return found


def _is_stacked(page: Page, box: list[int], sides: Counter[tuple[int, int]]) -> bool:
    """Whether a rectangle as wide as this one lies right above or below it."""
    x0, y0, x1, y1 = box
    if sides[x0, x1] < 2:
        return False
    left, top, right, bottom = page.rectangles.T
    near = (np.abs(top - y1) <= 4) | (np.abs(bottom - y0) <= 4)
    return bool(((left == x0) & (right == x1) & near).any())


def _entries_of_bar(
    page: Page, bar: tuple[int, int, int, int], runs: Sequence[Run], fewest: int
) -> list[Element]:
    x0, y0, x1, y1 = bar
    groups: list[list[Run]] = []
    for run in sorted(runs, key=lambda one: one.x0):
        if groups and run.x0 - max(one.x1 for one in groups[-1]) <= 1.2 * page.unit:
            groups[-1].append(run)
        else:
            groups.append([run])
    if len(groups) < fewest:
        return []
    spans = [(min(one.x0 for one in group), max(one.x1 for one in group)) for group in groups]
    found = []
    for index, (left, right) in enumerate(spans):
        before = (spans[index - 1][1] + left) / 2 if index else x0
        after = (spans[index + 1][0] + right) / 2 if index + 1 < len(spans) else x1
        room = (2.2 if right - left <= 3 * page.unit else 1.3) * page.unit
        box = (max(left - room, before), float(y0), min(right + room, after), float(y1))
        if box[2] - box[0] <= 25 * page.unit:
            found.append(element(page, box, "button", 0.6))
    return found
