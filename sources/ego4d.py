"""Ego4D: narrations of videos from head-mounted cameras, each of an instant, in one JSON file.

narrations      t0      t1           t2
windows      |---:---|--:----|  |----:----|      half of the gap to each neighbour, and no more than `reach_s`
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from somtom.schemas.reasons import DataError
from somtom.sources.annotated_video import AnnotatedVideos, found_videos
from somtom.sources.annotation_files import stop_at_fault, tables_at
from somtom.sources.annotations import BadRow, Row, fields_of, parse_seconds
from somtom.sources.files import open_binary
from somtom.sources.json_stream import JsonStream, JsonStreamError
from somtom.sources.source import Found

MAX_REACH_S = 600.0
# The narrators' tags: "#C C" is the camera wearer as the subject, "#O" comes before somebody else.
WEARER = re.compile(r"^\s*#\s*c\s+c\b[\s,]*", re.IGNORECASE)
TAG = re.compile(r"^\s*#\s*(?:c|o)\b[\s,]*", re.IGNORECASE)
UNSURE = re.compile(r"#\s*unsure\b", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Ego4dSource(AnnotatedVideos):
    """Ego4D: its narrations (narration.json, all_narrations_redacted.json) and the videos."""

    kind: ClassVar[str] = "ego4d"

    video: str = "{video_uid}.mp4"  # where in `path` a video lies
    passes: tuple[str, ...] = ("narration_pass_1", "narration_pass_2")  # whose narrations: two people's
    reach_s: float = 2.0  # a narration's window reaches at most so far before and after its time

    @classmethod
    def recognise(cls, path: str) -> Found | None:
        """Look for a JSON object whose first member holds passes of narrations; see `Source.recognise`."""
        for table in tables_at(path):
            try:
                with open_binary(table) as file:
                    video, says = next(JsonStream(file).members(), ("", None))
            except (DataError, OSError, JsonStreamError):
                continue
            if isinstance(says, dict) and any(str(name).startswith("narration_pass_") for name in says):
                note = f"narrations of Ego4D in {table}"
                return found_videos(table, cls.video, [{"video_uid": video}], note)
        return None

    def __post_init__(self) -> None:
        super().__post_init__()
        if set(fields_of(self.video)) != {"video_uid"}:
            raise ValueError(f"video must name {{video_uid}} and nothing else, got {self.video!r}")
        if not self.passes:
            raise ValueError('passes must name at least one, such as "narration_pass_1"')
        if not 0 < self.reach_s <= MAX_REACH_S:
            raise ValueError(f"reach_s must be above 0 and up to {MAX_REACH_S:g}, got {self.reach_s!r}")

    @property
    def is_first_person(self) -> bool:
        """Always."""
        return True

    def rows(self) -> Iterator[Row | BadRow]:
        """Read the narrations, a video at a time; see `AnnotatedVideos.rows`. Summaries are not used."""
        numbers = count(1)
        with open_binary(self.annotations) as file:
            members = JsonStream(file).members()
            for video in stop_at_fault({"uid": uid, "says": says} for uid, says in members):
                if isinstance(video, str):
                    yield BadRow(next(numbers), "bad_record", video)
                    continue
                for name in self.passes:
                    said = narrations_of(video["says"], name)
                    if said is None:
                        message = f"{name} of {video['uid']} must hold a list of narrations"
                        yield BadRow(next(numbers), "bad_record", message)
                    else:
                        yield from self._rows_of(str(video["uid"]), said, numbers)

    def _rows_of(self, uid: str, said: list[object], numbers: Iterator[int]) -> Iterator[Row | BadRow]:
        """The rows of what one person said about one video."""
        narrations = [one if isinstance(one, dict) else {} for one in said]
        times = [_time_of(one) for one in narrations]
        rising = np.unique([time for time in times if time is not None])
        for one, time in zip(narrations, times, strict=True):
            unread = one.get("timestamp_sec")
            start, stop = (unread, unread) if time is None else window(time, rising, self.reach_s)
            text = one.get("narration_text")
            words = plain_text(text) if isinstance(text, str) else ""
            yield self.row(next(numbers), {"video_uid": uid}, start, stop, words)


def narrations_of(says: object, name: str) -> list[object] | None:
    """The narrations of one pass over a video: [] where there was none, None where they are malformed."""
    part = says.get(name, {}) if isinstance(says, dict) else None
    said = part.get("narrations", []) if isinstance(part, dict) else None
    return said if isinstance(said, list) else None


def window(time_s: float, times_s: NDArray[np.float64], reach_s: float) -> tuple[float, float]:
    """Half of the gap to each neighbour in `times_s` (rising, without doubles), and no more than `reach_s`.

    >>> window(10.0, np.array([8.0, 10.0, 20.0]), reach_s=3.0)
    (9.0, 13.0)
    """
    at = int(np.searchsorted(times_s, time_s))
    before = (time_s - times_s[at - 1]) / 2 if at else reach_s
    after = (times_s[at + 1] - time_s) / 2 if at + 1 < len(times_s) else reach_s
    return max(0.0, time_s - float(min(before, reach_s))), time_s + float(min(after, reach_s))


def plain_text(narration: str) -> str:
    """Take the narrators' tags out.

    >>> plain_text("#C C picks a #unsure"), plain_text("#O man X walks"), plain_text("#c looks")
    ('picks a something', 'man X walks', 'looks')
    """
    text = WEARER.sub("", narration, count=1)
    return UNSURE.sub("something", TAG.sub("", text, count=1)).strip()


def _time_of(narration: Mapping[str, object]) -> float | None:
    try:
        return parse_seconds(narration.get("timestamp_sec"))
    except DataError:
        return None
