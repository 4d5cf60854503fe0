"""DroidBot's records of an app: screens with their views, and the events that led from one to the next."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import ClassVar

from somtom.schemas.annotation import Screen, ScreenAction
from somtom.schemas.reasons import DataError
from somtom.schemas.refs import Item
from somtom.sources.droidbot_events import Event, parse_event, parse_view
from somtom.sources.files import open_binary
from somtom.sources.fingerprint import fingerprint
from somtom.sources.images import read_image
from somtom.sources.json_files import MAX_JSON_BYTES, read_json
from somtom.sources.listing import Listed, list_files
from somtom.sources.screens import ScreenEpisode, ScreenSource
from somtom.sources.source import Found
from somtom.sources.view_hierarchy import MAX_VIEWS, View, to_element, to_elements

MAX_FILES = 100_000  # states and events of one run
MAX_SIDE = 1 << 16
SAME_SHAPE = (
    0.01  # share by which the root view's proportions may differ from the picture's to be the whole screen
)

_NAME = re.compile(r"(state|screen|event)_(.+)\.(json|png|jpg|jpeg)")
# The outer members of a state; within a text of a view their quotes would be escaped.
_STATE = re.compile(rb'"state_str"\s*:\s*"([^"\\]{1,200})"')
_ACTIVITY = re.compile(rb'"foreground_activity"\s*:\s*"([^"\\/]{1,200})/')


@dataclass(frozen=True, kw_only=True)
class DroidBotSource(ScreenSource):
    """Output folders of DroidBot: state_*.json, screen_* and event_*.json, in one folder or two."""

    kind: ClassVar[str] = "droidbot"

    @classmethod
    def recognise(cls, path: str) -> Found | None:
        """A folder with states in it, or in its folder `states`."""
        root = path.rstrip("/")
        states, events = (_found(root, kind) for kind in ("state", "event"))
        if not states or not _looked_at(states[0].locator)[0]:
            return None
        return Found({"path": path}, (f"a run of DroidBot: {len(states)} states, {len(events)} events",))

    def items(self, index: int) -> Iterator[Item]:
        """List the runs: folders that hold states or events."""
        files = list_files(self.path, include=("state_*.json", "event_*.json"))
        places: dict[str, str] = {}
        for file in files:
            inside = len(PurePosixPath(file.uri).parts) - len(PurePosixPath(_run_of(file.uri)).parts)
            places.setdefault(_run_of(file.uri), file.locator.rsplit("/", inside)[0])
        for uri in sorted(places):
            # A run that is the folder itself is named after it.
            yield Item(index, uri if uri != "." else self.name, places[uri])

    def open(self, uri: str, locator: str, payload: str) -> ScreenEpisode:
        """Read a run's events and which states they start from; see `ScreenSource.open`."""
        return _Run(locator)


@dataclass(frozen=True)
class _Step:
    """An event with the state that it starts from, or a state that nothing was done in."""

    tag: str
    state: Listed | None = None
    event: Event | None = None
    fault: DataError | None = None


class _Run(ScreenEpisode):
    is_trajectory = True

    def __init__(self, locator: str) -> None:
        files = [file for file in list_files(locator) if len(PurePosixPath(file.uri).parts) <= 2]
        if len(files) > MAX_FILES:
            raise DataError("bad_record", f"{len(files)} files in one run, {MAX_FILES} at most are read")
        named = {"state": {}, "screen": {}, "event": {}}  # type: dict[str, dict[str, Listed]]
        for file in files:
            if _run_of(file.uri) == "." and (found := _NAME.fullmatch(PurePosixPath(file.uri).name)):
                named[found[1]].setdefault(found[2], file)
        self._screens = named["screen"]
        looked_at = {tag: _looked_at(file.locator) for tag, file in named["state"].items()}
        packages = Counter(package for _, package in looked_at.values() if package)
        self.group = min(packages, key=lambda one: (-packages[one], one), default=PurePosixPath(locator).name)
        self._steps = _steps(
            named["state"], named["event"], {tag: name for tag, (name, _) in looked_at.items()}
        )
        self.count = len(self._steps)

    def instruction(self, step: int) -> str:
        """Nothing is asked for: DroidBot explores."""
        self._state(step)
        return ""

    def picture(self, step: int) -> bytes:
        """The screenshot; many are JPEG under the name of a PNG."""
        return read_image(self._shot(step))

    def fingerprint(self, step: int) -> str:
        """The screenshot's."""
        return fingerprint(self._shot(step))

    def screen(self, step: int, width: int, height: int) -> Screen:
        """The state's views, and the event's view among them."""
        tree = read_json(self._state(step).locator)
        nodes = tree.get("views") if isinstance(tree, dict) else None
        if not isinstance(tree, dict) or not isinstance(nodes, list) or len(nodes) > MAX_VIEWS:
            raise DataError("bad_record", f"a state must hold a list of up to {MAX_VIEWS} views")
        if not all(isinstance(node, dict) for node in nodes):
            raise DataError("bad_record", "a state's views must be objects")
        views = [parse_view(node) for node in nodes]
        scale_x, scale_y = _scale(tree, views, width, height)
        elements = to_elements(views, scale_x, scale_y, width, height)
        event = self._steps[step].event
        if event is None:
            return Screen(tuple(elements))
        targets, point = (), None  # type: tuple[int, ...], tuple[float, float] | None
        if event.view is not None:
            target = to_element(_same_view(event.view, nodes, views), scale_x, scale_y)
            if target not in elements:
                elements.append(target)
            targets = (elements.index(target),)
        elif event.point is not None:
            point = (event.point[0] * scale_x, event.point[1] * scale_y)
        return Screen(tuple(elements), ScreenAction(event.kind, event.argument, targets, point))

    def action_text(self, step: int) -> str:
        """The event in words."""
        event = self._steps[step].event
        return event.words if event is not None else ""

    def _state(self, step: int) -> Listed:
        one = self._steps[step]
        if one.fault is not None or one.state is None:
            raise one.fault or DataError(
                "missing", f"the event at {one.tag} starts from a state that is not there"
            )
        return one.state

    def _shot(self, step: int) -> str:
        tag = _tag_of(self._state(step))
        if tag not in self._screens:
            raise DataError(
                "missing", f"the state at {tag} has no screenshot: fetch screen_{tag}.png or .jpg"
            )
        return self._screens[tag].locator


