"""AndroidControl: compressed TFRecord files with a `tf.train.Example` for each episode, or JSON lines."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import ClassVar

from somtom.schemas.annotation import Screen, ScreenAction
from somtom.schemas.keys import digest
from somtom.schemas.reasons import DataError
from somtom.schemas.record import load_json
from somtom.schemas.refs import Item
from somtom.sources.accessibility import parse_forest
from somtom.sources.action_words import action_words, parse_point
from somtom.sources.android_control_lines import LinesEpisode, is_episode, is_lines, line_items
from somtom.sources.images import MAX_IMAGE_BYTES
from somtom.sources.listing import list_files
from somtom.sources.places import placed_records
from somtom.sources.screen_stream import Payload, StreamedStep, StreamSource
from somtom.sources.screens import ScreenEpisode
from somtom.sources.source import Found
from somtom.sources.tf_example import Example
from somtom.sources.tfrecord import Span
from somtom.sources.view_hierarchy import View, plain_text, text_at, to_elements

TEXTS = ("goal", "step")
MAX_STEPS = 1_000
MOST_FILES = 100  # that are looked at to recognise a folder
MAX_TREE_BYTES = 1 << 24
FEATURES = ("screenshots", "actions", "goal", "accessibility_trees")

# action_type of android_control/README.md -> kind, and the member that holds its argument.
_ACTIONS = {
    "click": ("click", ""),
    "long_press": ("long_press", ""),
    "type": ("type", "text"),
    "input_text": ("type", "text"),
    "scroll": ("scroll", "direction"),
    "open_app": ("open", "app_name"),
    "navigate_home": ("home", ""),
    "navigate_back": ("back", ""),
    "wait": ("wait", ""),
}
_AT_A_POINT = ("click", "long_press", "type")


@dataclass(frozen=True, kw_only=True)
class AndroidControlSource(StreamSource):
    """AndroidControl's TFRecord files, or JSON lines made of them; `path` is a file, a folder or a glob."""

    kind: ClassVar[str] = "android-control"

    text: str = "goal"  # goal (of the episode) | step (what this action is for): the instruction
    pictures: str = ""  # the folder of the pictures that JSON lines name; "" = beside them

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.text not in TEXTS:
            raise ValueError(f"text must be one of {', '.join(TEXTS)}, got {self.text!r}")

    @classmethod
    def recognise(cls, path: str) -> Found | None:
        """TFRecord files, or files of JSON lines, of which the first record is an episode."""
        place, count = cls.files_of_kind(path)
        if place:
            return Found({"path": place}, (f"{count} files of AndroidControl",))
        try:
            files = [file for file in islice(list_files(path), MOST_FILES) if is_lines(file.uri)]
            mine = next((file for file in files if is_episode(_first_line(file.locator))), None)
        except (DataError, OSError):
            return None
        return Found({"path": mine.locator}, ("JSON lines of AndroidControl's episodes",)) if mine else None

    def items(self, index: int) -> Iterator[Item]:
        """List the TFRecord files, and the episodes of JSON lines."""
        files = list(list_files(self.path))
        lines = [item for file in files if is_lines(file.uri) for item in line_items(index, file)]
        whole = [Item(index, file.uri, file.locator) for file in files if not is_lines(file.uri)]
        yield from sorted(lines + whole, key=lambda item: item.uri)

    def open(self, uri: str, locator: str, payload: str) -> ScreenEpisode:
        """Read an episode of JSON lines, or start to walk over a TFRecord file."""
        if payload:
            return LinesEpisode(uri, locator, payload, self.pictures, self.text)
        return super().open(uri, locator, payload)

    @classmethod
    def is_mine(cls, payload: bytes) -> bool:
        """Whether a record has an episode's features."""
        try:
            return set(FEATURES) <= set(Example(io.BytesIO(payload), Span(0, len(payload))).keys)
        except DataError:
            return False

    def steps_of(self, payload: Payload) -> Iterator[StreamedStep]:
        """A step for each screenshot; after the last one nothing is done."""
        episode = _Episode(payload)
        for number in range(len(episode.shots)):
            yield _Step(episode, number, self.text)


def _first_line(locator: str) -> object:
    try:
        return next((record for _, record in placed_records(locator)), None)
    except DataError:
        return None


