"""What a step of Android in the Wild says, however it is stored.

Elements are as OCR and icon detection found them; the action is a number with two points. Coordinates are
stored (y, x), points as shares of the picture's sides (android_in_the_wild/README.md); here they are
turned to x before y at once.
"""

import math
from collections.abc import Sequence

from somtom.schemas.annotation import ScreenAction
from somtom.schemas.reasons import DataError
from somtom.sources.action_words import direction_of, parse_point
from somtom.sources.boxes import four_numbers
from somtom.sources.view_hierarchy import MAX_VIEWS, View, plain_text

TYPE, DUAL_POINT = 3, 4
# The rest of android_in_the_wild/action_type.py; its other numbers are unused.
PRESSED = {5: "back", 6: "home", 7: "enter", 10: "complete", 11: "impossible"}
MAX_TAP = 0.04  # how far apart the points of a tap may be, in shares of the sides (action_matching.py)
SLACK = 0.01  # share of a side that a point may lie outside of the picture

Point = tuple[float, float]  # x, y as shares of the picture's sides


def make_views(positions: Sequence[object], texts: Sequence[object], types: Sequence[object]) -> list[View]:
    """Make views of (y, x, height, width) boxes in any unit, of what is read in them and of their kinds.

    Raises:
        DataError: `bad_record` (other numbers of texts or kinds than of boxes), `bad_box`.
    """
    if not len(positions) == len(texts) == len(types):
        raise DataError(
            "bad_record", f"{len(positions)} positions, {len(texts)} texts and {len(types)} types of elements"
        )
    if len(positions) > MAX_VIEWS:
        raise DataError("bad_record", f"{len(positions)} elements, {MAX_VIEWS} at most are read")
    views = []
    for position, text, kind in zip(positions, texts, types, strict=True):
        y, x, height, width = four_numbers(position)
        views.append(View((x, y, x + width, y + height), plain_text(text), plain_text(kind), actionable=True))
    return views


def make_point(numbers: object) -> Point | None:
    """Read (y, x); None where the step has none, which is written as -1.

    Raises:
        DataError: `bad_action`.
    """
    y, x = parse_point(numbers, "a point, y and x,")
    if x == y == -1:
        return None
    if not all(-SLACK <= one <= 1 + SLACK for one in (x, y)):
        raise DataError("bad_action", f"a point's y and x must be 0 to 1, are {y:g}, {x:g}")
    return x, y


def make_action(kind: object, text: object, touch: Point | None, lift: Point | None) -> ScreenAction:
    """Make an action; the point of a tap stays in shares of the sides.

    A drag is a swipe in the direction that the finger went.

    Raises:
        DataError: `bad_action`, `unsupported` (a number that stands for nothing).
    """
    if isinstance(kind, bool) or not isinstance(kind, int):
        raise DataError("bad_action", f"the action's type must be a whole number, is {str(kind)[:40]!r}")
    if kind == TYPE:
        return ScreenAction("type", plain_text(text))
    if kind in PRESSED:
        return ScreenAction(PRESSED[kind])
    if kind != DUAL_POINT:
        raise DataError("unsupported", f"actions of type {kind} mean nothing")
    if touch is None or lift is None:
        raise DataError("bad_action", "a gesture lacks the point where it begins or ends")
    if math.dist(touch, lift) <= MAX_TAP:
        return ScreenAction("click", point=touch)
    return ScreenAction("swipe", direction_of(lift[0] - touch[0], lift[1] - touch[1]))


def scale_action(action: ScreenAction, width: int, height: int) -> ScreenAction:
    """Bring the point of an action to pixels of the picture."""
    if action.point is None:
        return action
    return ScreenAction(
        action.kind, action.argument, action.targets, (action.point[0] * width, action.point[1] * height)
    )
