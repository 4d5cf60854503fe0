"""AndroidControl as UI-S1 and its like publish it: JSON lines of episodes, whose pictures are files."""

import json
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from somtom.schemas.annotation import Element, Screen, ScreenAction
from somtom.schemas.reasons import DataError
from somtom.schemas.refs import Item
from somtom.sources.action_words import action_words, direction_of, parse_point
from somtom.sources.boxes import box_in_pixels
from somtom.sources.fingerprint import fingerprint
from somtom.sources.images import read_image
from somtom.sources.listing import Listed
from somtom.sources.places import Place, placed_records, read_placed
from somtom.sources.screens import ScreenEpisode
from somtom.sources.view_hierarchy import plain_text

MAX_STEPS = 1_000
MAX_BOXES = 2_000  # of one step

SUFFIXES = (".json", ".jsonl", ".ndjson")

_BUTTONS = {"back": "back", "home": "home", "enter": "enter"}


def is_lines(uri: str) -> bool:
    """Whether a file's name is one of JSON."""
    return PurePosixPath(uri).suffix.lower() in SUFFIXES


def is_episode(record: object) -> bool:
    """Whether a record is an episode of this form."""
    steps = record.get("steps") if isinstance(record, dict) and "goal" in record else None
    return (
        isinstance(steps, list)
        and bool(steps)
        and isinstance(steps[0], dict)
        and "action_content" in steps[0]
    )


def line_items(index: int, file: Listed) -> Iterator[Item]:
    """List the episodes of one file."""
    for number, (place, record) in enumerate(placed_records(file.locator)):
        fault = f"record {number}: {record}" if isinstance(record, str) else ""
        says = {"at": place.at, "size": place.size} if place else {"fault": fault}
        yield Item(index, f"{file.uri}#record={number}", file.locator, json.dumps(says))


class LinesEpisode(ScreenEpisode):
    """One episode: a step for each action, with the boxes that it would be right to act on."""

    is_trajectory = True

    def __init__(self, uri: str, locator: str, payload: str, pictures: str, text: str) -> None:
        says = json.loads(payload)
        if "fault" in says:
            raise DataError("bad_record", says["fault"])
        episode = next(iter(read_placed(locator, [Place(says["at"], says["size"])])))
        steps = episode.get("steps")
        if not isinstance(steps, list) or len(steps) > MAX_STEPS:
            raise DataError("bad_record", f"an episode must hold a list of up to {MAX_STEPS} steps")
        self._steps: list[object] = steps
        self._goal = plain_text(episode.get("goal"))
        self._folder = pictures.rstrip("/") or locator.rpartition("/")[0]
        self._text = text
        self.count = len(steps)
        name = episode.get("episode_id")
        self.group = f"episode {name}" if isinstance(name, int | str) and str(name) else uri

    def instruction(self, step: int) -> str:
        """The episode's goal, or what the step's action is for."""
        one = self._step(step)
        return self._goal if self._text == "goal" else plain_text(one.get("step_instruction"))

    def picture(self, step: int) -> bytes:
        """The file that is named, in the folder of the pictures."""
        return read_image(self._shot(step))

    def fingerprint(self, step: int) -> str:
        """The picture's."""
        return fingerprint(self._shot(step))

    def screen(self, step: int, width: int, height: int) -> Screen:
        """The boxes that it would be right to act on, the best first, and the action."""
        action = self._action(step)
        options = self._step(step).get("check_options")
        boxes = options.get("candidate_bbox", []) if isinstance(options, dict) else []
        if not isinstance(boxes, list) or len(boxes) > MAX_BOXES:
            raise DataError("bad_record", f"candidate_bbox must be a list of up to {MAX_BOXES} boxes")
        elements = [Element(*box_in_pixels(box, "xyxy_px", width, height)) for box in boxes]
        if action.point is not None:
            x, y = action.point
            if not (0 <= x <= width and 0 <= y <= height):
                raise DataError(
                    "bad_action", f"the action's point {x:g}, {y:g} is outside of {width}x{height}"
                )
        targets = tuple(range(len(elements))) if action.point is not None else ()
        return Screen(tuple(elements), ScreenAction(action.kind, action.argument, targets, action.point))

    def action_text(self, step: int) -> str:
        """The action; for one at a point, which has no words, what it was for."""
        action = self._action(step)
        meant = plain_text(self._step(step).get("step_instruction")) if action.point is not None else ""
        return meant or action_words(action.kind, action.argument)

    def _step(self, step: int) -> Mapping[str, object]:
        one = self._steps[step]
        if not isinstance(one, dict):
            raise DataError("bad_record", f"step {step} must be an object, is {type(one).__name__}")
        return one

    def _shot(self, step: int) -> str:
        # The path is one of the machine that the file was made on: only its last part means something here.
        name = PurePosixPath(plain_text(self._step(step).get("screenshot"))).name
        if name in ("", ".", ".."):
            raise DataError("unsafe_path", f"step {step} names no picture")
        return f"{self._folder}/{name}" if self._folder else name

    def _action(self, step: int) -> ScreenAction:
        said = self._step(step).get("action_content")
        name = said.get("action") if isinstance(said, dict) else None
        if not isinstance(said, dict) or not isinstance(name, str):
            raise DataError("bad_action", "action_content must be an object with an action")
        match name:
            case "click" | "long_press":
                return ScreenAction(name, point=parse_point(said.get("coordinate"), "coordinate"))
            case "type" | "open":
                if not isinstance(said.get("text"), str):
                    raise DataError("bad_action", f"an action {name} must have a text")
                return ScreenAction(name, plain_text(said["text"]))
            case "swipe":
                start, end = (parse_point(said.get(key), key) for key in ("coordinate", "coordinate2"))
                return ScreenAction("swipe", direction_of(end[0] - start[0], end[1] - start[1]))
            case "system_button":
                button = plain_text(said.get("button")).lower()
                return ScreenAction(_BUTTONS.get(button, "press"), "" if button in _BUTTONS else button)
            case "wait":
                return ScreenAction("wait")
        raise DataError("unsupported", f"actions {name[:40]!r} are not known")
