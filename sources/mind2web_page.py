"""What a step of Mind2Web says: candidates with boxes in CSS pixels of the page, and one operation."""

import html
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from somtom.schemas.annotation import Element, Screen, ScreenAction
from somtom.schemas.reasons import DataError
from somtom.sources.boxes import Box, four_numbers
from somtom.sources.web_roles import ROLES, TAGS
from somtom.sources.words import shown, words_of

MAX_CANDIDATES = 20_000  # of one page
MAX_WORDS = 300  # characters gathered from the page for one element
PAGES = ("full", "viewport")
AGREES = 0.02  # share by which the page's size may differ from the picture's: a scroll bar, rounding

# A tag (its slash, name and attributes), or the text between two.
TOKEN = re.compile(r"<(/?)([A-Za-z][\w:-]*)([^<>]*)>|([^<]+)")
NODE = re.compile(r"""backend_node_id=["']?([^"'\s/>]+)""")
VOID = ("area", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr")  # hold nothing
MAX_PAGE = 1 << 24  # characters read
MAX_DEPTH = 500

# the operation's `original_op` -> the action
OPERATIONS = {"CLICK": "click", "TYPE": "type", "SELECT": "select", "HOVER": "hover", "ENTER": "enter"}

NAMES = ("aria_label", "alt", "title", "label", "placeholder", "input_value", "text_value", "value", "name")


@dataclass(frozen=True)
class Candidate:
    """An element of the page.

    Args:
        node: its id in the page.
        tag: in lower case.
        attributes: as stored.
        box: in CSS pixels from the page's top left corner; None where it is not shown.
        rank: 0 for what was acted on itself, 1 for the outermost element that is the same, 2 for others.
    """

    node: str
    tag: str
    attributes: Mapping[str, object]
    box: Box | None
    rank: int

    @property
    def role(self) -> str:
        """Its role where it has one, else its tag."""
        return words_of(self.attributes.get("role")) or self.tag

    @property
    def name(self) -> str:
        """What it is called, as far as its attributes say."""
        return next((words for name in NAMES if (words := words_of(self.attributes.get(name)))), "")

    @property
    def is_control(self) -> bool:
        """Whether a person can act on it."""
        clickable = self.attributes.get("is_clickable") in ("true", "True", True)
        return clickable or self.tag in TAGS or self.role.lower() in ROLES


def parse_operation(value: object) -> ScreenAction:
    """Read {op, original_op, value}, an object or its JSON; the action is without targets.

    Raises:
        DataError: `bad_record`.
    """
    operation = _object(value)
    if operation is None:
        raise DataError("bad_record", f"the operation must be an object, is {shown(value)}")
    names = (operation.get("original_op"), operation.get("op"))
    kind = next((OPERATIONS[name] for name in names if isinstance(name, str) and name in OPERATIONS), "")
    if not kind:
        raise DataError("bad_record", f"the operation {shown(names[0])} is none of {', '.join(OPERATIONS)}")
    return ScreenAction(kind, words_of(operation.get("value")) if kind in ("type", "select") else "")


def summary_in_words(summary: object) -> str:
    """What was done, from the data set's own summary.

    >>> summary_in_words("[button]  Search -> CLICK"), summary_in_words("[textbox]  Zip -> TYPE: 10203")
    ('click [button] Search', 'type [textbox] Zip: 10203')
    """
    target, _, done = words_of(summary).rpartition(" -> ")
    name, colon, argument = done.partition(":")
    return f"{name.lower()} {target}{colon}{argument}".strip()


def action_in_words(action: ScreenAction, targets: Sequence[Candidate]) -> str:
    """The same, where there is no summary: from the action and what it may be done to."""
    target = min(targets, key=lambda one: one.rank, default=None)
    words = action.kind if target is None else f"{action.kind} [{target.role}] {target.name}".strip()
    return f"{words}: {action.argument}" if action.argument else words


def parse_candidates(values: object, is_target: bool) -> list[Candidate]:
    """Read candidates, each an object or its JSON; those that are none are left out.

    Raises:
        DataError: `bad_record`: it is no list of them.
    """
    if values is None:
        values = []
    if not isinstance(values, list):
        raise DataError("bad_record", f"candidates must be a list, are {type(values).__name__}")
    if len(values) > MAX_CANDIDATES:
        raise DataError("bad_record", f"{len(values)} candidates, more than {MAX_CANDIDATES}")
    return [one for one in (_candidate(value, is_target) for value in values) if one is not None]


def _candidate(value: object, is_target: bool) -> Candidate | None:
    stored = _object(value)
    attributes = _object(stored.get("attributes")) if stored is not None else None
    if stored is None or attributes is None:
        return None
    rank = 0 if stored.get("is_original_target") else 1 if stored.get("is_top_level_target") else 2
    node = stored.get("backend_node_id", attributes.get("backend_node_id"))
    return Candidate(
        str(node) if isinstance(node, str | int) else "",
        words_of(stored.get("tag")).lower(),
        attributes,
        _box(attributes.get("bounding_box_rect")),
        rank if is_target else 2,
    )


def _object(value: object) -> Mapping[str, object] | None:
    """A JSON object, as it is or written out; None for anything else."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, dict) else None


def _box(rectangle: object) -> Box | None:
    """Read "x,y,width,height"; "-1,-1,-1,-1" stands for what is not shown."""
    parts = rectangle.split(",") if isinstance(rectangle, str) else []
    try:
        x, y, width, height = four_numbers([float(part) for part in parts])
    except (ValueError, DataError):
        return None
    return (x, y, x + width, y + height) if width > 0 and height > 0 else None


def make_screen(
    targets: list[Candidate],
    others: list[Candidate],
    action: ScreenAction,
    written: object,
    size: tuple[int, int],
    scale: float,
    page: str,
) -> Screen:
    """Bring the candidates to pixels of the picture; what lies outside of it is left out, but for targets.

    Args:
        targets: what the action may be done to.
        others: the rest of the page.
        action: what is done.
        written: the page's cleaned HTML, where texts are looked up by node; anything else is passed over.
        size: width and height of the picture.
        scale: pixels of the picture for each CSS pixel.
        page: "full": the whole page is pictured, "viewport": its first screen.

    Raises:
        DataError: `no_target`, `target_unmatched`, or `bad_box`: the page's size is not the picture's.
    """
    width, height = size
    if not targets:
        raise DataError("no_target", "pos_candidates is empty: what the step was done to is not in the page")
    check_scale([*targets, *others], size, scale, page)
    shown = sorted(((one, one.box) for one in targets if one.box), key=lambda pair: pair[0].rank)
    if not shown:
        raise DataError("target_unmatched", "the action's target is hidden: none of pos_candidates has a box")
    texts = _Texts(one.node for one in (*targets, *others))
    texts.read(written)
    elements = [_element(one, box, texts, scale, is_target=True) for one, box in shown]
    for one in others:
        if one.box and one.tag not in ("html", "body"):
            element = _element(one, one.box, texts, scale, is_target=False)
            if element.x0 < width and element.y0 < height and element.x1 > 0 and element.y1 > 0:
                elements.append(element)
    return Screen(tuple(elements), ScreenAction(action.kind, action.argument, tuple(range(len(shown)))))


def check_scale(candidates: Iterable[Candidate], size: tuple[int, int], scale: float, page: str) -> None:
    """Hold the page's size, if it is among the candidates, against the picture's.

    One side may differ: pages scroll sideways, and may be taller than their outermost element.

    Raises:
        DataError: `bad_box`, with the setting to change.
    """
    box = next((one.box for one in candidates if one.tag == "html" and one.box), None)
    if box is None:
        return
    width, height = size
    wide, high = (box[2] - box[0]) * scale, (box[3] - box[1]) * scale
    says = f"the page is {wide:.0f}x{high:.0f} at scale {scale:g}, its picture {width}x{height}"
    same_width = abs(wide - width) <= AGREES * width + 2
    if page == "full" and high > height * (1 + AGREES) + 2:
        if same_width:
            raise DataError("bad_box", f'{says}: if only the first screen is pictured, set page = "viewport"')
        raise DataError("bad_box", f"{says}: set scale, {width / (box[2] - box[0]):.4g} would fit the width")
    if not same_width and (page == "viewport" or abs(high - height) > AGREES * height + 2):
        raise DataError("bad_box", f"{says}: set scale, {width / (box[2] - box[0]):.4g} would fit the width")


def _element(one: Candidate, box: Box, texts: "_Texts", scale: float, is_target: bool) -> Element:
    x0, y0, x1, y1 = (value * scale for value in box)
    actionable = is_target or one.is_control
    text = texts.inside(one.node) if actionable else texts.own(one.node)
    return Element(
        x0, y0, x1, y1, text=text or (one.name if actionable else ""), role=one.role, actionable=actionable
    )


class _Texts:
    """Gathers what is written in some nodes of a page: in themselves, and with what is inside of them.

    Reads tags with one pattern, in time that grows with the page however broken it is, which parsers
    of HTML do not promise.
    """

    def __init__(self, nodes: Iterable[str]) -> None:
        self._own: dict[str, list[str]] = {node: [] for node in nodes}
        self._inside: dict[str, list[str]] = {node: [] for node in self._own}
        self._lengths = dict.fromkeys(self._own, 0)
        self._open: list[tuple[str, str]] = []  # tag and node of the elements around

    def read(self, page: object) -> None:
        """Read the page, if it is text."""
        for found in TOKEN.finditer(page[:MAX_PAGE]) if isinstance(page, str) else ():
            closing, tag, attributes, written = found.groups()
            if written:
                self._write(html.unescape(written).strip())
            elif closing:
                self._close(tag.lower())
            elif not attributes.endswith("/") and tag.lower() not in VOID and len(self._open) < MAX_DEPTH:
                node = NODE.search(attributes)
                self._open.append((tag.lower(), node[1] if node else ""))

    def own(self, node: str) -> str:
        return words_of(" ".join(self._own[node]))

    def inside(self, node: str) -> str:
        return words_of(" ".join(self._inside[node]))

    def _close(self, tag: str) -> None:
        for depth in range(len(self._open) - 1, -1, -1):
            if self._open[depth][0] == tag:
                del self._open[depth:]
                return

    def _write(self, words: str) -> None:
        if not words:
            return
        holder = next((node for tag, node in reversed(self._open) if tag != "text"), "")
        if holder in self._own:
            self._own[holder].append(words)
        for _, node in self._open:
            if node in self._inside and self._lengths[node] < MAX_WORDS:
                self._inside[node].append(words)
                self._lengths[node] += len(words) + 1
