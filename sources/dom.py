"""Screenshots of web pages with what their DOM says: a JSON file beside each picture.

A dump is an object of `image` (the picture, relative to the file), `device_scale_factor`, `viewport`,
`scroll` and `full_page`, and `elements`: `bbox_css` [x, y, width, height] in CSS pixels relative to the
viewport, `tag`, `role`, `type`, `name`, `enabled`, `markable` (false: hidden or mostly out of view). `texts`
are what else is written there: {text, bbox_css}.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import ClassVar
from urllib.parse import urlsplit

from somtom.schemas.annotation import Element, Screen
from somtom.schemas.keys import digest
from somtom.schemas.reasons import DataError
from somtom.schemas.refs import Item
from somtom.sources.boxes import four_numbers
from somtom.sources.fingerprint import shared_fingerprint
from somtom.sources.images import read_image
from somtom.sources.json_files import read_json
from somtom.sources.listing import list_files
from somtom.sources.picture_records import picture_uri
from somtom.sources.screens import ScreenEpisode, ScreenSource
from somtom.sources.source import Found
from somtom.sources.words import words_of

MAX_BOXES = 20_000  # elements and texts of a page
MAX_RATIO = 16.0  # device pixels of a CSS pixel
SIZE_SLACK = 2.0  # pixels by which a picture may differ from what the dump says, by rounding
LARGEST = 1e9  # pixels of any size or scroll
PEEKED = 20  # files looked into


@dataclass(frozen=True)
class DomSource(ScreenSource):
    """Web pages: a picture and a JSON file of its elements, in CSS pixels, for each."""

    kind: ClassVar[str] = "dom"

    @classmethod
    def recognise(cls, path: str) -> Found | None:
        """Look for a JSON file of elements with boxes in CSS pixels; see `Source.recognise`."""
        try:
            files = list(islice(list_files(path, include=("*.json",)), PEEKED))
            dumps = [file for file in files if _is_dump(file.locator)]
        except (DataError, OSError):
            return None
        if not dumps:
            return None
        return Found({"path": path}, (f"{dumps[0].uri}: elements of a page with boxes in CSS pixels",))

    def items(self, index: int) -> Iterator[Item]:
        """List the JSON files; see `Source.items`."""
        for file in list_files(self.path, include=("*.json",)):
            yield Item(index, file.uri, file.locator)

    def open(self, uri: str, locator: str, payload: str) -> ScreenEpisode:
        """Read a page's dump; see `ScreenSource.open`."""
        dump = read_json(locator)
        if not isinstance(dump, dict) or not isinstance(dump.get("elements"), list):
            raise DataError("bad_record", "a dump must be an object with a list of elements")
        return _Page(uri, locator, dump)


class _Page(ScreenEpisode):
    count = 1
    is_trajectory = False

    def __init__(self, uri: str, locator: str, dump: Mapping[str, object]) -> None:
        self._locator, self._dump = locator, dump
        folder, slash, _ = locator.rpartition("/")
        self._picture = f"{folder}{slash}{picture_uri(dump.get('image'))}"
        self.group = _site_of(dump) or uri

    def instruction(self, step: int) -> str:
        """Nothing is asked for."""
        return ""

    def picture(self, step: int) -> bytes:
        """The picture that the dump names."""
        return read_image(self._picture)

    def fingerprint(self, step: int) -> str:
        """Of the picture and of the dump."""
        return digest(shared_fingerprint(self._picture), shared_fingerprint(self._locator))

    def picture_fingerprint(self, step: int) -> str:
        """The picture's own."""
        return shared_fingerprint(self._picture)

    def screen(self, step: int, width: int, height: int) -> Screen:
        """The elements, then the texts that are none."""
        ratio = _number(self._dump, "device_scale_factor", 1.0, MAX_RATIO)
        full = self._dump.get("full_page") is True
        self._check_size(width, height, ratio, full)
        left, top = _pair(self._dump, "scroll", (0.0, 0.0)) if full else (0.0, 0.0)
        listed, texts = self._dump["elements"], self._dump.get("texts", [])
        if not isinstance(listed, list) or not isinstance(texts, list):
            raise DataError("bad_record", "its texts must be a list")
        if len(listed) + len(texts) > MAX_BOXES:
            raise DataError("unsupported", f"{len(listed)} elements and {len(texts)} texts are too many")
        elements = [_element(one, ratio, left, top) for one in listed]
        if elements and not any(_shows(one, width, height) for one in elements):
            raise DataError(
                "bad_box",
                f"none of {len(elements)} boxes lies in the picture of {width}x{height}: the scroll or the "
                "device pixel ratio is wrong",
            )
        return Screen((*elements, *(_text(one, ratio, left, top) for one in texts)))

    def _check_size(self, width: int, height: int, ratio: float, full: bool) -> None:
        """Hold the picture against the size that the dump says, so that boxes are not scaled wrongly."""
        said = {"image_size": _pair(self._dump, "image_size", (0.0, 0.0))}
        if not full:
            across, down = _pair(self._dump, "viewport", (0.0, 0.0))
            said["viewport"] = (across * ratio, down * ratio)
        for name, (wide, high) in said.items():
            if wide and max(abs(wide - width), abs(high - height)) > SIZE_SLACK:
                raise DataError(
                    "bad_box",
                    f"the picture is {width}x{height}, its {name} {wide:g}x{high:g} at a device pixel ratio "
                    f"of {ratio:g}: its boxes are of another picture",
                )


