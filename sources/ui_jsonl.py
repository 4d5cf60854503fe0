"""Anything else that is done at screenshots: records of a picture, its elements and what is asked for.

A record is {image, instruction, elements: [{box, text, role}], target, action: {kind, argument}}, and for
the steps of an episode {episode, step}. Its target is the index of an element, a box, or a point [x, y];
boxes and points are written as the setting `boxes` says.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar
from urllib.parse import quote

from somtom.schemas.annotation import Element, Screen, ScreenAction
from somtom.schemas.keys import digest
from somtom.schemas.reasons import DataError
from somtom.schemas.refs import Item
from somtom.sources.action_words import action_words
from somtom.sources.boxes import CONVENTIONS, box_in_pixels
from somtom.sources.files import is_remote, local_path
from somtom.sources.fingerprint import shared_fingerprint
from somtom.sources.images import read_image
from somtom.sources.listed_elements import ListedElements, check_convention, listed_elements
from somtom.sources.peeking import peek_records
from somtom.sources.picture_records import picture_uri
from somtom.sources.places import Place, list_tables, placed_records, read_placed, table_locator
from somtom.sources.screens import ScreenEpisode, ScreenSource
from somtom.sources.source import Found
from somtom.sources.words import words_of

MAX_EPISODE = 200  # characters of an episode's name
MAX_STEPS = 10_000  # of an episode

Record = Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class UiJsonlSource(ScreenSource):
    """A JSON, JSONL or Parquet file of screenshots, their elements, and instructions or actions."""

    kind: ClassVar[str] = "ui-jsonl"

    path: str  # the folder that the pictures are in; local or a Beam URI
    annotations: str  # the file of records, or a folder or glob of them
    boxes: str = "xyxy_px"  # xyxy_px | xywh_px | xyxy_ratio | xywh_ratio: how boxes and points are written

    def __post_init__(self) -> None:
        super().__post_init__()
        check_convention(self.boxes, tuple(CONVENTIONS))

    @classmethod
    def recognise(cls, path: str) -> Found | None:
        """Look for records of a picture and its elements' boxes; see `Source.recognise`."""
        peeked = peek_records(path, lambda record: bool("image" in record and _boxes_in(record)))
        return peeked.found(_boxes_in, "xyxy_px") if peeked else None

    def items(self, index: int) -> Iterator[Item]:
        """List the episodes, and the records that are of none; see `Source.items`."""
        if not is_remote(self.path) and not local_path(self.path).is_dir():
            raise DataError("missing", f"path {self.path!r} is no folder")
        items: list[Item] = []
        for table in list_tables(self.annotations):
            listed: dict[str, _Listed] = {}
            try:
                for number, (place, record) in enumerate(placed_records(table.locator), start=1):
                    row = f"{table.uri}#n={number}"
                    try:
                        uri, step = _episode_of(record, row)
                    except DataError as error:
                        uri, step, place = row, None, None
                        listed[uri] = _Listed(fault=error)
                    if place is not None:
                        listed.setdefault(uri, _Listed()).steps.append((step, place))
            except DataError as error:
                listed[table.uri] = _Listed(fault=error)
            items += [Item(index, uri, table.locator, one.payload(table.uri)) for uri, one in listed.items()]
        yield from sorted(items, key=lambda item: item.uri)

    def open(self, uri: str, locator: str, payload: str) -> ScreenEpisode:
        """Read an episode's records; see `ScreenSource.open`."""
        says = json.loads(payload)
        if "reason" in says:
            raise DataError(says["reason"], says["message"])
        table = table_locator(self.annotations, says["table"])
        records = list(read_placed(table, [Place(*one) for one in says["places"]]))
        if any(_episode_of(record, uri)[0] != uri for record in records):
            raise DataError("changed_input", f"{says['table']} is not what was planned: plan again")
        return _Episode(self.path, uri, records, self.boxes)


@dataclass
class _Listed:
    """The places of an item's records with their step numbers, or what is wrong with it."""

    steps: list[tuple[int | None, Place]] = field(default_factory=list)
    fault: DataError | None = None

    def payload(self, table: str) -> str:
        try:
            if self.fault is not None:
                raise self.fault
            places = [(place.at, place.size) for place in _in_order(self.steps)]
        except DataError as error:
            return json.dumps({"reason": error.reason, "message": error.message})
        return json.dumps({"table": table, "places": places})


def _in_order(steps: Sequence[tuple[int | None, Place]]) -> list[Place]:
    """An episode's records by their step numbers, or as they come where none has one."""
    numbers = [number for number, _ in steps if number is not None]
    if len(steps) > MAX_STEPS:
        raise DataError("unsupported", f"an episode of {len(steps)} steps, {MAX_STEPS} at most are read")
    if not numbers:
        return [place for _, place in steps]
    if len(numbers) < len(steps) or len(set(numbers)) < len(numbers):
        raise DataError("bad_record", "some steps of the episode have no number of their own")
    return [place for _, place in sorted(steps, key=lambda one: one[0] or 0)]


