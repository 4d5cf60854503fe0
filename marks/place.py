"""Where each label goes, so that none hides another one, a marked point or the edge of the picture.

Rectangles are (x0, y0, x1, y1) in whole pixels, x1 and y1 just outside: [3, 5) covers pixels 3 and 4.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from somtom.schemas.marks import Mark

Floats = NDArray[np.float64]
Rects = NDArray[np.float64]  # (N, 4)

_RINGS = (0.75, 1.0, 1.35, 1.75, 2.3, 3.0, 4.0)  # distances tried around a mark, in label sizes
_WAYS = np.stack([np.cos(angle := np.arange(16) * (np.pi / 8)), np.sin(angle)], axis=1)
_LATTICE = 2000  # places tried at most over the whole picture, once all those near the mark are taken

# What a place costs. Distances count in label sizes, overlaps as shares of the label.
_ON_LABEL = 200.0  # each label touched, and as much again for all of it: never while there is room
_ON_POINT = 6.0  # each other mark's point that is hidden, or the own one beside the label's middle
_ON_ELEMENT = 3.0  # other elements
_ON_DRAWN = 1.5  # what is drawn there, such as text that is no element
_ON_OWN = 1.0  # the own element where it is hardly larger than the label, less where it is larger
_EDGE = 24  # grey levels between neighbours that are an edge of something drawn
_TOUCH = 4.0  # square pixels: what a label only touching a corner shares with it when grown by a pixel
_FULL = 0.4  # share of a line of text that is such edges
_ASTRAY = (
    0.5  # the corner only touched, or another element touched too: which one is meant takes a second look
)
_LIKED_LESS = 1e-3  # each place further down the list of corners


def place_labels(
    width: int,
    height: int,
    marks: Sequence[Mark],
    sizes: NDArray[np.int64],
    dot: int,
    image: NDArray[np.uint8] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Choose a rectangle for each mark's label.

    A point's label is centred on it where that is free, and else as near as there is room; a box's label
    sits at the corner, inside or outside, that hides least. Labels keep inside the picture if they fit.

    Args:
        sizes: (K, 2) widths and heights of the labels in pixels, odd.
        dot: radius in pixels of the dot that shows the point of a label that moved away.
        image: (H, W, 3) picture whose flat places the labels of boxes prefer; None where that does not count.

    Returns:
        (K, 4) rectangles, and (K,) bool: the label moved away, so that a line must lead to its mark.
    """
    points = np.array([(mark.x, mark.y) for mark in marks], dtype=np.float64).reshape(-1, 2)
    boxes = np.array([(m.x0, m.y0, m.x1, m.y1) for m in marks], dtype=np.float64).reshape(-1, 4)
    is_box = np.array([mark.is_box for mark in marks], dtype=bool)
    dots = np.concatenate([points - dot, points + dot + 1], axis=1)
    bounds = np.array([width, height], dtype=np.float64)

    # Points with room around them need no search; their labels are what the others must keep clear of.
    rects = _around(points, sizes)
    clash = (_overlaps(rects, rects) > 0) | (_overlaps(rects, dots) > 0)
    clash[is_box] = clash[:, is_box] = False
    np.fill_diagonal(clash, False)
    within = (rects[:, :2] >= 0).all(axis=1) & (rects[:, 2:] <= bounds).all(axis=1)
    done = within & ~is_box & ~(clash | clash.T).any(axis=1)
    moved = np.zeros(len(marks), dtype=bool)
    drawn = _drawn_sums(image) if image is not None and is_box.any() else None

    for index in np.flatnonzero(~done):
        size, others = sizes[index].astype(np.float64), np.arange(len(marks)) != index
        taken, hidden = rects[done], dots[others & ~is_box]
        places = _corners(boxes[index], size) if is_box[index] else points[index][None] - (size - 1) / 2
        tries = _inside(places, size, bounds)
        if not is_box[index] or (_overlaps(tries, taken) > 0).any(axis=1).all():
            middle, half = _middle_and_half(boxes[index], points[index], bool(is_box[index]))
            rings = np.concatenate([middle + _WAYS * (half + ring * size) for ring in _RINGS])
            tries = _inside(np.concatenate([places, rings - (size - 1) / 2]), size, bounds)
        if (_overlaps(tries, taken) > 0).any(axis=1).all():
            tries = np.concatenate([tries, _lattice(size, bounds)])
        shared = _overlaps(tries, taken) / size.prod()
        cost = _ON_LABEL * ((shared > 0) + shared).sum(axis=1)
        cost += _ON_POINT * (_overlaps(tries, hidden) > 0).sum(axis=1)
        if is_box[index]:
            own, away = _box_cost(tries, boxes[index], boxes[is_box & others], size)
            if drawn is not None:
                own += _ON_DRAWN * _drawn_shares(tries, drawn)
        else:
            own, away = _point_cost(tries, points[index], dots[index], size)
        best = int(np.argmin(cost + own))
        rects[index], moved[index], done[index] = tries[best], away[best], True
    return rects.astype(np.int64), moved