class _Episode:
    """One record: what is small of it is read at once."""

    def __init__(self, payload: Payload) -> None:
        self.payload = payload
        self.example = Example(io.BytesIO(payload.data), Span(0, len(payload.data)))
        self.shots = self.example.spans("screenshots")
        self.trees = self.example.spans("accessibility_trees")
        count = len(self.shots)
        if not 0 < count <= MAX_STEPS:
            raise DataError("bad_record", f"an episode has {count} screenshots, 1 to {MAX_STEPS} are read")
        self.actions = list(self.example.values("actions"))
        if len(self.actions) != count - 1:
            raise DataError("bad_action", f"{len(self.actions)} actions between {count} screenshots")
        self.texts = [_plain(one) for one in self.example.values("step_instructions")]
        if len(self.texts) not in (0, count - 1) or len(self.trees) not in (0, count):
            raise DataError(
                "bad_record",
                f"{len(self.texts)} step instructions and {len(self.trees)} trees of {count} screenshots",
            )
        self.goal = _plain(next(self.example.values("goal"), b""))
        identity = self.example.ints("episode_id").tolist()
        self.name = f"episode {identity[0]}" if identity else f"record {payload.number}"
        self.sizes = [self.example.ints(f"screenshot_{side}s").tolist() for side in ("width", "height")]


class _Step(StreamedStep):
    def __init__(self, episode: _Episode, number: int, text: str) -> None:
        self._episode, self._number, self._text = episode, number, text
        self.trajectory = episode.name
        self.follows = number > 0
        self.size = int(episode.shots[number][1])

    @property
    def fingerprint(self) -> str:
        """Of the whole record, and the step's number."""
        return digest("step", self._episode.payload.fingerprint, self._number)

    def instruction(self) -> str:
        """The episode's goal, or what the step's action is for."""
        return self._episode.goal if self._text == "goal" else self._step_text

    def picture(self) -> bytes:
        """The screenshot, a PNG."""
        data = self._episode.example.value("screenshots", self._episode.shots[self._number], MAX_IMAGE_BYTES)
        if not data:
            raise DataError("missing", f"screenshot {self._number} has no bytes")
        return data

    def screen(self, width: int, height: int) -> Screen:
        """Nodes of the accessibility tree, and the action."""
        across, down = self._device(width, height)
        elements = (
            to_elements(self._views, width / across, height / down, width, height) if self._views else ()
        )
        action = self._action
        if action.point is None:
            return Screen(tuple(elements), action)
        x, y = action.point
        if not (0 <= x <= across and 0 <= y <= down):
            raise DataError("bad_action", f"the action's point {x:g}, {y:g} is outside of {across}x{down}")
        point = (x * width / across, y * height / down)
        return Screen(tuple(elements), ScreenAction(action.kind, action.argument, (), point))

    def words(self) -> str:
        """The action, with what is read where it is done; where nothing is, what the step was for."""
        action = self._action
        if action.point is None:
            return action_words(action.kind, action.argument)
        shown = text_at(self._views, *action.point)
        if not shown and action.kind != "type" and self._step_text:
            return self._step_text
        return action_words(action.kind, action.argument, shown)

    @property
    def _step_text(self) -> str:
        """Several actions may be for one step: then it is repeated."""
        return self._episode.texts[self._number] if self._number < len(self._episode.texts) else ""

    @cached_property
    def _views(self) -> list[View]:
        if not len(self._episode.trees):
            return []
        place = self._episode.trees[self._number]
        return parse_forest(self._episode.example.value("accessibility_trees", place, MAX_TREE_BYTES))

    @cached_property
    def _action(self) -> ScreenAction:
        """With its point in pixels of the device."""
        if self._number == len(self._episode.actions):
            return ScreenAction()
        try:
            said = load_json(self._episode.actions[self._number])
        except DataError as error:
            raise DataError("bad_action", error.message) from error
        name = said.get("action_type") if isinstance(said, dict) else None
        if not isinstance(said, dict) or not isinstance(name, str):
            raise DataError("bad_action", "an action must be an object with an action_type")
        if name not in _ACTIONS:
            raise DataError("unsupported", f"actions of type {name[:40]!r} are not known")
        kind, member = _ACTIONS[name]
        argument = plain_text(said.get(member)) if member else ""
        if member and not isinstance(said.get(member), str):
            raise DataError("bad_action", f"an action {name} must have a text as {member}")
        if name not in _AT_A_POINT:
            return ScreenAction(kind, argument.lower() if kind == "scroll" else argument)
        point = parse_point([said.get("x"), said.get("y")], f"x and y of {name}")
        return ScreenAction(kind, argument, point=point)

    def _device(self, width: int, height: int) -> tuple[int, int]:
        """Size of the screen in its own pixels: what the record says, else that of the picture."""
        if not all(len(sides) == len(self._episode.shots) for sides in self._episode.sizes):
            return width, height
        across, down = (int(sides[self._number]) for sides in self._episode.sizes)
        if not (0 < across < 1 << 16 and 0 < down < 1 << 16):
            raise DataError("bad_record", f"a screenshot of {across}x{down} cannot be")
        return across, down


def _plain(value: bytes) -> str:
    return plain_text(value.decode("utf-8", "replace"))
