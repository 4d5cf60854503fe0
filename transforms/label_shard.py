"""Beam 2: one shard spec in, one shard with its tracks and its manifest out."""

import dataclasses
import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from somtom.schemas.action_stats import ActionStats, read_action_stats
from somtom.schemas.annotation import PastStep
from somtom.schemas.books import LABEL
from somtom.schemas.clips import Clip
from somtom.schemas.folder import shard_path, tracks_path
from somtom.schemas.manifest import Manifest, make_manifest, write_manifest
from somtom.schemas.pictures import encode_jpeg
from somtom.schemas.reasons import DataError, Reject
from somtom.schemas.refs import Ref, ShardSpec
from somtom.schemas.sample import Sample
from somtom.schemas.sample_rows import SampleRow, sample_row
from somtom.schemas.settings import BuildSettings, ClipSettings, TrackingSettings
from somtom.schemas.tar import ShardWriter
from somtom.schemas.tracks import as_stored
from somtom.schemas.tracks_table import StoredClip, TracksWriter
from somtom.sources.source import Source
from somtom.tracking.grid import grid_queries
from somtom.tracking.trackers import PointTracker, make_tracker, track_clip
from somtom.transforms.attempts import Attempts
from somtom.transforms.find_elements import find_elements
from somtom.transforms.label import label
from somtom.transforms.retry import MACHINE, why_unread, with_retries


@dataclass(frozen=True)
class LabelShards:
    """The step of the label stage, with what it needs besides the spec.

    Args:
        sources: of the whole configuration; `Ref.source` points into them.
        settings: of the build.
        folder: the data set's folder.
        notes: folder of the attempts' notes, None to keep none.
    """

    sources: tuple[Source, ...]
    settings: BuildSettings
    folder: Path
    notes: Path | None

    def run(self, spec: ShardSpec) -> int:
        """Make one shard with its tracks and its manifest; returns the number of samples."""
        tracker = shared_tracker(self.settings.tracking)
        attempts = Attempts(self.notes, spec.name)
        clock = Clock()
        clips = fresh_clips(spec, self, tracker, attempts, clock)
        manifest = write_shard(spec, clips, self.folder, self.settings, clock)
        attempts.take("", len(spec.refs))
        return len(manifest.samples)


_trackers: dict[TrackingSettings, PointTracker] = {}
_making = threading.Lock()


def shared_tracker(settings: TrackingSettings) -> PointTracker:
    """Give the process's tracker: made once, since it may load a large model, and shared by its threads."""
    with _making:
        if settings not in _trackers:
            _trackers.clear()  # a model that is no longer wanted must not hold its memory
            _trackers[settings] = make_tracker(settings)
        return _trackers[settings]


