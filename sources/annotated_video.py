"""Annotated videos as a source: each row of a table says what happens in a stretch of a video.

A row is an item, so that the books hold each of them; its scan seeks to its stretch and decodes only that.
"""

import contextlib
import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import ClassVar

from somtom.schemas.check_sample import is_safe_uri
from somtom.schemas.clips import Clip
from somtom.schemas.reasons import DataError, Reject
from somtom.schemas.refs import Item, ItemFacts, Ref, Scan
from somtom.schemas.settings import ClipSettings, ShotSettings
from somtom.sources.annotation_files import (
    MAX_COUNTED,
    Record,
    count_records,
    read_records,
    tables_at,
)
from somtom.sources.annotations import BadRow, Row, fields_of, fill, make_row, row_items, row_of
from somtom.sources.backends import open_video
from somtom.sources.files import is_local_file, is_remote, local_path, open_binary
from somtom.sources.fingerprint import fingerprint
from somtom.sources.pictures import check_size
from somtom.sources.reading import read_clips
from somtom.sources.segments import cut_segment
from somtom.sources.sniff import HEAD_BYTES, check_is_video
from somtom.sources.source import DataSetSettings, Found
from somtom.sources.video_refs import Origin, learn, make_refs

MAX_WIDEN_S = 60.0
MAX_TRIED = 60  # records and folders in which the videos of a recognised table are looked for
NOT_FOUND = "the/folder/of/the/videos"


@dataclass(frozen=True, kw_only=True)
class AnnotatedVideos(DataSetSettings, ABC):
    """What sources of annotated videos share; a kind says what its rows are (`rows`)."""

    kind: ClassVar[str]

    path: str  # the folder that the videos are in; local or a Beam URI
    annotations: str  # the file of annotations
    video: str = "{video}"  # where in `path` a row's video lies; {name} is the row's value of that name
    widen_s: float = 1.0  # a row shorter than a clip is widened by up to this to hold one; 0 = never

    def __post_init__(self) -> None:
        super().__post_init__()
        if not fields_of(self.video):
            raise ValueError(
                f'video must name a value of the row, such as "{{video}}.mp4", got {self.video!r}'
            )
        if not 0 <= self.widen_s <= MAX_WIDEN_S:
            raise ValueError(f"widen_s must be 0 to {MAX_WIDEN_S:g}, got {self.widen_s!r}")

    # Columns by which `recognise` knows a table of this kind.
    known_by: ClassVar[tuple[str, ...]]

    @classmethod
    def recognise(cls, path: str) -> Found | None:
        """Look for a table with the kind's columns; see `Source.recognise`."""
        for table in tables_at(path):
            if records := count_records(table, cls.known_by):
                note = f"{records}{'+' * (records == MAX_COUNTED)} annotations in {table}"
                with contextlib.closing(read_records(table, fields_of(cls.video))) as rows:
                    some = [one for one in itertools.islice(rows, MAX_TRIED) if not isinstance(one, str)]
                return found_videos(table, cls.video, some, note)
        return None

    @property
    def is_first_person(self) -> bool:
        """Whether the camera is worn: then its motion is always compensated."""
        return False

    @abstractmethod
    def rows(self) -> Iterator[Row | BadRow]:
        """Read the annotations as a stream; one row or bad row for each that the format counts.

        Raises:
            DataError: the file is not there or of another kind.
        """

    def row(
        self, number: int, record: Mapping[str, object], start: object, stop: object, text: object
    ) -> Row | BadRow:
        """Make a row of a record; the video's path is filled in from it."""
        try:
            return make_row(number, fill(self.video, record), start, stop, text)
        except DataError as error:
            return BadRow(number, error.reason, error.message)

    def table_rows(
        self, records: Iterable[Record], start: str, stop: str, text: str
    ) -> Iterator[Row | BadRow]:
        """Make rows of a table's records; `start`, `stop` and `text` name their columns."""
        for number, record in enumerate(records, start=1):
            if isinstance(record, str):
                yield BadRow(number, "bad_record", record)
            else:
                yield self.row(number, record, record[start], record[stop], record[text])

    def items(self, index: int) -> Iterator[Item]:
        """List the rows; see `Source.items`."""
        if not is_remote(self.path) and not local_path(self.path).is_dir():
            raise DataError("missing", f"path {self.path!r} is no folder")
        root = self.path.rstrip("/") or "/"
        yield from row_items(self.rows(), index, self.annotations, lambda uri: f"{root}/{uri}")

    def scan(self, item: Item, shots: ShotSettings, clips: ClipSettings, run_length: int) -> Scan:
        """Decode a row's stretch at low resolution and lay clips into it; see `Source.scan`."""
        facts = ItemFacts(uri=item.uri)
        row = row_of(item)
        try:
            if isinstance(row, BadRow):
                raise DataError(row.reason, row.message)
            with open_binary(item.locator) as file:
                check_is_video(file.read(HEAD_BYTES), row.video)
            facts = replace(facts, fingerprint=fingerprint(item.locator))
            with open_video("pyav", item.locator, clips) as video:
                info = video.info
                facts = replace(facts, width=info.width, height=info.height, codec=info.codec)
                if info.width:
                    check_size(info.width, info.height, clips)
                segment = cut_segment(video, row, shots, clips, self.widen_s)
        except DataError as error:
            message = f"row {row.number}: {error.message}"
            return Scan(facts, reject=Reject(self.name, item.uri, "", "scan", error.reason, message))
        facts = learn(facts, segment.timeline, info)
        if segment.widened_s:
            notes = (facts.warning, f"widened by {segment.widened_s:.3f} s")
            facts = replace(facts, warning="; ".join(note for note in notes if note))
        origin = Origin(
            kind=self.kind,
            dataset=self.name,
            licence=self.licence,
            group=f"{self.name}/{row.video}",
            split=self.split,
            first_person=self.is_first_person,
            instruction=row.text,
            weight=self.weight,
        )
        return Scan(
            facts,
            refs=tuple(
                make_refs(item, facts, origin, segment.timeline, info, segment.cut, clips, run_length)
            ),
        )

    def read(self, refs: Sequence[Ref], clips: ClipSettings) -> Iterator[tuple[Ref, Clip | DataError]]:
        """Decode the refs of one run; see `Source.read`."""
        return read_clips(refs, clips, partial(open_video, "pyav"))


