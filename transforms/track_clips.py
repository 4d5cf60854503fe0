"""Decodes the clips of a shard and follows points through them: all that comes before labelling."""

import contextlib
import dataclasses
import time
from collections import deque
from collections.abc import Collection, Generator, Iterator, Sequence
from typing import TypeGuard

import numpy as np

from somtom.schemas.annotation import PastStep
from somtom.schemas.clips import Clip
from somtom.schemas.pictures import encode_jpeg
from somtom.schemas.reasons import DataError
from somtom.schemas.refs import Ref
from somtom.schemas.removals import is_named, removal
from somtom.schemas.settings import BuildSettings, ClipSettings
from somtom.schemas.tracks import TrackerInfo, Tracks, as_stored
from somtom.schemas.tracks_table import StoredClip
from somtom.sources.source import Source
from somtom.tracking.batches import batch_length
from somtom.tracking.grid import grid_queries
from somtom.tracking.trackers import at_working_size, in_own_pixels
from somtom.transforms.ahead import ahead
from somtom.transforms.attempts import TOGETHER, Attempts
from somtom.transforms.clock import Clock
from somtom.transforms.find_elements import find_elements
from somtom.transforms.image_filter import filter_pictures
from somtom.transforms.in_batches import in_batches
from somtom.transforms.metrics import count, observe, observe_seconds
from somtom.transforms.read_clips import ReadClip, read_refs
from somtom.transforms.rejects import crash, rejected_clip
from somtom.transforms.shared_tracker import SHARD, WAITING, SharedTracker

AHEAD = 2  # batches that are decoded before they are asked for
MOST_BYTES = 1 << 30  # of their frames; and of those that wait until their batch is full


def fresh_clips(
    refs: Sequence[Ref],
    removals: Collection[str],
    sources: Sequence[Source],
    settings: BuildSettings,
    shared: SharedTracker,
    attempts: Attempts,
    clock: Clock,
) -> Generator[StoredClip, None, None]:
    """Decode and track the refs of a shard, in order; what cannot be tracked comes as a reject.

    What the `removals` name is not even decoded.
    """
    left_out = dict.fromkeys(attempts.blamed, crash())
    left_out |= {ref.key: removal() for ref in refs if is_named(ref, removals)}
    decoded = read_refs(refs, sources, settings.clips, left_out)
    with shared.meter.during(SHARD):
        if shared.is_fed_ahead and not attempts.is_careful:
            yield from _fed_ahead(decoded, settings, shared, attempts, clock)
        else:
            yield from _one_by_one(refs, decoded, settings, shared, attempts, clock)
    if shared.is_fed_ahead:
        clock.load = shared.meter.drain()


def _one_by_one(
    refs: Sequence[Ref],
    decoded: Iterator[ReadClip],
    settings: BuildSettings,
    shared: SharedTracker,
    attempts: Attempts,
    clock: Clock,
) -> Generator[StoredClip, None, None]:
    """Decode, track and label a clip before the next: a process that dies had that one in hand."""
    attempts.take(_key(refs, 0), 0)
    for done, read in enumerate(decoded, 1):
        observe_seconds("decode_ms", clock.lap("decode"))
        tracked = track_refs([read], shared, settings)
        observe_seconds("track_ms", clock.lap("track"))
        yield from tracked
        attempts.take(_key(refs, done), done)


def _fed_ahead(
    decoded: Generator[ReadClip, None, None],
    settings: BuildSettings,
    shared: SharedTracker,
    attempts: Attempts,
    clock: Clock,
) -> Generator[StoredClip, None, None]:
    """Track clips in batches, while a thread decodes those that follow."""

    def waited_for(clips: Iterator[ReadClip]) -> Iterator[ReadClip]:
        while True:
            with shared.meter.during(WAITING):
                read = next(clips, None)
            clock.lap("decode")
            if read is None:
                return
            observe_seconds("decode_ms", took_s.popleft())
            yield read

    def track(batch: Sequence[ReadClip]) -> list[StoredClip]:
        tracked = track_refs(batch, shared, settings)
        seconds = clock.lap("track")
        for _ in batch:
            observe_seconds("track_ms", seconds / len(batch))
        return tracked

    def kind(read: ReadClip) -> int:
        return batch_length(shared.tracker, len(read[1].frames)) if _is_followed(read[1]) else 0

    took_s: deque[float] = deque()  # decoding each clip that is on its way from the thread
    attempts.take(TOGETHER, 0)
    with contextlib.closing(
        ahead(_timed(decoded, took_s), _size, AHEAD * shared.batch, MOST_BYTES)
    ) as coming:
        batches = in_batches(waited_for(coming), kind, _size, track, lambda: shared.batch, MOST_BYTES)
        for done, tracked in enumerate(batches, 1):
            yield tracked
            attempts.take(TOGETHER, done)


def _timed(clips: Generator[ReadClip, None, None], took_s: deque[float]) -> Generator[ReadClip, None, None]:
    """Give the clips, and put aside how many seconds each of them took to come."""
    with contextlib.closing(clips):
        begun = time.perf_counter()
        for clip in clips:
            took_s.append(time.perf_counter() - begun)
            yield clip
            begun = time.perf_counter()


def _size(read: ReadClip) -> int:
    """Bytes of a clip's frames."""
    return 0 if isinstance(read[1], DataError) else read[1].frames.nbytes


def _is_followed(clip: Clip | DataError) -> TypeGuard[Clip]:
    """Whether points are followed through it: not through a screenshot or the picture of a pair."""
    return isinstance(clip, Clip) and clip.annotation.is_clip


def track_refs(batch: Sequence[ReadClip], shared: SharedTracker, settings: BuildSettings) -> list[StoredClip]:
    """Follow the query grid through clips of one length; in a screenshot elements are found instead."""
    tracking = settings.tracking
    working = [
        at_working_size(clip.frames, grid_queries(clip.width, clip.height, tracking.grid), tracking)
        for _, clip in batch
        if _is_followed(clip)
    ]
    found = iter(zip(working, shared.track(working), strict=True))
    stored = []
    for ref, clip in batch:
        tracks = None
        if isinstance(clip, Clip):
            count("clips_read")
            count("frames_decoded", len(clip.frames) + len(clip.history) + len(clip.cameras))
            observe("frames_per_clip", len(clip.frames))
        if _is_followed(clip):
            scaled, outcome = next(found)
            if isinstance(outcome, DataError):
                stored.append(rejected_clip(ref, outcome))
                continue
            tracks = as_stored(in_own_pixels(scaled, outcome))
            count("clips_tracked")
        stored.append(_stored(ref, clip, tracks, shared.tracker.info, settings))
    return stored


def _stored(
    ref: Ref, clip: Clip | DataError, tracks: Tracks | None, tracker: TrackerInfo, settings: BuildSettings
) -> StoredClip:
    """What is kept of a clip: with elements found where it is a screenshot."""
    if isinstance(clip, DataError):
        return rejected_clip(ref, clip)
    try:
        clip = filter_pictures(clip, settings.clips.image_filter)
    except DataError as error:
        return rejected_clip(ref, error)
    if clip.annotation.screen is not None:
        clip = find_elements(clip, settings.tracking)
    quality = settings.clips.jpeg_quality
    whole = pad_extras(clip, settings.clips)
    return StoredClip(
        ref,
        width=clip.width,
        height=clip.height,
        source_width=clip.source_width,
        source_height=clip.source_height,
        times_s=clip.times_s,
        tracks=tracks,
        tracker=tracker if tracks is not None else None,
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


def _key(refs: Sequence[Ref], done: int) -> str:
    return refs[done].key if done < len(refs) else ""
