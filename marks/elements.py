"""Which elements of a screenshot get a number: those a person would number, each once.

Boxes are (x0, y0, x1, y1) with edges between pixels: the picture spans 0 to its width and height.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from somtom.marks.nested import (
    INSIDE,
    Boxes,
    areas_of,
    box_of,
    is_control,
    merge_same,
    resolve_nested,
    root_of,
    shared_areas,
)
from somtom.schemas.annotation import Element, ScreenAction
from somtom.schemas.keys import generator_of
from somtom.schemas.marks import Mark, Marks
from somtom.schemas.reasons import DataError
from somtom.schemas.settings import UiSettings

MOST_ELEMENTS = 10_000  # more are refused: the time that choosing takes grows with their square

# What is done to nothing in particular; an element that the source names all the same is said if marked.
UNTARGETED = ("scroll", "swipe", "press", "open", "wait", "back", "home", "enter", "complete", "impossible")
# What makes no sense without something that it is done to.
_TARGETED = ("click", "double_click", "right_click", "long_press", "select", "hover", "tap")

_GRID = 64  # boxes are rounded to this part of a pixel: exact in float32, with their centres
_IN_VIEW = 0.25  # a box of which less lies in the picture is cut off
_NEAR = 0.01  # share of the shorter side that a point may lie beside the box that it is meant for
_LONGEST_TEXT = 500  # characters of an element's text that are kept


@dataclass(frozen=True)
class ChosenElements:
    """What is left to be marked.

    Args:
        elements: clipped to the picture, in the order of the source.
        of_source: for each element given the index in `elements` in which it ended, -1 where in none.
        target: index in `elements` of what the action is done to, -1 where it is done to nothing.
        reasons: for each element given why it has no mark of its own, in words; "" where it has one.
    """

    elements: tuple[Element, ...]
    of_source: tuple[int, ...]
    target: int
    reasons: tuple[str, ...]


def select_elements(
    elements: Sequence[Element], action: ScreenAction, width: int, height: int, settings: UiSettings, key: str
) -> ChosenElements:
    """Choose what to mark on a picture of this size, in whose pixels elements and the action's point are.

    Elements that cannot be seen or acted on, tiny ones, those cut off by the picture's edge and those as
    large as the page are dropped; boxes that are nearly the same become one with the fullest text; what lies
    in a link or button is part of it; a container gives way to what it holds unless most of it is free. The
    first target that can be seen is kept whatever it is. Of more than `max_marks` a seeded choice is kept.

    Raises:
        DataError: `no_elements`, `no_target`, `target_unmatched`, `unsupported` (too many elements).
    """
    if len(elements) > MOST_ELEMENTS:
        raise DataError("unsupported", f"{len(elements)} elements, {MOST_ELEMENTS} at most are looked at")
    boxes = clipped_boxes(elements, width, height)
    why_not = verdicts(elements, width, height, settings)
    wanted = next((index for index in action.targets if why_not[index] not in _NEVER), -1)
    candidates = [index for index, reason in enumerate(why_not) if not reason or index == wanted]
    named = _with_texts_inside(elements, boxes, candidates)
    into = merge_same(named, boxes, candidates, settings.merge_iou)
    same = {index for index, root in into.items() if root != index}
    resolve_nested(named, boxes, candidates, into, wanted)
    kept = [index for index in candidates if into[index] == index]
    if not kept:
        raise DataError("no_elements", f"none of {len(elements)} elements can be seen and acted on")
    target = _find_target(elements, action, boxes, kept, into, wanted, why_not, min(width, height))
    if len(kept) > settings.max_marks:
        order = generator_of(key, "elements.most").permutation([index for index in kept if index != target])
        room = settings.max_marks - (target >= 0)
        kept = sorted([*order[:room].tolist(), *([target] if target >= 0 else [])])
    groups: dict[int, list[int]] = {index: [] for index in kept}
    for index in candidates:
        if (root := root_of(into, index)) in groups:
            groups[root].append(index)
    position = {index: number for number, index in enumerate(kept)}
    return ChosenElements(
        tuple(_joined(named, groups[index], index, boxes[index]) for index in kept),
        tuple(
            position.get(root_of(into, index), -1) if index in into else -1 for index in range(len(elements))
        ),
        position.get(target, -1),
        tuple(
            "" if index in position else _why_no_mark(index, into, same) or why_not[index]
            for index in range(len(elements))
        ),
    )


def _why_no_mark(index: int, into: dict[int, int], same: Container[int]) -> str:
    """Say what kept a candidate from a mark of its own; "" for an element that was none."""
    if index not in into:
        return ""
    if into[index] == -1:
        return "a container, gives way to what it holds"
    if into[index] == index:
        return "left out by ui.max_marks"
    return f"{'the same as' if index in same else 'part of'} element {into[index]}"


def mark_elements(chosen: ChosenElements, key: str) -> Marks:
    """Number the chosen elements; numbers are shuffled, so that they say nothing of place or target.

    The point of a mark is the middle of its box's pixels; traces are (1, K, 3).
    """
    order = generator_of(key, "elements.numbers").permutation(len(chosen.elements))
    marks = []
    for number, index in enumerate(order.tolist(), start=1):
        one = chosen.elements[index]
        middle = ((one.x0 + one.x1 - 1) / 2, (one.y0 + one.y1 - 1) / 2)
        box = (one.x0, one.y0, one.x1, one.y1)
        marks.append(Mark(number, *middle, *box, index == chosen.target, one.text, one.role))
    points = np.array([[(mark.x, mark.y, 1.0) for mark in marks]], dtype=np.float32)
    return Marks(tuple(marks), points)


def clipped_boxes(elements: Sequence[Element], width: int, height: int) -> Boxes:
    """Cut the boxes at the picture's edges and round them to its 64ths of a pixel; (N, 4)."""
    boxes = np.array([box_of(one) for one in elements]).reshape(-1, 4)
    cut: Boxes = np.rint(np.clip(boxes, 0, [width, height, width, height]) * _GRID) / _GRID
    return cut


