"""SeeClick's grounding data: web pages with the text and box of their elements, and mobile screens.

Web records are {img_filename, url, elements: [{instruction, bbox, data_type}]}; those of widget captioning
and RICO SCA {img_filename, instruction, bbox}. Boxes are [left, top, right, bottom] as shares of the sides.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import urlsplit

from somtom.schemas.reasons import DataError
from somtom.sources.peeking import peek_records
from somtom.sources.picture_records import Asked, PictureRecords
from somtom.sources.source import Found


@dataclass(frozen=True, kw_only=True)
class SeeClickSource(PictureRecords):
    """SeeClick's JSON files, web and mobile, and the screenshots that they name."""

    kind: ClassVar[str] = "seeclick"

    @classmethod
    def recognise(cls, path: str) -> Found | None:
        """Look for records of a picture's `elements`, or of one box in shares; see `Source.recognise`."""
        peeked = peek_records(path, _is_seeclick)
        return peeked.found(_boxes_of, "xyxy_ratio") if peeked else None

    def picture_of(self, record: Mapping[str, object]) -> object:
        """Its `img_filename`."""
        return record.get("img_filename", "")

    def convention(self, table: str) -> str:
        """As SeeClick documents it."""
        return "xyxy_ratio"

    def group_of(self, uri: str, record: Mapping[str, object]) -> str:
        """The web site, or the picture where none is named."""
        url = record.get("url")
        try:
            site = urlsplit(url).hostname if isinstance(url, str) else None
        except ValueError:
            site = None
        return site or uri

    def asked_in(self, record: Mapping[str, object]) -> list[Asked]:
        """One for each of the record's elements, or the record itself."""
        if "captions" in record:
            raise DataError("unsupported", "the record describes the screen as a whole: it points at nothing")
        elements = record.get("elements", [record])
        if not isinstance(elements, list) or not elements:
            raise DataError(
                "bad_record", f"its elements must be a list, and not empty, are {str(elements)[:60]!r}"
            )
        return [_asked(one) for one in elements]


def _asked(element: object) -> Asked:
    """The text is what the element shows or is called, so that it is its instruction, too."""
    if not isinstance(element, dict):
        return Asked("", None)
    words = element.get("instruction")
    return Asked(words, element.get("bbox"), text=words)


def _is_seeclick(record: Mapping[str, object]) -> bool:
    boxes = _boxes_of(record)
    is_flat = "data_source" not in record and "data_type" not in record
    return (
        "img_filename" in record
        and bool(boxes)
        and ("elements" in record or (is_flat and _are_shares(boxes)))
    )


def _boxes_of(record: Mapping[str, object]) -> list[object]:
    elements = record.get("elements", [record])
    return (
        [one["bbox"] for one in elements if isinstance(one, dict) and "bbox" in one]
        if isinstance(elements, list)
        else []
    )


def _are_shares(boxes: list[object]) -> bool:
    return all(
        isinstance(box, list) and all(isinstance(one, int | float) and one <= 1.05 for one in box)
        for box in boxes
    )