class Clock:
    """Adds up the seconds spent in each step."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self._last = time.perf_counter()

    def lap(self, step: str) -> None:
        """Book the time since the last lap on `step`."""
        now = time.perf_counter()
        self.seconds[step] += now - self._last  # type: ignore[assignment]  # a Counter adds floats as well
        self._last = now


def fresh_clips(
    spec: ShardSpec, context: LabelShards, tracker: PointTracker, attempts: Attempts, clock: Clock
) -> Iterator[StoredClip]:
    """Decode and track every ref of the shard, in order; what cannot be tracked comes as a reject."""
    settings = context.settings
    done = 0
    for run in runs_of(spec.refs):
        wanted = [ref for ref in run if ref.key not in attempts.blamed]
        decoded = read_run(wanted, context, attempts, done)
        for ref in run:
            if ref.key in attempts.blamed:
                yield crashed_clip(ref)
            else:
                got, clip = next(decoded)
                if got.key != ref.key:
                    raise RuntimeError(f"{ref.kind}: read {got.key} where {ref.key} was due")
                clock.lap("decode")
                tracked = track_ref(ref, clip, tracker, settings)
                clock.lap("track")
                yield tracked
            done += 1
            attempts.take(_next_key(spec.refs, done), done)


def read_run(
    refs: Sequence[Ref], context: LabelShards, attempts: Attempts, done: int
) -> Iterator[tuple[Ref, Clip | DataError]]:
    """Read the refs of one run; a store that fails for a moment is asked again for the refs still due."""
    if not refs:
        return
    attempts.take(refs[0].key, done)
    source = context.sources[refs[0].source]
    due = list(refs)
    reading = source.read(tuple(due), context.settings.clips)

    def advance() -> tuple[Ref, Clip | DataError]:
        nonlocal reading
        try:
            return next(reading)
        except OSError:
            reading = source.read(tuple(due), context.settings.clips)
            raise

    while due:
        try:
            got = with_retries(advance, due[0].uri)
        except FileNotFoundError:
            gone = DataError("missing", "the file is not there any more; was it moved since it was planned?")
            yield from ((ref, gone) for ref in due)
            return
        except OSError as error:
            if error.errno in MACHINE:
                raise
            broken = DataError("io_error", why_unread(error))
            yield from ((ref, broken) for ref in due)
            return
        due.pop(0)
        yield got


def track_ref(ref: Ref, clip: Clip | DataError, tracker: PointTracker, settings: BuildSettings) -> StoredClip:
    """Follow the query grid through a clip, or find elements on a screenshot; a pair has neither."""
    if isinstance(clip, DataError):
        return _rejected(ref, clip)
    tracks = None
    if clip.annotation.is_clip:
        queries = grid_queries(clip.width, clip.height, settings.tracking.grid)
        try:
            tracks = as_stored(track_clip(tracker, clip.frames, queries, settings.tracking))
        except DataError as error:
            return _rejected(ref, error)
    elif clip.annotation.screen is not None:
        clip = find_elements(clip, settings.tracking)
    whole = pad_extras(clip, settings.clips)
    quality = settings.clips.jpeg_quality
    return StoredClip(
        ref,
        width=clip.width,
        height=clip.height,
        source_width=clip.source_width,
        source_height=clip.source_height,
        times_s=clip.times_s,
        tracks=tracks,
        tracker=tracker.info if tracks is not None else None,
        annotation=whole.annotation,
        clean_jpeg=encode_jpeg(clip.frames[0], quality),
        extra_jpegs=tuple(encode_jpeg(one, quality) for one in (*whole.history, *whole.cameras)),
    )


def pad_extras(clip: Clip, settings: ClipSettings) -> Clip:
    """Bring a clip to as many history and camera pictures as every sample has; those it lacks are black."""
    black = np.zeros_like(clip.frames[0])
    past = clip.annotation.past[-settings.history :] if settings.history else ()
    step_s = settings.history_step_s if clip.annotation.is_clip else 1.0
    missing = range(settings.history, len(past), -1)
    unknown = tuple(PastStep(-number * step_s, known=False) for number in missing)
    cameras = clip.cameras[: settings.cameras]
    return dataclasses.replace(
        clip,
        history=(*(black for _ in missing), *clip.history[len(clip.history) - len(past) :]),
        cameras=(*cameras, *(black for _ in range(settings.cameras - len(cameras)))),
        annotation=dataclasses.replace(clip.annotation, past=(*unknown, *past)),
    )


def write_shard(
    spec: ShardSpec, clips: Iterator[StoredClip], folder: Path, settings: BuildSettings, clock: Clock
) -> Manifest:
    """Label the clips and write shard, tracks and, last, the manifest.

    `clips` are those of the spec's refs in order, each with its pictures or a reject.
    """
    stats = read_action_stats(folder)
    rows: list[SampleRow] = []
    rejects: list[Reject] = []
    with (
        ShardWriter(shard_path(folder, spec.name)) as shard,
        TracksWriter(tracks_path(folder, spec.name)) as tracks,
    ):
        for clip in clips:
            outcome = _label(clip, settings, stats)
            clock.lap("label")
            if isinstance(outcome, Sample):
                shard.write(outcome)
                rows.append(sample_row(outcome.record, spec.name, len(outcome.traces)))
                tracks.write(dataclasses.replace(clip, clean_jpeg=b"", extra_jpegs=()))
            else:
                rejects.append(outcome)
                tracks.write(clip)
            clock.lap("write")
    manifest = make_manifest(spec, shard, tracks, rows, rejects)
    write_manifest(folder, manifest, clock.seconds)
    return manifest


def _label(clip: StoredClip, settings: BuildSettings, stats: Mapping[str, ActionStats]) -> Sample | Reject:
    if clip.reject is not None:
        return clip.reject
    try:
        return label(clip, settings, stats)
    except DataError as error:
        return _reject(clip.ref, error)


def crashed_clip(ref: Ref) -> StoredClip:
    """What is stored of a clip that killed its process too often."""
    message = "the process died again and again while it worked on this clip; leave it out"
    return _rejected(ref, DataError("crashed", message))


def _rejected(ref: Ref, error: DataError) -> StoredClip:
    return StoredClip(ref, reject=_reject(ref, error))


def _reject(ref: Ref, error: DataError) -> Reject:
    logging.getLogger(__name__).info("%s %s: %s", ref.uri, ref.key, error.message)
    return Reject(ref.dataset, ref.uri, ref.key, LABEL, error.reason, error.message, ref.start_s)


def runs_of(refs: Sequence[Ref]) -> list[tuple[Ref, ...]]:
    """Split a shard's refs into runs: neighbours that are read in one pass."""
    runs: list[list[Ref]] = []
    for ref in refs:
        if runs and _run(runs[-1][-1]) == _run(ref):
            runs[-1].append(ref)
        else:
            runs.append([ref])
    return [tuple(run) for run in runs]


def _run(ref: Ref) -> tuple[object, ...]:
    return (ref.source, ref.uri, ref.camera, ref.run)


def _next_key(refs: Sequence[Ref], done: int) -> str:
    return refs[done].key if done < len(refs) else ""
