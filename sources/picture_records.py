"""What sources of annotated pictures share: records that each ask for something in a picture.

An item is a picture; its steps are what is asked for in it, in the order of the records. All the boxes that
the records give for a picture are its elements, and a step's own one is what is to be clicked.
"""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from posixpath import normpath
from typing import ClassVar

from somtom.schemas.annotation import Element, Screen, ScreenAction
from somtom.schemas.check_sample import is_safe_uri
from somtom.schemas.keys import digest
from somtom.schemas.reasons import DataError
from somtom.schemas.refs import Item
from somtom.sources.boxes import CONVENTIONS, box_in_pixels
from somtom.sources.files import is_remote, local_path
from somtom.sources.fingerprint import fingerprint, shared_fingerprint
from somtom.sources.images import read_image
from somtom.sources.parquet_cells import ParquetCells
from somtom.sources.places import PICTURE, Place, list_tables, placed_records, read_placed, table_locator
from somtom.sources.screens import ScreenEpisode, ScreenSource
from somtom.sources.words import words_of

MAX_NAME = 1000  # characters of a picture's path


@dataclass(frozen=True)
class Asked:
    """What one record asks for, as stored.

    Args:
        instruction: what is asked for.
        box: in any convention.
        text: what is written on the element, or what it is called.
        role: what kind of element it is.
        size: width and height of the picture that the box is meant for; None where they are not given.
    """

    instruction: object
    box: object
    text: object = ""
    role: object = ""
    size: object = None


@dataclass(frozen=True, kw_only=True)
class PictureRecords(ScreenSource, ABC):
    """A kind says what its records are: which picture, what is asked for in it, and how boxes are written."""

    kind: ClassVar[str]

    path: str  # the folder that the pictures are in; local or a Beam URI
    annotations: str = ""  # the annotation file, or a folder or glob of them; "" = those in `path`
    boxes: str = ""  # xyxy_px | xywh_px | xyxy_ratio | xywh_ratio: how boxes are written; "" = as documented

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.boxes and self.boxes not in CONVENTIONS:
            raise ValueError(f"boxes must be empty or one of {', '.join(CONVENTIONS)}, got {self.boxes!r}")

    @abstractmethod
    def picture_of(self, record: Mapping[str, object]) -> object:
        """The picture's path as the record gives it; None where it is embedded and has no name."""

    @abstractmethod
    def asked_in(self, record: Mapping[str, object]) -> list[Asked]:
        """What the record asks for.

        Raises:
            DataError: `bad_record`, `unsupported`.
        """

    @abstractmethod
    def convention(self, table: str) -> str:
        """How boxes are written in an annotation file of this name, if `boxes` is empty."""

    def group_of(self, uri: str, record: Mapping[str, object]) -> str:
        """What shares a split; the picture, unless the records say more."""
        return uri

    @property
    def tables(self) -> str:
        """Where the annotation files are."""
        return self.annotations or self.path

    def items(self, index: int) -> Iterator[Item]:
        """List the pictures, and one item for each record that names none; see `Source.items`."""
        if not is_remote(self.path) and not local_path(self.path).exists():
            raise DataError("missing", f"path {self.path!r} is not there")
        places: dict[str, dict[str, list[tuple[int, int]]]] = {}
        items: list[Item] = []
        for table in list_tables(self.tables):
            try:
                for number, (place, record) in enumerate(placed_records(table.locator), start=1):
                    row = f"{table.uri}#n={number}"
                    try:
                        if isinstance(record, str) or place is None:
                            raise DataError("bad_record", str(record))
                        name = self.picture_of(record)
                        uri = row if name is None else picture_uri(name)
                    except DataError as error:
                        items.append(unusable(index, row, table.locator, error))
                    else:
                        here = places.setdefault(uri, {}).setdefault(table.uri, [])
                        here.append((place.at, place.size))
            except DataError as error:
                items.append(unusable(index, table.uri, table.locator, error))
        for uri, tables in places.items():
            first = next(iter(tables))
            embedded = PurePosixPath(first).suffix.lower() == ".parquet"
            locator = table_locator(self.tables, first) if embedded else self._locator(uri)
            items.append(Item(index, uri, locator, json.dumps({"tables": tables})))
        yield from sorted(items, key=lambda item: item.uri)

    def _locator(self, uri: str) -> str:
        return f"{self.path.rstrip('/') or '/'}/{uri}"

    def open(self, uri: str, locator: str, payload: str) -> ScreenEpisode:
        """Read a picture's records; see `ScreenSource.open`."""
        says = json.loads(payload)
        if "reason" in says:
            raise DataError(says["reason"], says["message"])
        asked: list[tuple[Asked, str]] = []
        records: list[Mapping[str, object]] = []
        fault: DataError | None = None
        for table, places in says["tables"].items():
            for record in read_placed(table_locator(self.tables, table), [Place(*one) for one in places]):
                name = self.picture_of(record)
                if name is not None and picture_uri(name) != uri:
                    raise DataError("changed_input", f"{table} is not what was planned: plan again")
                records.append(record)
                try:
                    convention = self.boxes or self.convention(table)
                    asked += [(one, convention) for one in self.asked_in(record)]
                except DataError as error:
                    fault = error
        if not asked:
            raise fault or DataError("bad_record", "the record holds no element")
        table, places = next(iter(says["tables"].items()))
        picture: _PictureFile | _EmbeddedPicture = _PictureFile(locator)
        group = self.group_of(uri, records[0])
        if isinstance(records[0].get(PICTURE), dict):
            picture = _EmbeddedPicture(table_locator(self.tables, table), places[0][0])
            if self.picture_of(records[0]) is None:
                # Rows that show one picture must share a split, and nothing but its bytes tells.
                group = digest(hashlib.blake2b(picture.data).hexdigest())
        return PictureEpisode(picture, asked, group, digest(records))


