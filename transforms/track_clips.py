"""Decodes the clips of a shard and follows points through them: all that comes before labelling."""

import dataclasses
import threading
from collections.abc import Iterator, Sequence

import numpy as np

from somtom.schemas.annotation import PastStep
from somtom.schemas.clips import Clip
from somtom.schemas.pictures import encode_jpeg
from somtom.schemas.reasons import DataError
from somtom.schemas.refs import Ref
from somtom.schemas.settings import BuildSettings, ClipSettings, TrackingSettings
from somtom.schemas.tracks import as_stored
from somtom.schemas.tracks_table import StoredClip
from somtom.sources.source import Source
from somtom.tracking.grid import grid_queries
from somtom.tracking.trackers import PointTracker, make_tracker, track_clip
from somtom.transforms.attempts import Attempts
from somtom.transforms.clock import Clock
from somtom.transforms.find_elements import find_elements
from somtom.transforms.read_clips import read_run, runs_of
from somtom.transforms.rejects import crashed_clip, rejected_clip

_trackers: dict[TrackingSettings, PointTracker] = {}
_making = threading.Lock()


def shared_tracker(settings: TrackingSettings) -> PointTracker:
    """Give the process's tracker: made once, since it may load a large model, and shared by its threads."""
    with _making:
        if settings not in _trackers:
            _trackers.clear()  # a model that is no longer wanted must not hold its memory
            _trackers[settings] = make_tracker(settings)
        return _trackers[settings]


def fresh_clips(
    refs: Sequence[Ref],
    sources: Sequence[Source],
    settings: BuildSettings,
    tracker: PointTracker,
    attempts: Attempts,
    clock: Clock,
) -> Iterator[StoredClip]:
    """Decode and track the refs of a shard, in order; what cannot be tracked comes as a reject."""
    done = 0
    for run in runs_of(refs):
        wanted = [ref for ref in run if ref.key not in attempts.blamed]
        if wanted:
            attempts.take(wanted[0].key, done)
        decoded = read_run(wanted, sources[run[0].source], settings.clips)
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
            attempts.take(_next_key(refs, done), done)


def track_ref(ref: Ref, clip: Clip | DataError, tracker: PointTracker, settings: BuildSettings) -> StoredClip:
    """Follow the query grid through a clip, or find elements on a screenshot; a pair has neither."""
    if isinstance(clip, DataError):
        return rejected_clip(ref, clip)
    tracks = None
    if clip.annotation.is_clip:
        queries = grid_queries(clip.width, clip.height, settings.tracking.grid)
        try:
            tracks = as_stored(track_clip(tracker, clip.frames, queries, settings.tracking))
        except DataError as error:
            return rejected_clip(ref, error)
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


def _next_key(refs: Sequence[Ref], done: int) -> str:
    return refs[done].key if done < len(refs) else ""