@dataclass(frozen=True, kw_only=True)
class AnnotatedVideoSource(AnnotatedVideos):
    """Videos with a CSV, TSV, JSONL, JSON or Parquet table of (video, start_s, stop_s, text)."""

    kind: ClassVar[str] = "annotated-video"
    known_by: ClassVar[tuple[str, ...]] = ("video", "start_s", "stop_s", "text")

    start: str = "start_s"  # the column of a row's start: seconds, or HH:MM:SS.cc
    stop: str = "stop_s"  # the column of its end
    text: str = "text"  # the column of what happens in it: the instruction
    first_person: bool = False  # head-mounted camera: its motion is always compensated

    @property
    def is_first_person(self) -> bool:
        """As the configuration says."""
        return self.first_person

    def rows(self) -> Iterator[Row | BadRow]:
        """Read the table; see `AnnotatedVideos.rows`."""
        columns = (*fields_of(self.video), self.start, self.stop, self.text)
        return self.table_rows(read_records(self.annotations, columns), self.start, self.stop, self.text)


def found_videos(table: str, video: str, records: Iterable[Mapping[str, object]], note: str) -> Found:
    """Say what settings would read a recognised table, with the folder around it that a video lies in."""
    folder = "" if is_remote(table) else _folder_of(local_path(table), video, records)
    notes = (note,) if folder else (note, "its videos were not found: set path to their folder")
    return Found({"path": folder or NOT_FOUND, "annotations": table}, notes)


def _folder_of(table: Path, video: str, records: Iterable[Mapping[str, object]]) -> str:
    """The first folder that has the video of one of the records: the table's, those in it, the one above."""
    near = [table.parent, *sorted(one for one in table.parent.iterdir() if one.is_dir())[:MAX_TRIED]]
    for record in records:
        try:
            uri = fill(video, record)
        except DataError:
            continue
        for folder in (*near, table.parent.parent):
            if is_safe_uri(uri) and is_local_file(folder / uri):
                return str(folder)
    return ""
