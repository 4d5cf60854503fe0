"""tracks/<shard>.parquet: all that labelling needs, so that labels can be made again without tracking."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from somtom.schemas.annotation import Annotation, annotation_json, parse_annotation
from somtom.schemas.parquet import TableWriter, read_rows
from somtom.schemas.plan_table import REF_COLUMNS, ref_of, ref_row
from somtom.schemas.reasons import DataError, Reject
from somtom.schemas.refs import Ref
from somtom.schemas.tracks import (
    TrackerInfo,
    Tracks,
    decode_probabilities,
    decode_round_trip,
    encode_probabilities,
    encode_round_trip,
)

ROWS_PER_GROUP = 32
GROUP_BYTES = 16 << 20  # a group is closed early when its arrays and pictures grow beyond this

_TRACKER_COLUMNS = {
    "name": "text",
    "version": "text",
    "licence": "text",
    "weights_sha256": "text",
    "weights_licence": "text",
    "max_frames": "int",
}
TRACKS_COLUMNS = {
    **REF_COLUMNS,  # no locator: the bytes must not depend on the machine
    "split": "text",
    "width": "int",
    "height": "int",
    "source_width": "int",
    "source_height": "int",
    **{f"tracker_{name}": kind for name, kind in _TRACKER_COLUMNS.items()},
    "reason": "text",  # "" unless rejected before tracking
    "message": "text",
    "times_s": "float list",  # T
    "points": "int",  # N
    "queries": "float32 list",  # N x 3: frame, x, y
    "xy": "float32 list",  # T x N x 2, pixels, not stabilised
    "visible": "uint8 list",  # T x N, 255 = certain
    "confidence": "uint8 list",  # T x N, 255 = certain
    "round_trip": "uint8 list",  # T x N, 32 a pixel, 255 = no step
    "annotation": "text",  # JSON of what the source says besides, "" for nothing
    "clean_jpeg": "bytes",  # only where the clip is in no shard
    "extra_jpegs": "bytes list",  # h00.jpg, ..., cam1.jpg, ...; likewise
}


@dataclass(frozen=True)
class StoredClip:
    """One ref that was labelled: kept, filtered at labelling, or rejected before it could be tracked.

    Args:
        ref: the ref; its locator is not stored.
        width, height: size of the decoded frames; 0 where nothing was decoded.
        source_width, source_height: size of the upright picture in the input.
        times_s: (T,) float64, seconds in the input's own time.
        tracks: None where there is a reject, and for a screenshot or an image-text pair.
        tracker: who made the tracks; None where there are none.
        annotation: what the source says besides.
        clean_jpeg: the picture without marks where the clip is in no shard (the shard holds it otherwise).
        extra_jpegs: one for each of `annotation.past`, then those of further cameras; likewise.
        reject: why it could not be tracked, or read at all.
    """

    ref: Ref
    width: int = 0
    height: int = 0
    source_width: int = 0
    source_height: int = 0
    times_s: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    tracks: Tracks | None = None
    tracker: TrackerInfo | None = None
    annotation: Annotation = field(default_factory=Annotation)
    clean_jpeg: bytes = b""
    extra_jpegs: tuple[bytes, ...] = ()
    reject: Reject | None = None

    def __post_init__(self) -> None:
        is_tracked = self.reject is None and self.annotation.is_clip
        if (self.tracks is not None) != is_tracked or (self.tracker is not None) != is_tracked:
            raise ValueError(f"{self.ref.key}: a stored clip has tracks and their tracker, or a reject")
        if self.tracks is not None and len(self.times_s) != len(self.tracks.xy):
            raise ValueError(f"{self.ref.key}: {len(self.times_s)} times for {len(self.tracks.xy)} frames")


class TracksWriter:
    """Writes stored clips in order, holding a few at a time; the file appears whole or not at all.

    `rows`, `size_bytes` and `sha256` are final once the block has ended.
    """

    def __init__(self, path: Path) -> None:
        self.rows = 0
        self._table = TableWriter(path, TRACKS_COLUMNS)
        self._group: list[dict[str, Any]] = []
        self._group_bytes = 0

    @property
    def size_bytes(self) -> int:
        """Size of the file."""
        return self._table.size_bytes

    @property
    def sha256(self) -> str:
        """Hex digest of the file."""
        return self._table.sha256

    def __enter__(self) -> Self:
        self._table.__enter__()
        return self

    def write(self, clip: StoredClip) -> None:
        """Append one clip; visibility and confidence are rounded as `tracks.as_stored` does."""
        row = _row(clip)
        self._group.append(row)
        self._group_bytes += sum(map(len, (clip.clean_jpeg, *clip.extra_jpegs, row["annotation"])))
        self._group_bytes += sum(value.nbytes for value in row.values() if isinstance(value, np.ndarray))
        self.rows += 1
        if len(self._group) >= ROWS_PER_GROUP or self._group_bytes >= GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        self._table.write(self._group)
        self._group, self._group_bytes = [], 0

    def __exit__(self, *error: Any) -> None:
        if error[0] is None and self._group:
            try:
                self._flush()
            except BaseException as failure:
                self._table.__exit__(type(failure), failure, failure.__traceback__)
                raise
        self._table.__exit__(*error)


def _row(clip: StoredClip) -> dict[str, Any]:
    none = np.empty((0, 0), np.float32)
    tracks = clip.tracks or Tracks(np.empty((0, 3), np.float32), np.empty((0, 0, 2), np.float32), none, none)
    tracker = clip.tracker or TrackerInfo("", "", "")
    return {
        **ref_row(clip.ref),
        "split": clip.ref.split,
        "width": clip.width,
        "height": clip.height,
        "source_width": clip.source_width,
        "source_height": clip.source_height,
        **{f"tracker_{name}": getattr(tracker, name) for name in _TRACKER_COLUMNS},
        "reason": clip.reject.reason if clip.reject else "",
        "message": clip.reject.message if clip.reject else "",
        "times_s": clip.times_s,
        "points": len(tracks.queries),
        "queries": tracks.queries.ravel(),
        "xy": tracks.xy.ravel(),
        "visible": encode_probabilities(tracks.visible).ravel(),
        "confidence": encode_probabilities(tracks.confidence).ravel(),
        "round_trip": encode_round_trip(tracks.round_trip).ravel(),
        "annotation": annotation_json(clip.annotation),
        "clean_jpeg": clip.clean_jpeg,
        "extra_jpegs": clip.extra_jpegs,
    }


def read_tracks(path: Path) -> Iterator[StoredClip]:
    """Read the stored clips back in order, a few at a time; `ref.locator` is "".

    Raises:
        DataError: `unreadable`: damaged, or of another version.
    """
    for row in read_rows(path, TRACKS_COLUMNS):
        try:
            yield _clip(row)
        except ValueError as error:
            raise DataError("unreadable", f"{path.name}: {row['key']}: {error}") from error


def _clip(row: dict[str, Any]) -> StoredClip:
    ref = ref_of(row, row["split"])
    annotation = parse_annotation(row["annotation"])
    tracks, tracker, reject = None, None, None
    if row["reason"]:
        reject = Reject(ref.dataset, ref.uri, ref.key, "label", row["reason"], row["message"], ref.start_s)
    elif annotation.is_clip:
        frames, points = len(row["times_s"]), row["points"]
        tracker = TrackerInfo(**{name: row[f"tracker_{name}"] for name in _TRACKER_COLUMNS})
        tracks = Tracks(
            queries=row["queries"].reshape(points, 3),
            xy=row["xy"].reshape(frames, points, 2),
            visible=decode_probabilities(row["visible"].reshape(frames, points)),
            confidence=decode_probabilities(row["confidence"].reshape(frames, points)),
            round_trip=decode_round_trip(row["round_trip"].reshape(frames, points)),
        )
    sizes = {name: row[name] for name in ("width", "height", "source_width", "source_height")}
    return StoredClip(
        ref,
        **sizes,
        times_s=row["times_s"],
        tracks=tracks,
        tracker=tracker,
        annotation=annotation,
        clean_jpeg=row["clean_jpeg"],
        extra_jpegs=tuple(row["extra_jpegs"]),
        reject=reject,
    )
