"""Android view trees as they come: the views that carry text or can be acted on, in pixels of the picture."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from somtom.schemas.annotation import Element
from somtom.schemas.reasons import DataError
from somtom.sources.boxes import Box, four_numbers
from somtom.sources.words import words_of

MAX_VIEWS = 20_000
MOST_TEXTS = 3  # in a view, for them to be its name
MAX_TEXT = 2_000  # characters of one view's text that are kept


@dataclass(frozen=True)
class View:
    """One view: its box on the device's screen, what it says, and whether it can be seen and acted on."""

    box: Box
    text: str = ""
    role: str = ""
    actionable: bool = False
    visible: bool = True

    @property
    def is_empty(self) -> bool:
        """Whether nothing of it is drawn: scrolled away views have their ends before their starts."""
        return self.box[2] <= self.box[0] or self.box[3] <= self.box[1]


def parse_box(value: object) -> Box:
    """Read [x0, y0, x1, y1] or [[x0, y0], [x1, y1]].

    >>> parse_box([[1, 2], [3, 4.5]]) == parse_box([1, 2, 3, 4.5]) == (1.0, 2.0, 3.0, 4.5)
    True

    Raises:
        DataError: `bad_box`: it is neither, or no box on a screen.
    """
    if isinstance(value, list) and len(value) == 2 and all(isinstance(one, list) for one in value):
        value = [*value[0], *value[1]]
    return four_numbers(value)


def walk_tree(root: object, children: str = "children") -> Iterator[Mapping[str, object]]:
    """Walk a nested tree of views, parents first, in order; what is null in it is skipped.

    Raises:
        DataError: `bad_record`: a node is no object, or there are more than `MAX_VIEWS`.
    """
    stack, count = [root], 0
    while stack:
        node = stack.pop()
        if node is None:
            continue
        if not isinstance(node, dict):
            raise DataError("bad_record", f"a view must be an object, is {type(node).__name__}")
        count += 1
        below = node.get(children) or []
        if not isinstance(below, list) or count + len(stack) + len(below) > MAX_VIEWS:
            raise DataError(
                "bad_record", f"a view's {children} are no list, or there are over {MAX_VIEWS} views"
            )
        yield node
        stack.extend(reversed(below))


def to_elements(
    views: Sequence[View], scale_x: float, scale_y: float, width: int, height: int
) -> list[Element]:
    """Scale views to the picture; those without text that nobody can act on are left out.

    Raises:
        DataError: `bad_record` (no views), `bad_box`: the boxes are in another convention or space.
    """
    if not views:
        raise DataError("bad_record", "the view tree is empty")
    seen = [view for view in views if view.visible]
    inverted = sum(view.box[2] < view.box[0] or view.box[3] < view.box[1] for view in seen)
    if 2 * inverted > len(seen):
        raise DataError(
            "bad_box", f"{inverted} of {len(seen)} boxes end before they start: not x0, y0, x1, y1"
        )
    drawn = [view for view in seen if not view.is_empty]
    if drawn and all(_outside(view.box, scale_x, scale_y, width, height) for view in drawn):
        raise DataError("bad_box", f"all {len(drawn)} boxes lie outside of the picture of {width}x{height}")
    return [to_element(view, scale_x, scale_y) for view in views if view.actionable or view.text]


def to_element(view: View, scale_x: float, scale_y: float) -> Element:
    """Scale one view to the picture."""
    x0, y0, x1, y1 = view.box
    return Element(
        x0 * scale_x,
        y0 * scale_y,
        x1 * scale_x,
        y1 * scale_y,
        view.text,
        view.role,
        view.actionable,
        view.visible and not view.is_empty,
    )


def text_at(views: Sequence[View], x: float, y: float) -> str:
    """What the smallest view that acts around a point of the device's screen says, "" where it says nothing.

    One without a text of its own says what is written in it, unless that is as much as a page.
    """
    around = [one for one in views if one.visible and _holds(one.box, x, y)]
    around = [one for one in around if one.actionable] or around
    if not around:
        return ""
    one = min(around, key=lambda view: _area(view.box))
    inside = [view.text for view in views if view.text and view.visible and _is_inside(view.box, one.box)]
    return one.text or (plain_text(" ".join(inside)) if len(inside) <= MOST_TEXTS else "")


def plain_text(*values: object) -> str:
    """Take the first value that says anything, in one line; lists stand for their first text.

    >>> plain_text(None, [None], " Sign\\n up ")
    'Sign up'
    """
    for value in values:
        one = next((item for item in value if item), None) if isinstance(value, list) else value
        if words := words_of(one):
            return words[:MAX_TEXT].rstrip()
    return ""


def role_of(class_name: object) -> str:
    """Name a view's role: the last part of its class.

    >>> role_of("android.widget.ImageButton"), role_of("com.a.Menu$Item"), role_of(None)
    ('ImageButton', 'Item', '')
    """
    last = class_name.replace("$", ".").rpartition(".")[2] if isinstance(class_name, str) else ""
    return plain_text(last)[:80]


def is_edit(role: str) -> bool:
    """Whether a role is a field for text, which can be typed into though it may not call itself clickable."""
    return role.endswith(("EditText", "AutoCompleteTextView"))


def _holds(box: Box, x: float, y: float) -> bool:
    return box[0] <= x < box[2] and box[1] <= y < box[3]


def _is_inside(inner: Box, outer: Box) -> bool:
    return all(inner[side] >= outer[side] and inner[side + 2] <= outer[side + 2] for side in (0, 1))


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _outside(box: Box, scale_x: float, scale_y: float, width: int, height: int) -> bool:
    x0, y0, x1, y1 = box
    return x1 * scale_x <= 0 or y1 * scale_y <= 0 or x0 * scale_x >= width or y0 * scale_y >= height