def _element(value: object, ratio: float, left: float, top: float) -> Element:
    box, members = _box(value, ratio, left, top)
    return Element(
        *box,
        text=words_of(members.get("name")),
        role=_role(members),
        actionable=members.get("enabled") is not False,
        visible=members.get("markable") is not False,
    )


def _text(value: object, ratio: float, left: float, top: float) -> Element:
    box, members = _box(value, ratio, left, top)
    return Element(*box, text=words_of(members.get("text")), role="text", actionable=False)


def _box(
    value: object, ratio: float, left: float, top: float
) -> tuple[tuple[float, float, float, float], Mapping[str, object]]:
    """The box in pixels of the picture (it may lie outside, as much of a page does), and the members."""
    if not isinstance(value, dict):
        raise DataError("bad_record", f"an element must be an object, is {type(value).__name__}")
    x, y, wide, high = four_numbers(value.get("bbox_css"))
    if wide < 0 or high < 0:
        raise DataError("bad_box", f"a box must not be {wide:g}x{high:g}: it is x, y, width and height")
    x, y = x + left, y + top
    return (x * ratio, y * ratio, (x + wide) * ratio, (y + high) * ratio), value


def _role(members: Mapping[str, object]) -> str:
    """What ARIA calls the element, else its tag; of an input its type, where that is no text."""
    role, tag, kind = (words_of(members.get(name)).lower() for name in ("role", "tag", "type"))
    if role:
        return role
    if tag == "input" and kind in ("submit", "reset", "image"):
        return "button"
    if tag == "input" and kind in ("checkbox", "radio", "button"):
        return kind
    return tag


def _shows(one: Element, width: int, height: int) -> bool:
    return one.x0 < width and one.y0 < height and one.x1 >= 0 and one.y1 >= 0


def _number(dump: Mapping[str, object], name: str, default: float, largest: float) -> float:
    value = dump.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= largest:
        raise DataError("bad_record", f"{name} must be above 0 and up to {largest:g}, is {str(value)[:40]!r}")
    return float(value)


def _pair(dump: Mapping[str, object], name: str, default: tuple[float, float]) -> tuple[float, float]:
    value = dump.get(name, list(default))
    if (
        not isinstance(value, list)
        or len(value) != 2
        or any(isinstance(one, bool) or not isinstance(one, int | float) for one in value)
        or not all(-LARGEST < one < LARGEST for one in value)
    ):
        raise DataError("bad_record", f"{name} must be two numbers, is {str(value)[:40]!r}")
    return float(value[0]), float(value[1])


def _site_of(dump: Mapping[str, object]) -> str:
    """What the page belongs to: the host of its `url`, or the package in its `source`; "" if unknown."""
    url = dump.get("url")
    try:
        host = urlsplit(url).hostname if isinstance(url, str) else None
    except ValueError:
        host = None
    source = dump.get("source")
    return host or (words_of(source.get("package")) if isinstance(source, dict) else "")


def _is_dump(locator: str) -> bool:
    try:
        dump = read_json(locator)
    except DataError:
        return False
    listed = dump.get("elements") if isinstance(dump, dict) else None
    return (
        isinstance(listed, list) and bool(listed) and isinstance(listed[0], dict) and "bbox_css" in listed[0]
    )