_HIDDEN, _OUTSIDE, _TINY = "hidden", "outside of the picture", "too small to be seen"
_NEVER = (_HIDDEN, _OUTSIDE, _TINY)  # what keeps also a target from being marked


def _why_not(one: Element, box: Boxes, width: int, height: int, settings: UiSettings) -> str:
    """Say in words why the element, clipped to `box`, gets no mark; "" if it may."""
    shown_width, shown_height = float(box[2] - box[0]), float(box[3] - box[1])
    shown = shown_width * shown_height
    if not one.visible:
        return _HIDDEN
    if shown <= 0:
        return _OUTSIDE if one.x1 > one.x0 and one.y1 > one.y0 else _TINY
    if min(shown_width, shown_height) < settings.min_side:
        return _TINY
    if not one.actionable:
        return "nothing to act on"
    if shown < _IN_VIEW * (one.x1 - one.x0) * (one.y1 - one.y0):
        return "mostly outside of the picture"
    if shown > settings.max_area * width * height:
        return "as large as the page"
    return ""


def verdicts(elements: Sequence[Element], width: int, height: int, settings: UiSettings) -> list[str]:
    """Say of each element why it gets no mark by itself, "" where it may; for a person."""
    boxes = clipped_boxes(elements, width, height)
    return [_why_not(one, box, width, height, settings) for one, box in zip(elements, boxes, strict=True)]


def _gaps(boxes: Boxes, point: tuple[float, float]) -> NDArray[np.float64]:
    """(N,) distances of the point from the boxes, 0 within them."""
    sides = np.maximum(np.maximum(boxes[:, :2] - point, point - boxes[:, 2:]), 0)
    gaps: NDArray[np.float64] = np.hypot(sides[:, 0], sides[:, 1])
    return gaps


def _find_target(
    elements: Sequence[Element],
    action: ScreenAction,
    boxes: Boxes,
    kept: Sequence[int],
    into: dict[int, int],
    wanted: int,
    why_not: Sequence[str],
    short_side: int,
) -> int:
    """Find the kept element that the action is done to, -1 where it is done to nothing."""
    if wanted >= 0 and (root := root_of(into, wanted)) >= 0:
        return root
    free = action.kind in UNTARGETED
    point = action.point if not free else None
    if point is not None:
        near = boxes[list(kept)]
        distance = _gaps(near, point)
        within = distance <= (0.0 if (distance == 0).any() else _NEAR * short_side)
        if within.any():
            # Of those around the point the smallest, else the nearest.
            order = np.where(within, np.where(distance > 0, distance, areas_of(near)), np.inf)
            return kept[int(np.argmin(order))]
    if free or (not action.targets and point is None and action.kind not in _TARGETED):
        return -1
    if action.targets:
        raise DataError("target_unmatched", f"the action's target is {why_not[action.targets[0]]}")
    if point is None:
        raise DataError("no_target", f"the action {action.kind!r} says neither where nor to what")
    raise DataError("target_unmatched", _why_no_box(elements, boxes, why_not, point))


def _why_no_box(
    elements: Sequence[Element], boxes: Boxes, why_not: Sequence[str], point: tuple[float, float]
) -> str:
    x, y = point
    around = [i for i, (x0, y0, x1, y1) in enumerate(boxes.tolist()) if x0 <= x <= x1 and y0 <= y <= y1]
    smallest = min(around, key=lambda index: float(areas_of(boxes[index])), default=-1)
    place = f"the action's point ({x:.0f}, {y:.0f}) is in no marked element"
    return f"{place}: the one there is {why_not[smallest] or 'a container'}" if smallest >= 0 else place


def _with_texts_inside(elements: Sequence[Element], boxes: Boxes, candidates: Sequence[int]) -> list[Element]:
    """The elements, candidates without a text with what is written in them, in reading order.

    A text belongs to the smallest candidate that it lies in.
    """
    texts: dict[int, list[int]] = {}
    near, areas = boxes[list(candidates)], areas_of(boxes[list(candidates)])
    for index, one in enumerate(elements):
        area = float(areas_of(boxes[index]))
        if not one.visible or one.actionable or not one.text.strip() or area <= 0:
            continue
        holds = shared_areas(boxes[index], near) >= INSIDE * area
        if holds.any():
            texts.setdefault(candidates[int(np.argmin(np.where(holds, areas, np.inf)))], []).append(index)
    named = list(elements)
    for index, inside in texts.items():
        if not named[index].text.strip():
            inside.sort(key=lambda i: (boxes[i][1], boxes[i][0], i))
            named[index] = replace(named[index], text=" ".join(elements[i].text for i in inside))
    return named


def _joined(elements: Sequence[Element], group: Sequence[int], root: int, box: Boxes) -> Element:
    """One element for the group: its root's box, its longest text, the first role that is a control's."""
    text = max((" ".join(elements[index].text.split()) for index in group), key=len)
    roles = [elements[index] for index in (root, *group) if elements[index].role]
    roles.sort(key=lambda one: not is_control(one))
    x0, y0, x1, y1 = box.tolist()
    return replace(
        elements[root],
        x0=x0,
        y0=y0,
        x1=x1,
        y1=y1,
        text=text[:_LONGEST_TEXT].strip(),
        role=roles[0].role if roles else "",
        actionable=True,
    )
