"""DroidBot's events as actions: what was done, where, and in words."""

from collections.abc import Mapping
from dataclasses import dataclass

from somtom.schemas.reasons import DataError
from somtom.sources.action_words import action_words, direction_of
from somtom.sources.boxes import Box
from somtom.sources.view_hierarchy import View, is_edit, parse_box, plain_text, role_of

# event_type of droidbot/input_event.py -> kind of action; a select is sent as a touch.
_TOUCHES = {"touch": "click", "select": "click", "unselect": "click", "long_touch": "long_press"}
_KEYS = {"BACK": "back", "HOME": "home", "ENTER": "enter"}
_NOT_ON_SCREEN = ("manual", "exit", "kill_app", "spawn", "sim_app", "reset_app")


@dataclass(frozen=True)
class Event:
    """One event, in coordinates of the device.

    `view` is what it is done to as the event itself says it, None where it names none; `point` where it
    names a place. `start_state` names the state it was sent in, "" where that is unknown.
    """

    kind: str
    argument: str = ""
    view: Mapping[str, object] | None = None
    point: tuple[float, float] | None = None
    start_state: str = ""

    @property
    def words(self) -> str:
        """What was done, in words."""
        shown = parse_view(self.view).text if self.view is not None else ""
        return action_words(self.kind, self.argument, shown)


def parse_event(tree: object) -> Event:
    """Read what an event's file holds.

    Raises:
        DataError: `bad_record`, `bad_box`.
    """
    event = tree.get("event") if isinstance(tree, dict) else None
    if (
        not isinstance(tree, dict)
        or not isinstance(event, dict)
        or not isinstance(event.get("event_type"), str)
    ):
        raise DataError("bad_record", "an event's file must hold an `event` with an `event_type`")
    kind = event["event_type"]
    view = _view_of(event, "view")
    start = plain_text(tree.get("start_state"))
    if kind in _TOUCHES:
        return Event(_TOUCHES[kind], "", view, _point(event, "x", "y"), start)
    if kind == "set_text":
        return Event("type", plain_text(event.get("text")), view, _point(event, "x", "y"), start)
    if kind == "scroll":
        return Event("scroll", plain_text(event.get("direction")).lower(), view, None, start)
    if kind == "swipe":
        return Event("swipe", _direction(event), _view_of(event, "start_view"), None, start)
    if kind == "key":
        name = plain_text(event.get("name"))
        pressed = _KEYS.get(name.upper(), "press")
        return Event(pressed, name.lower() if pressed == "press" else "", start_state=start)
    if kind == "intent":
        app = _started(plain_text(event.get("intent")))
        return Event("open" if app else "", app, start_state=start)
    return Event("" if kind in _NOT_ON_SCREEN else plain_text(kind), start_state=start)


def parse_view(view: Mapping[str, object]) -> View:
    """Read one view of a state or an event.

    Raises:
        DataError: `bad_box`.
    """
    role = role_of(view.get("class"))
    acts = any(view.get(name) is True for name in ("clickable", "long_clickable", "editable")) or is_edit(
        role
    )
    return View(
        parse_box(view.get("bounds")),
        plain_text(view.get("text"), view.get("content_description")),
        role,
        acts and view.get("enabled") is not False,
        view.get("visible") is not False,
    )


def _view_of(event: Mapping[str, object], name: str) -> Mapping[str, object] | None:
    view = event.get(name)
    if view is not None and not isinstance(view, dict):
        raise DataError("bad_record", f"an event's {name} must be an object, is {type(view).__name__}")
    return view or None


def _point(event: Mapping[str, object], x_name: str, y_name: str) -> tuple[float, float] | None:
    x, y = event.get(x_name), event.get(y_name)
    if x is None or y is None:
        return None
    left, top, _, _ = parse_box([x, y, x, y])
    return left, top


def _direction(event: Mapping[str, object]) -> str:
    """Where a finger went: from the start's point or middle of its view to the end's."""
    ends = []
    for side in ("start", "end"):
        view = _view_of(event, f"{side}_view")
        point = _point(event, f"{side}_x", f"{side}_y")
        if point is None and view is not None:
            point = _middle(parse_box(view.get("bounds")))
        if point is None:
            raise DataError("bad_record", f"a swipe has no {side}")
        ends.append(point)
    return direction_of(ends[1][0] - ends[0][0], ends[1][1] - ends[0][1])


def _middle(box: Box) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def _started(intent: str) -> str:
    """The package that an `am start` command opens, "" for another command."""
    words = intent.split()
    if words[:2] != ["am", "start"]:
        return ""
    return next((word.partition("/")[0] for word in words[2:] if "/" in word), "")
