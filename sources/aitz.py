"""Android in the Zoo: episodes of Android in the Wild as JSON, with what was thought at each step."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import ClassVar

from somtom.schemas.annotation import Screen, ScreenAction
from somtom.schemas.check_sample import is_safe_uri
from somtom.schemas.reasons import DataError
from somtom.schemas.refs import Item
from somtom.sources.action_words import action_words
from somtom.sources.aitw_steps import make_action, make_point, make_views, scale_action
from somtom.sources.fingerprint import fingerprint
from somtom.sources.images import read_image
from somtom.sources.json_files import read_json
from somtom.sources.listing import list_files
from somtom.sources.screens import ScreenEpisode, ScreenSource
from somtom.sources.source import Found
from somtom.sources.view_hierarchy import View, plain_text, to_elements

MAX_STEPS = 10_000
LOOKED_AT = 3  # JSON files that are opened to recognise a folder


@dataclass(frozen=True, kw_only=True)
class AitzSource(ScreenSource):
    """Android in the Zoo: a folder of episodes, each a JSON file with its pictures beside it."""

    kind: ClassVar[str] = "aitz"

    @classmethod
    def recognise(cls, path: str) -> Found | None:
        """A folder of JSON files that are lists of steps with `ui_positions`."""
        try:
            files = list(list_files(path, include=("*.json",)))
            steps = [_first_step(file.locator) for file in files[:LOOKED_AT]]
        except (DataError, OSError):
            return None
        if not all(steps):
            return None
        thoughts = ", with thoughts" if "coat_action_think" in steps[0] else ""
        return Found({"path": path}, (f"{len(files)} episodes of Android in the Zoo{thoughts}",))

    def items(self, index: int) -> Iterator[Item]:
        """List the episodes: JSON files."""
        for file in list_files(self.path, include=("*.json",)):
            yield Item(index, file.uri, file.locator)

    def open(self, uri: str, locator: str, payload: str) -> ScreenEpisode:
        """Read an episode's file; see `ScreenSource.open`."""
        return _Episode(uri, locator)


class _Episode(ScreenEpisode):
    is_trajectory = True

    def __init__(self, uri: str, locator: str) -> None:
        tree = read_json(locator)
        if not isinstance(tree, list) or len(tree) > MAX_STEPS:
            raise DataError("bad_record", f"an episode must be a list of up to {MAX_STEPS} steps")
        self._steps: list[object] = tree
        self._folder = locator.rpartition("/")[0]
        self.count = len(tree)
        names = (plain_text(one.get("episode_id")) for one in tree if isinstance(one, dict))
        self.group = next((name for name in names if name), uri)

    def instruction(self, step: int) -> str:
        """What the whole episode is about."""
        return plain_text(self._step(step).get("instruction"))

    def picture(self, step: int) -> bytes:
        """The picture that lies beside the JSON file."""
        return read_image(self._shot(step))

    def fingerprint(self, step: int) -> str:
        """The picture's."""
        return fingerprint(self._shot(step))

    def screen(self, step: int, width: int, height: int) -> Screen:
        """Elements by OCR and icon detection, and the action."""
        one = self._step(step)
        views = _views(one)
        elements = to_elements(views, 1.0, 1.0, width, height) if views else ()
        return Screen(tuple(elements), scale_action(_action(one), width, height))

    def action_text(self, step: int) -> str:
        """The step in the words of the annotation, else in our own."""
        one = self._step(step)
        action = _action(one)
        return plain_text(one.get("coat_action_desc")) or action_words(action.kind, action.argument)

    def _step(self, step: int) -> Mapping[str, object]:
        one = self._steps[step]
        if not isinstance(one, dict):
            raise DataError("bad_record", f"step {step} must be an object, is {type(one).__name__}")
        return one

    def _shot(self, step: int) -> str:
        path = plain_text(self._step(step).get("image_path"))
        if not is_safe_uri(path):
            raise DataError(
                "unsafe_path", f"image_path {path[:80]!r} must be a relative path that does not climb"
            )
        # The path is from the split's folder; published episodes have their pictures beside them.
        return f"{self._folder}/{PurePosixPath(path).name}" if self._folder else PurePosixPath(path).name


def _views(step: Mapping[str, object]) -> list[View]:
    return make_views(*(_listed(step, f"ui_{name}") for name in ("positions", "text", "types")))


def _action(step: Mapping[str, object]) -> ScreenAction:
    touch, lift = (make_point(_listed(step, f"result_{name}_yx")) for name in ("touch", "lift"))
    return make_action(step.get("result_action_type"), step.get("result_action_text"), touch, lift)


def _listed(step: Mapping[str, object], name: str) -> Sequence[object]:
    """Read a list, which is JSON in a text."""
    value = step.get(name)
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise DataError("bad_record", f"{name} is not valid JSON: {error}") from error
    if not isinstance(value, list):
        raise DataError("bad_record", f"{name} must be a list, is {str(value)[:40]!r}")
    return value


def _first_step(locator: str) -> Mapping[str, object]:
    """The first step of a file that is an episode, nothing of another one."""
    try:
        tree = read_json(locator)
    except DataError:
        return {}
    first = tree[0] if isinstance(tree, list) and tree else None
    is_step = isinstance(first, dict) and {"ui_positions", "result_action_type"} <= first.keys()
    return first if isinstance(first, dict) and is_step else {}