def _point_cost(tries: Rects, point: Floats, dot: Floats, size: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Cost of the places for a point's label, and whether the label would need a line to its point."""
    shift = np.linalg.norm((tries[:, :2] + tries[:, 2:] - 1) / 2 - point, axis=1) / size.mean()
    away = shift > 0.2
    return shift + _ON_POINT * (away & (_overlaps(tries, dot[None])[:, 0] > 0)), away


def _box_cost(tries: Rects, box: Floats, others: Rects, size: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Cost of the places for a box's label, and whether the label would need a line to its box."""
    # An element around this one (a form, a card) cannot be avoided and is not counted.
    around = (others[:, :2] <= box[:2]).all(axis=1) & (others[:, 2:] >= box[2:]).all(axis=1)
    others = others[~around]
    # Of an element that is smaller than the label its own share counts: it may be hidden whole.
    areas = np.clip(np.prod(others[:, 2:] - others[:, :2], axis=1), 1, size.prod())
    covered = np.minimum((_overlaps(tries, others) / areas).sum(axis=1), 1)
    # Half a label's height to the side still reads as belonging there: rows of a list are that close.
    reach = np.array([size[1] / 2, 1.0])
    near = (_overlaps(tries + np.concatenate([-reach, reach]), others) > 2 * _TOUCH).any(axis=1)
    astray = near | (_overlaps(tries + np.array([-1, -1, 1, 1]), box[None])[:, 0] <= _TOUCH)
    area = max(float(np.prod(box[2:] - box[:2])), 1.0)
    own = _overlaps(tries, box[None])[:, 0] / min(area, float(size.prod()))
    tight = min(1.0, 4 * float(size.prod()) / area)
    gap = np.maximum(np.maximum(box[:2] - tries[:, 2:], tries[:, :2] - box[2:]), 0)
    distance = np.linalg.norm(gap, axis=1) / size.mean()
    cost = _ON_ELEMENT * covered + _ON_OWN * own * tight + distance + _ASTRAY * astray
    cost += _LIKED_LESS * np.arange(len(tries))
    return cost, distance > 0.3


def _drawn_sums(image: NDArray[np.uint8]) -> NDArray[np.int32]:
    """(H + 1, W + 1) sums, over all pixels above and to the left, of those at an edge of what is drawn."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    edges = cv2.morphologyEx(grey, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > _EDGE
    sums: NDArray[np.int32] = cv2.integral(edges.astype(np.uint8), sdepth=cv2.CV_32S)
    return sums


def _drawn_shares(tries: Rects, sums: NDArray[np.int32]) -> Floats:
    """(N,) shares, 0 to 1, of the places that something is drawn on; lines of text count as full."""
    low, high = np.zeros(2), np.array(sums.shape)[::-1] - 1
    x0, y0, x1, y1 = np.clip(tries.reshape(-1, 2, 2), low, high).astype(np.int64).reshape(-1, 4).T
    inside = sums[y1, x1] - sums[y0, x1] - sums[y1, x0] + sums[y0, x0]
    shares: Floats = np.minimum(inside / (_FULL * np.maximum((x1 - x0) * (y1 - y0), 1)), 1)
    return shares


def _middle_and_half(box: Floats, point: Floats, is_box: bool) -> tuple[Floats, Floats]:
    """Give what the rings are drawn around: a box's middle and half its sides, or the bare point."""
    if is_box:
        return (box[:2] + box[2:] - 1) / 2, (box[2:] - box[:2]) / 2
    return point, np.zeros(2)


def _corners(box: Floats, size: Floats) -> Floats:
    """List the top-left ends tried for a box's label, the best liked first."""
    (x0, y0, x1, y1), (w, h) = np.rint(box), size
    return np.array(
        [
            *((x0, y0 - h), (x1 - w, y0 - h), (x0, y1), (x1 - w, y1)),  # above and below
            *((x0 - w, y0), (x0 - w, y1 - h), (x1, y0), (x1, y1 - h)),  # beside
            *((x0 - w, (y0 + y1 - h) // 2), (x1, (y0 + y1 - h) // 2)),  # beside the middle
            *((x0, y0), (x1 - w, y0), (x0, y1 - h), (x1 - w, y1 - h)),  # inside
            *((x0 - w, y0 - h), (x1, y0 - h), (x0 - w, y1), (x1, y1)),  # off the corner
            *((x - w // 2, y - h // 2) for y in (y0, y1) for x in (x0, x1)),  # on the corner
        ]
    )


def _lattice(size: Floats, bounds: Floats) -> Rects:
    """Cover the picture with places that do not overlap, as many as are allowed."""
    stretch = max(1.0, float(np.sqrt(bounds.prod() / size.prod() / _LATTICE)))
    columns, rows = (
        np.arange(0, max(end - side, 0) + 1, side * stretch) for end, side in zip(bounds, size, strict=True)
    )
    starts = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2)
    return _inside(starts, size, bounds)


def _around(points: Floats, sizes: NDArray[np.int64]) -> Rects:
    """Centre a rectangle of odd size on each point's pixel."""
    corner = np.rint(points) - (sizes - 1) // 2
    return np.concatenate([corner, corner + sizes], axis=-1)


def _inside(starts: Floats, size: Floats, bounds: Floats) -> Rects:
    """Make rectangles of the top-left ends, shifted into the picture as far as they fit."""
    corner = np.maximum(np.minimum(np.rint(starts), bounds - size), 0)
    return np.concatenate([corner, corner + size], axis=1)


def _overlaps(first: Rects, second: Rects) -> Floats:
    """Give the (N, M) areas in which N and M rectangles overlap."""
    shared: Floats = np.ones((len(first), len(second)))
    for low, high in ((0, 2), (1, 3)):
        side = np.minimum(first[:, None, high], second[:, high]) - np.maximum(
            first[:, None, low], second[:, low]
        )
        shared *= np.maximum(side, 0)
    return shared