def _episode_of(record: Record | str, row: str) -> tuple[str, int | None]:
    """The item that a record belongs to and its step; `row` names it where it is of no episode."""
    if isinstance(record, str):
        raise DataError("bad_record", record)
    episode, step = record.get("episode"), record.get("step")
    if step is not None and (isinstance(step, bool) or not isinstance(step, int)):
        raise DataError("bad_record", f"step must be a whole number, is {str(step)[:40]!r}")
    if episode is None:
        return row, None
    if isinstance(episode, bool) or not isinstance(episode, str | int) or not str(episode).strip():
        raise DataError("bad_record", f"episode must be a text or number, is {str(episode)[:40]!r}")
    if len(str(episode)) > MAX_EPISODE:
        raise DataError("bad_record", f"episode {str(episode)[:40]!r}... is longer than {MAX_EPISODE}")
    name = quote(str(episode).encode("utf-8", "surrogatepass"), safe="")
    return f"{row.partition('#')[0]}#episode={name}", step


class _Episode(ScreenEpisode):
    def __init__(self, root: str, uri: str, records: Sequence[Record], convention: str) -> None:
        self.count = len(records)
        self.is_trajectory = "#episode=" in uri
        first = records[0].get("image")
        self.group = uri if self.is_trajectory or not isinstance(first, str) else words_of(first)
        self._root, self._records, self._convention = root, records, convention

    def instruction(self, step: int) -> str:
        """What the record asks for, "" where it has no instruction."""
        value = self._records[step].get("instruction")
        if not isinstance(value, str | None):
            raise DataError("bad_record", f"instruction must be text, is {str(value)[:40]!r}")
        return words_of(value)

    def picture(self, step: int) -> bytes:
        """The file that the record names."""
        return read_image(self._locator(step))

    def fingerprint(self, step: int) -> str:
        """Of the picture and the record."""
        return digest(shared_fingerprint(self._locator(step)), repr(self._records[step]))

    def picture_fingerprint(self, step: int) -> str:
        """The picture's own."""
        return shared_fingerprint(self._locator(step))

    def _locator(self, step: int) -> str:
        return f"{self._root.rstrip('/') or '/'}/{picture_uri(self._records[step].get('image'))}"

    def screen(self, step: int, width: int, height: int) -> Screen:
        """The elements and the action on its target; a target's box that is no element's becomes one."""
        record = self._records[step]
        listed = listed_elements(_or(record.get("elements"), []), self._convention, width, height)
        kind, argument = _action_of(record)
        target = record.get("target")
        if target is None:
            return Screen(listed.elements, ScreenAction(kind, argument))
        if isinstance(target, list) and len(target) == 2:
            point = _point(target, self._convention, width, height)
            return Screen(listed.elements, ScreenAction(kind, argument, point=point))
        if isinstance(target, list):
            own = Element(*box_in_pixels(target, self._convention, width, height))
            return Screen(
                (*listed.elements, own), ScreenAction(kind, argument, targets=(len(listed.elements),))
            )
        return Screen(listed.elements, ScreenAction(kind, argument, targets=(_index(target, listed),)))

    def action_text(self, step: int) -> str:
        """The action with what its target says."""
        record = self._records[step]
        try:
            kind, argument = _action_of(record)
        except DataError:
            return ""
        elements, target = record.get("elements"), record.get("target")
        text = ""
        if isinstance(elements, list) and isinstance(target, int) and 0 <= target < len(elements):
            one = elements[target]
            text = words_of(one.get("text")) if isinstance(one, dict) else ""
        return action_words(kind, argument, text)


def _action_of(record: Record) -> tuple[str, str]:
    action = _or(record.get("action"), {})
    if isinstance(action, str):
        action = {"kind": action}
    if not isinstance(action, dict):
        raise DataError("bad_record", f"action must be {{kind, argument}}, is {str(action)[:40]!r}")
    kind, argument = _or(action.get("kind"), ""), _or(action.get("argument"), "")
    if not isinstance(kind, str) or not isinstance(argument, str):
        raise DataError("bad_record", "an action's kind and argument must be text")
    return words_of(kind), words_of(argument)


def _or(value: object, default: object) -> object:
    return default if value is None else value


def _index(target: object, listed: ListedElements) -> int:
    if isinstance(target, bool) or not isinstance(target, int) or not 0 <= target < len(listed.of_list):
        raise DataError(
            "bad_record",
            f"target must be a box, a point or the index of one of {len(listed.of_list)} elements, is "
            f"{str(target)[:40]!r}",
        )
    found = listed.of_list[target]
    if isinstance(found, DataError):
        raise DataError(found.reason, f"the target's box: {found.message}")
    return found


def _point(value: Sequence[object], convention: str, width: int, height: int) -> tuple[float, float]:
    """A point in pixels; one that does not lie in the picture is refused."""
    across, down = (width, height) if CONVENTIONS[convention][1] else (1, 1)
    x, y = (_number(one) for one in value)
    if not (0 <= x * across <= width and 0 <= y * down <= height):
        raise DataError(
            "bad_box", f"the point {x:g}, {y:g} is not in {width}x{height} as {convention} (boxes)"
        )
    return x * across, y * down


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1e9 < value < 1e9:
        raise DataError("bad_record", f"a point must be two numbers, is {str(value)[:40]!r}")
    return float(value)


def _boxes_in(record: Record) -> list[object]:
    elements = record.get("elements")
    listed = elements if isinstance(elements, list) else []
    return [one["box"] for one in listed if isinstance(one, dict) and "box" in one]
