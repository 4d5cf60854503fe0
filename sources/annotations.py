"""Annotated stretches of videos: what a row must say, and the items that rows become."""

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from somtom.schemas.check_sample import is_safe_uri
from somtom.schemas.reasons import DataError
from somtom.schemas.refs import Item

MAX_SECONDS = 1e6
MAX_TEXT = 10_000  # characters
MAX_NAME = 255  # bytes of one part of a path, what file systems hold
TIME = re.compile(r"(?:(?:(\d{1,4}):)?(\d{1,4}):)?(\d{1,9}(?:\.\d{0,40})?(?:[eE][+-]?\d{1,3})?)", re.ASCII)
FIELD = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True)
class Row:
    """One annotated stretch of a video.

    Args:
        number: of the record in its file, from 1.
        video: uri of the video.
        start_s, stop_s: seconds from the video's first picture, in whole milliseconds; `inf` = to its end.
        text: what happens there.
    """

    number: int
    video: str
    start_s: float
    stop_s: float
    text: str


@dataclass(frozen=True)
class BadRow:
    """A record that is no row, and why."""

    number: int
    reason: str
    message: str


def make_row(number: int, video: object, start: object, stop: object, text: object) -> Row | BadRow:
    """Check what a record says; times as `parse_seconds` has them, a `stop` of `inf` is the video's end."""
    try:
        start_s = parse_seconds(start)
        stop_s = math.inf if stop == math.inf else parse_seconds(stop)
        if stop_s < start_s:
            raise DataError("bad_record", f"it stops at {stop_s:g} s, before its start at {start_s:g} s")
        words = " ".join(text.split()) if isinstance(text, str) else ""
        if not words:
            raise DataError("bad_record", "it has no text")
        if len(words) > MAX_TEXT:
            raise DataError("bad_record", f"its text has {len(words)} characters, more than {MAX_TEXT}")
        return Row(number, _checked_path(video), start_s, stop_s, _checked(words))
    except DataError as error:
        return BadRow(number, error.reason, error.message)


def parse_seconds(value: object) -> float:
    """Read a time: a number of seconds, or a text of seconds, MM:SS or HH:MM:SS, with a fraction or none.

    >>> parse_seconds("00:01:02.50"), parse_seconds("62.5"), parse_seconds(62.5), parse_seconds("1:02")
    (62.5, 62.5, 62.5, 62.0)

    Raises:
        DataError: `bad_record`: it is none, or outside 0 to `MAX_SECONDS`.
    """
    seconds = math.nan
    if isinstance(value, str):
        parts = TIME.fullmatch(value.strip())
        if parts is not None:
            hours, minutes, rest = (float(part or 0) for part in parts.groups())
            seconds = hours * 3600 + minutes * 60 + rest
    elif isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value) if abs(value) <= MAX_SECONDS else math.nan
    if not 0 <= seconds <= MAX_SECONDS:
        raise DataError(
            "bad_record",
            f"{str(value)[:40]!r} is no time: write seconds or HH:MM:SS.cc, up to {MAX_SECONDS:g} s",
        )
    return round(seconds, 3)


def fields_of(template: str) -> tuple[str, ...]:
    """The names in a template.

    >>> fields_of("{participant_id}/videos/{video_id}.MP4")
    ('participant_id', 'video_id')
    """
    return tuple(FIELD.findall(template))


def fill(template: str, record: Mapping[str, object]) -> str:
    """Put a record's values in the place of the names; nothing but plain names is understood.

    >>> fill("{a}/{b}.mp4", {"a": "P01", "b": 7})
    'P01/7.mp4'

    Raises:
        DataError: `bad_record`: a value is neither a text nor a whole number, or empty.
    """
    for name in fields_of(template):
        value = record.get(name)
        if not (isinstance(value, str) and value.strip()) and (
            isinstance(value, bool) or not isinstance(value, int)
        ):
            raise DataError("bad_record", f"{name!r} must name the video, is {str(value)[:40]!r}")
    return FIELD.sub(lambda found: str(record[found[1]]).strip(), template)


def row_items(
    rows: Iterable[Row | BadRow], index: int, annotations: str, locate: Callable[[str], str]
) -> Iterator[Item]:
    """Make one item a row, in the order of videos and times, bad rows last.

    An item's uri is its video's with a media fragment (`a.mp4#t=1.560,2.450`), so that it stays the same when
    rows are added or moved; rows of one place with different texts are told apart by `n`; equal rows have
    equal uris and so all but one become `duplicate`. A bad row's names the annotation file and the row.

    Args:
        rows: what the annotations hold.
        index: the source's place in the configuration.
        annotations: locator of the file that the rows are from.
        locate: gives a video's locator by its uri.
    """
    bad: list[BadRow] = []
    good: list[Row] = []
    for row in rows:
        if isinstance(row, Row):
            good.append(row)
        else:
            bad.append(row)
    good.sort(key=lambda row: (row.video, row.start_s, row.stop_s, row.text, row.number))
    before: tuple[str, str, int] = ("", "", 0)
    for row in good:
        whole = row.start_s == 0 and row.stop_s == math.inf
        place = row.video if whole else f"{row.video}#t={row.start_s:.3f},{row.stop_s:.3f}"
        if before[0] == place:
            before = (place, row.text, before[2] + (before[1] != row.text))
        else:
            before = (place, row.text, 1)
        mark = "" if before[2] == 1 else f"{'#' if whole else '&'}n={before[2]}"
        stop_s = -1.0 if row.stop_s == math.inf else row.stop_s
        says = {
            "row": row.number,
            "video": row.video,
            "start_s": row.start_s,
            "stop_s": stop_s,
            "text": row.text,
        }
        yield Item(index, place + mark, locate(row.video), json.dumps(says))
    name = PurePosixPath(annotations).name
    for one in sorted(bad, key=lambda row: row.number):
        says = {"row": one.number, "reason": one.reason, "message": one.message}
        yield Item(index, f"{name}#row={one.number}", annotations, json.dumps(says))


def row_of(item: Item) -> Row | BadRow:
    """Read back the row that `row_items` made the item of."""
    says = json.loads(item.payload)
    if "reason" in says:
        return BadRow(says["row"], says["reason"], says["message"])
    stop_s = math.inf if says["stop_s"] < 0 else says["stop_s"]
    return Row(says["row"], says["video"], says["start_s"], stop_s, says["text"])


def _checked_path(video: object) -> str:
    """Refuse a path that leaves the root, or that no file can have.

    Raises:
        DataError: `unsafe_path` or `bad_record`.
    """
    if not isinstance(video, str) or not video:
        raise DataError("bad_record", "it names no video")
    if not is_safe_uri(video):
        raise DataError(
            "unsafe_path", f"{video[:200]!r} leaves the folder of the videos: write a relative path"
        )
    _checked(video)
    long = any(len(part.encode()) > MAX_NAME for part in video.split("/"))
    if long or len(video) > 4 * MAX_NAME or not video.isprintable():
        raise DataError("bad_record", f"{video[:80]!r} can be no file's name")
    return video


def _checked(text: str) -> str:
    """Refuse what is not valid text.

    Raises:
        DataError: `bad_record`.
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise DataError("bad_record", "it holds bytes that are not UTF-8") from error
    return text
