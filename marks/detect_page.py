"""What is known of a screenshot before its elements are told: flat areas, rectangles, shapes and text."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from somtom.marks.detect_surfaces import (
    EDGE,
    FlatAreas,
    find_areas,
    find_ink,
    find_rectangles,
    is_noisy,
    steps,
    without_noise,
)
from somtom.marks.detect_text import Run, find_pieces, find_runs, letter_height
from somtom.schemas.annotation import Element

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Page:
    """What is known of a picture before its elements are told.

    `unit` is the height of a capital letter in pixels; `held` are the runs that each rectangle holds, with
    no smaller rectangle between.
    """

    width: int
    height: int
    unit: float
    areas: FlatAreas
    rectangles: NDArray[np.int32]
    runs: Sequence[Run]
    pieces: NDArray[np.int32]
    held: Sequence[Sequence[Run]]


def look_at(picture: NDArray[np.uint8]) -> Page:
    """Find areas, shapes and text; `picture` is (H, W, 3) uint8 RGB."""
    change = steps(picture)
    small = letter_height(find_pieces(change >= EDGE))
    noisy = is_noisy(change)
    areas = find_areas(change, noisy)
    if noisy:
        picture = without_noise(picture, areas, 1.5 * small)
        change = steps(picture)
        areas = find_areas(change, noisy)
    rectangles = find_rectangles(areas, max(5, round(0.8 * small)))
    pieces = find_pieces(find_ink(picture, areas, rectangles, 1.5 * small))
    runs = find_runs(picture, pieces, areas.labels, letter_height(pieces))
    capitals = [run.capital for run in runs if run.pieces >= 3]
    unit = float(np.median(capitals)) if capitals else 1.3 * small
    height, width = change.shape
    held = _hold(rectangles.boxes, runs)
    return Page(width, height, unit, areas, rectangles.boxes, runs, pieces, held)


def _hold(rectangles: NDArray[np.int32], runs: Sequence[Run]) -> list[list[Run]]:
    """The runs whose middle lies in each rectangle, but in no smaller one inside of it."""
    held: list[list[Run]] = [[] for _ in rectangles]
    if not len(rectangles):
        return held
    x0, y0, x1, y1 = rectangles.T
    area = (x1 - x0).astype(np.int64) * (y1 - y0)
    for run in runs:
        x, y = (run.x0 + run.x1) / 2, (run.y0 + run.y1) / 2
        around = np.flatnonzero((x0 <= run.x0) & (run.x1 <= x1) & (y0 <= y) & (y <= y1) & (x0 <= x))
        around = around[(y1 - y0)[around] > 0.9 * run.height]
        if len(around):
            held[int(around[np.argmin(area[around])])].append(run)
    return held


def element(page: Page, box: Box, role: str, score: float) -> Element:
    """An element whose box is cut at the picture's border."""
    x0, y0, x1, y1 = box
    x0, y0 = max(x0, 0.0), max(y0, 0.0)
    x1, y1 = min(x1, float(page.width)), min(y1, float(page.height))
    return Element(float(x0), float(y0), float(x1), float(y1), role=role, score=score)


def count_rows(runs: Sequence[Run]) -> int:
    """How many lines the runs are on."""
    rows, bottom = 0, -1.0
    for run in sorted(runs, key=lambda one: one.y0):
        if run.y0 >= bottom:
            rows += 1
            bottom = run.y1
        bottom = max(bottom, run.y1 - 0.3 * run.height)
    return rows


def runs_on(page: Page) -> dict[int, list[Run]]:
    """The runs on each flat area, by its number."""
    on: dict[int, list[Run]] = defaultdict(list)
    for run in page.runs:
        on[run.surface].append(run)
    return on