def _steps(
    states: Mapping[str, Listed], events: Mapping[str, Listed], names: Mapping[str, str]
) -> tuple[_Step, ...]:
    """Put events in order of time, each with the state that it starts from; states of no event come alone.

    DroidBot writes a state when it is seen first and numbers no events: they name the state by its hash. Of
    several the last before the event is taken. Names of files are times, so that their order is that of time.
    """
    steps, used = [], set()
    for tag, file in events.items():
        try:
            event = parse_event(read_json(file.locator))
        except DataError as error:
            steps.append(_Step(tag, fault=DataError(error.reason, f"event_{tag}: {error.message}")))
            continue
        like = sorted(one for one in states if not event.start_state or names[one] == event.start_state)
        before = [one for one in like if one <= tag]
        start = before[-1] if before else (like[0] if like and event.start_state else "")
        used.add(start)
        steps.append(_Step(tag, states.get(start), event))
    steps += [_Step(tag, state) for tag, state in states.items() if tag not in used]
    return tuple(sorted(steps, key=lambda one: (one.tag, one.event is None)))


def _same_view(
    wanted: Mapping[str, object], nodes: Sequence[Mapping[str, object]], views: Sequence[View]
) -> View:
    """Find an event's view among those of the state, by its hash, then its number; else take it as it is."""
    same = [
        index
        for index, node in enumerate(nodes)
        if node.get("view_str") == wanted.get("view_str") is not None
    ]
    if not same:
        return parse_view(wanted)
    return views[next((i for i in same if nodes[i].get("temp_id") == wanted.get("temp_id")), same[0])]


def _scale(
    state: Mapping[str, object], views: Sequence[View], width: int, height: int
) -> tuple[float, float]:
    """Pixels of the picture for one of the device, along x and y.

    The device's size is in newer states; else it is that of the root view where this has the picture's
    proportions (windows of dialogs have not), and else that of the picture.
    """
    sides = [side for name in ("width", "height") if isinstance(side := state.get(name), int)]
    if len(sides) == 2 and all(0 < side < MAX_SIDE for side in sides):
        across, down = float(sides[0]), float(sides[1])
        if (across > down) != (width > height) and across != down and width != height:
            across, down = down, across
        return width / across, height / down
    left, top, across, down = views[0].box if views else (0.0, 0.0, 0.0, 0.0)
    is_whole = left == top == 0 < min(across, down)
    if is_whole and abs(across * height / (down * width) - 1) <= SAME_SHAPE:
        return width / across, height / down
    return 1.0, 1.0


def _found(root: str, kind: str) -> list[Listed]:
    """The states or events right in a run's folder, or in the one of their own."""
    for pattern in (f"{root}/{kind}_*.json", f"{root}/{kind}s/{kind}_*.json"):
        try:
            return list(list_files(pattern))
        except (DataError, OSError):
            continue
    return []


def _looked_at(locator: str) -> tuple[str, str]:
    """A state's hash and the package in front, found without parsing its views; "" where it says none."""
    with open_binary(locator) as file:
        data = file.read(MAX_JSON_BYTES)
    found = [pattern.search(data) for pattern in (_STATE, _ACTIVITY)]
    name, package = (one[1].decode("utf-8", "replace") if one else "" for one in found)
    return name, package


def _run_of(uri: str) -> str:
    """The folder of a run, "." for the outermost."""
    folder = PurePosixPath(uri).parent
    return str(folder.parent if folder.name in ("states", "events") else folder)


def _tag_of(file: Listed) -> str:
    return PurePosixPath(file.uri).stem.partition("_")[2]