def picture_uri(name: object) -> str:
    """A picture's path, made plain: relative to the folder of the pictures, and inside of it.

    >>> picture_uri("./images/a b.png")
    'images/a b.png'

    Raises:
        DataError: `bad_record` or `unsafe_path`.
    """
    if not isinstance(name, str) or not name.strip():
        raise DataError("bad_record", "the record names no picture")
    if not is_safe_uri(name):
        raise DataError("unsafe_path", f"{name[:200]!r} leaves the folder of the pictures")
    if len(name) > MAX_NAME or not name.isprintable():
        raise DataError("bad_record", f"{name[:80]!r} can be no file's name")
    return normpath(name)


def unusable(index: int, uri: str, locator: str, error: DataError) -> Item:
    """An item that is there for its reject: its payload says why it cannot be opened."""
    return Item(index, uri, locator, json.dumps({"reason": error.reason, "message": error.message}))


class _PictureFile:
    """A picture that is a file."""

    def __init__(self, locator: str) -> None:
        self._locator = locator

    @cached_property
    def data(self) -> bytes:
        return read_image(self._locator)

    @cached_property
    def stamp(self) -> str:
        return fingerprint(self._locator)


class _EmbeddedPicture:
    """A picture in a row of a Parquet file."""

    def __init__(self, locator: str, row: int) -> None:
        self._locator = locator
        self._row = row

    @cached_property
    def data(self) -> bytes:
        held = ParquetCells(self._locator).row(self._row, [f"{PICTURE}.bytes"])[PICTURE]
        data = held.get("bytes") if isinstance(held, dict) else None
        if not isinstance(data, bytes) or not data:
            raise DataError("bad_record", f"row {self._row} holds no picture in its column {PICTURE!r}")
        return data

    @cached_property
    def stamp(self) -> str:
        return digest(shared_fingerprint(self._locator), self._row)


class PictureEpisode(ScreenEpisode):
    """What is asked for in one picture; all its boxes are its elements."""

    is_trajectory = False

    def __init__(
        self,
        picture: _PictureFile | _EmbeddedPicture,
        asked: list[tuple[Asked, str]],
        group: str,
        records: str,
    ) -> None:
        self.count = len(asked)
        self.group = group
        self._picture = picture
        self._asked = asked
        self._records = records
        self._boxes: dict[tuple[int, int], list[Element | DataError]] = {}

    def instruction(self, step: int) -> str:
        """What the record asks for."""
        text = words_of(self._asked[step][0].instruction)
        if not text:
            raise DataError("bad_record", "the record asks for nothing: its instruction is no text, or empty")
        return text

    def picture(self, step: int) -> bytes:
        """The picture, the same for every step."""
        return self._picture.data

    def fingerprint(self, step: int) -> str:
        """A hash of the picture's file and of the records."""
        return digest(self._picture.stamp, self._records)

    def picture_fingerprint(self, step: int) -> str:
        """The picture's own."""
        return self._picture.stamp

    def screen(self, step: int, width: int, height: int) -> Screen:
        """All boxes that can be used, and a click on the step's own."""
        if (width, height) not in self._boxes:
            self._boxes[width, height] = [_element(one, how, width, height) for one, how in self._asked]
        boxes = self._boxes[width, height]
        own = boxes[step]
        if isinstance(own, DataError):
            raise own
        elements = tuple(one for one in boxes if isinstance(one, Element))
        target = sum(isinstance(one, Element) for one in boxes[:step])
        return Screen(elements, ScreenAction("click", targets=(target,)))


def _element(asked: Asked, convention: str, width: int, height: int) -> Element | DataError:
    if asked.size is not None and asked.size != [width, height]:
        size = str(asked.size)[:40]
        return DataError("bad_box", f"the box is meant for a picture of {size}, this one is {width}x{height}")
    try:
        box = box_in_pixels(asked.box, convention, width, height)
    except DataError as error:
        return error
    return Element(*box, text=words_of(asked.text), role=words_of(asked.role))
