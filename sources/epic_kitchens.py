"""EPIC-KITCHENS-100: narrated actions in videos from head-mounted cameras.

Its CSV counts frames from 1 at a rate of each video's own, so the times are used and never the frames.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from somtom.sources.annotated_video import AnnotatedVideos
from somtom.sources.annotation_files import read_records
from somtom.sources.annotations import BadRow, Row, fields_of

START, STOP, TEXT = "start_timestamp", "stop_timestamp", "narration"


@dataclass(frozen=True, kw_only=True)
class EpicKitchensSource(AnnotatedVideos):
    """EPIC-KITCHENS-100: a CSV of its annotations (EPIC_100_train.csv, ...) and the videos."""

    kind: ClassVar[str] = "epic-kitchens"
    known_by: ClassVar[tuple[str, ...]] = ("participant_id", "video_id", START, STOP, TEXT)

    video: str = "{participant_id}/videos/{video_id}.MP4"  # where in `path` a row's video lies

    @property
    def is_first_person(self) -> bool:
        """Always."""
        return True

    def rows(self) -> Iterator[Row | BadRow]:
        """Read the CSV; see `AnnotatedVideos.rows`."""
        columns = (*fields_of(self.video), START, STOP, TEXT)
        return self.table_rows(read_records(self.annotations, columns), START, STOP, TEXT)
