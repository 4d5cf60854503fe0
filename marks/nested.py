"""Which boxes of a screenshot are one thing: the same twice, a part of another, or what it holds."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from somtom.schemas.annotation import Element

Boxes = NDArray[np.float64]  # (N, 4): x0, y0, x1, y1

# Elements that are one control however much is drawn in them: what lies in a link is part of the link.
_CONTROLS = (
    *("a", "link", "button", "input", "textarea", "textbox", "searchbox", "select", "combobox", "listbox"),
    *("checkbox", "radio", "switch", "slider", "spinbutton", "tab", "option", "menuitem", "edittext"),
    *("imagebutton", "togglebutton", "checkedtextview", "radiobutton", "spinner", "seekbar", "summary"),
)
INSIDE = 0.9  # share of a box that lies in another one that holds it
_APART = 0.3  # share of the smaller of two boxes that they may share and still be two elements
_OWN_AREA = 0.75  # a container of which more is free of its elements is something to act on itself ...
_FEW = 3  # ... where it holds no more than these


def role_of(one: Element) -> str:
    """The element's role in lower case, without the package that Android puts before it."""
    return one.role.strip().lower().rpartition(".")[2]


def is_control(one: Element) -> bool:
    """Whether the element is one thing to act on, however much is drawn in it."""
    return role_of(one) in _CONTROLS


def areas_of(boxes: Boxes) -> NDArray[np.float64]:
    """(...) areas of (..., 4) boxes."""
    sides = np.maximum(boxes[..., 2:] - boxes[..., :2], 0)
    areas: NDArray[np.float64] = sides[..., 0] * sides[..., 1]
    return areas


def shared_areas(box: Boxes, boxes: Boxes) -> NDArray[np.float64]:
    """(N,) areas that each of the boxes shares with the one."""
    corners = np.concatenate([np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])], axis=1)
    return areas_of(corners)


def overlaps_any(one: Element, others: Sequence[Element]) -> bool:
    """Whether the element shares with one of the others more than two elements beside each other do."""
    box, boxes = box_of(one), np.array([box_of(other) for other in others]).reshape(-1, 4)
    smaller = np.minimum(areas_of(box), areas_of(boxes))
    return bool((shared_areas(box, boxes) > _APART * smaller).any())


def box_of(one: Element) -> Boxes:
    """(4,) box of an element."""
    return np.array([one.x0, one.y0, one.x1, one.y1], dtype=np.float64)


def merge_same(
    elements: Sequence[Element], boxes: Boxes, candidates: Sequence[int], iou: float
) -> dict[int, int]:
    """Give, for each candidate, the one that it is the same as: itself, or the richest of its like."""
    richest = sorted(
        candidates,
        key=lambda i: (not is_control(elements[i]), not elements[i].text.strip(), -elements[i].score, i),
    )
    into: dict[int, int] = {}
    roots = np.empty(len(richest), dtype=np.int64)
    count = 0
    for index in richest:
        others = boxes[roots[:count]]
        shared = shared_areas(boxes[index], others)
        same = np.flatnonzero(shared >= iou * (areas_of(boxes[index]) + areas_of(others) - shared))
        into[index] = int(roots[same[0]]) if len(same) else index
        if not len(same):
            roots[count] = index
            count += 1
    return into


def resolve_nested(
    elements: Sequence[Element], boxes: Boxes, candidates: Sequence[int], into: dict[int, int], wanted: int
) -> None:
    """Join what is part of a control to it, and drop containers: they go into -1. Changes `into`."""
    kept = np.array([index for index in candidates if into[index] == index], dtype=np.int64)
    kept = kept[np.argsort(areas_of(boxes[kept]), kind="stable")]  # children before what holds them
    areas = areas_of(boxes[kept])
    alive = np.ones(len(kept), dtype=bool)
    protected = root_of(into, wanted) if wanted >= 0 else -1
    for place, index in enumerate(kept.tolist()):
        inside = alive[:place] & (shared_areas(boxes[index], boxes[kept[:place]]) >= INSIDE * areas[:place])
        children = kept[:place][inside].tolist()
        if not children:
            continue
        control = is_control(elements[index])
        for child in children:
            if (control and not is_control(elements[child])) or (
                len(children) == 1 and _is_same_thing(elements[index], elements[child])
            ):
                # The control of the two is the one to name; a plain box around it only repeats it. A label
                # is where a person clicks, its control often drawn by it alone.
                outer_wins = control or role_of(elements[index]) == "label" or not is_control(elements[child])
                loser, winner = (child, index) if outer_wins else (index, child)
                into[loser] = winner
                alive[np.flatnonzero(kept == loser)] = False
        left = [child for child in children if into[child] == child]
        if into[index] != index or not left or control or index == protected:
            continue
        free = 1 - _covered(boxes[index], boxes[left])
        if len(left) > _FEW or free < _OWN_AREA:
            into[index] = -1
            alive[place] = False


def _is_same_thing(outer: Element, inner: Element) -> bool:
    """Whether the only element inside another one does the same: it says the same, or one says nothing."""
    first, second = (" ".join(one.text.split()).casefold() for one in (outer, inner))
    if not first:  # a row around its link, but no picture with a button in its corner
        return inner.y1 - inner.y0 >= 0.5 * (outer.y1 - outer.y0)
    return first == second or (not second and not is_control(inner))


def _covered(box: Boxes, boxes: Boxes) -> float:
    """Share of the box that the others cover, on a grid of at most 64 x 64 cells."""
    cells = np.zeros((64, 64), dtype=bool)
    low, size = box[:2], np.maximum(box[2:] - box[:2], 1e-9)
    for other in boxes:
        x0, y0, x1, y1 = np.rint(np.clip((other.reshape(2, 2) - low) / size, 0, 1) * 64).astype(int).ravel()
        cells[y0:y1, x0:x1] = True
    return float(cells.mean())


def root_of(into: dict[int, int], index: int) -> int:
    """Follow what an element was joined to; -1 where it ended in nothing or was no candidate."""
    while index != -1 and (following := into.get(index, -1)) != index:
        index = following
    return index
