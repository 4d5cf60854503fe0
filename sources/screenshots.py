"""Screenshots with nothing beside them, or with the boxes that a model found.

Without boxes the elements are found in the pixels (the setting `tracking.detect`).
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePosixPath
from typing import ClassVar

from somtom.schemas.annotation import Screen
from somtom.schemas.keys import digest
from somtom.schemas.reasons import DataError
from somtom.schemas.refs import Item
from somtom.sources.boxes import CONVENTIONS
from somtom.sources.fingerprint import shared_fingerprint
from somtom.sources.images import SUFFIXES, read_image
from somtom.sources.json_files import read_json
from somtom.sources.listed_elements import check_convention, listed_elements, parsed_content
from somtom.sources.listing import list_files
from somtom.sources.peeking import peek_records
from somtom.sources.picture_records import picture_uri
from somtom.sources.places import Place, list_tables, placed_records, read_placed, table_locator
from somtom.sources.screens import ScreenEpisode, ScreenSource
from somtom.sources.source import Found

STEM = "{stem}"
PEEKED = 200  # pictures counted
_ANY_CASE = tuple("*" + "".join(f"[{c}{c.upper()}]" if c.isalpha() else c for c in one) for one in SUFFIXES)


@dataclass(frozen=True)
class ScreenshotsSource(ScreenSource):
    """A file, folder, glob or @list of pictures, each a screenshot."""

    kind: ClassVar[str] = "screenshots"

    annotations: str = ""  # a model's boxes: a JSON(L) or Parquet file, or "parsed/{stem}.json"
    boxes: str = "xyxy_px"  # xyxy_px | xywh_px | xyxy_ratio | xywh_ratio; OmniParser's own are known

    def __post_init__(self) -> None:
        super().__post_init__()
        check_convention(self.boxes, tuple(CONVENTIONS))
        if self.annotations.count(STEM) > 1:
            raise ValueError(f'annotations must hold "{STEM}" once at most, got {self.annotations!r}')

    @classmethod
    def recognise(cls, path: str) -> Found | None:
        """Look for any picture, and for a model's boxes; see `Source.recognise`."""
        peeked = peek_records(path, lambda record: "image" in record and bool(_boxes_in(record)))
        if peeked:
            return peeked.found(_boxes_in, "xyxy_px")
        try:
            count = len(list(islice(list_files(path, include=_ANY_CASE), PEEKED)))
        except (DataError, OSError):
            return None
        more = " or more" if count == PEEKED else ""
        return Found({"path": path}, (f"{count}{more} pictures",), is_fallback=True) if count else None

    def items(self, index: int) -> Iterator[Item]:
        """List the pictures, and one item for each record of `annotations` whose picture is not there."""
        pictures = {file.uri: file.locator for file in list_files(self.path, include=_ANY_CASE)}
        payloads: dict[str, str] = dict.fromkeys(pictures, "")
        if self.annotations and STEM not in self.annotations:
            payloads = dict.fromkeys(pictures, _refused(DataError("missing", "no record gives boxes for it")))
            tables: dict[str, dict[str, list[tuple[int, int]]]] = {}
            for uri, table, place, fault in self._placed():
                if place is None or uri not in pictures:
                    payloads[uri] = _refused(fault or DataError("missing", f"{uri} is not in {self.path}"))
                    continue
                tables.setdefault(uri, {}).setdefault(table, []).append((place.at, place.size))
                payloads[uri] = json.dumps({"tables": tables[uri]})
        for uri in sorted(payloads):
            yield Item(index, uri, pictures.get(uri, self.annotations), payloads[uri])

    def _placed(self) -> Iterator[tuple[str, str, Place | None, DataError | None]]:
        """Each record's picture (or its own number), file, place, and what is wrong with it."""
        for table in list_tables(self.annotations):
            for number, (place, record) in enumerate(placed_records(table.locator), start=1):
                row = f"{table.uri}#n={number}"
                if isinstance(record, str):
                    yield row, table.uri, None, DataError("bad_record", record)
                    continue
                try:
                    yield picture_uri(record.get("image")), table.uri, place, None
                except DataError as error:
                    yield row, table.uri, None, error

    def open(self, uri: str, locator: str, payload: str) -> ScreenEpisode:
        """Read what is known of a picture; see `ScreenSource.open`."""
        says = json.loads(payload) if payload else {}
        if "reason" in says:
            raise DataError(says["reason"], says["message"])
        records: list[object] = []
        for table, places in says.get("tables", {}).items():
            for record in read_placed(
                table_locator(self.annotations, table), [Place(*one) for one in places]
            ):
                if picture_uri(record.get("image")) != uri:
                    raise DataError("changed_input", f"{table} is not what was planned: plan again")
                records.append(record)
        if STEM in self.annotations:
            records.append(read_json(self.annotations.replace(STEM, str(PurePosixPath(uri).with_suffix("")))))
        return _Screenshot(uri, locator, records, self.boxes)


def _refused(error: DataError) -> str:
    return json.dumps({"reason": error.reason, "message": error.message})


class _Screenshot(ScreenEpisode):
    count = 1
    is_trajectory = False

    def __init__(self, uri: str, locator: str, records: list[object], convention: str) -> None:
        self.group = uri
        self._locator, self._records, self._convention = locator, records, convention

    def instruction(self, step: int) -> str:
        """Nothing is asked for."""
        return ""

    def picture(self, step: int) -> bytes:
        """The file."""
        return read_image(self._locator)

    def fingerprint(self, step: int) -> str:
        """Of the picture and of its boxes."""
        stamp = shared_fingerprint(self._locator)
        return digest(stamp, repr(self._records)) if self._records else stamp

    def picture_fingerprint(self, step: int) -> str:
        """The picture's own."""
        return shared_fingerprint(self._locator)

    def screen(self, step: int, width: int, height: int) -> Screen:
        """The boxes that are given; none where none are."""
        found = [
            one
            for record in self._records
            for one in listed_elements(*_boxes_of(record, self._convention), width, height).elements
        ]
        return Screen(tuple(found))


def _boxes_of(record: object, convention: str) -> tuple[object, str]:
    """A record's list of boxes and how they are written: its own form, or OmniParser's as it comes."""
    if isinstance(record, Mapping) and "parsed_content_list" in record:
        return parsed_content(record["parsed_content_list"]), "xyxy_ratio"
    if isinstance(record, Mapping):
        if "boxes" not in record:
            raise DataError("bad_record", "it has neither boxes nor a parsed_content_list")
        return record["boxes"], convention
    if isinstance(record, list) and all(isinstance(one, dict) and "bbox" in one for one in record):
        return parsed_content(record), "xyxy_ratio"
    return record, convention


def _boxes_in(record: Mapping[str, object]) -> list[object]:
    listed = record.get("boxes", record.get("parsed_content_list"))
    if not isinstance(listed, list):
        return []
    return [one.get("box", one.get("bbox")) for one in listed if isinstance(one, dict)]
