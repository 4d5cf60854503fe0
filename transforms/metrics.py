"""What a run counts, on every runner, by name. Knows no Beam, whose import takes a second.

Where work is done says `count` and `observe`; they reach Beam's counters while `counting` is on in this
thread (see `transforms.tasks`), and cost next to nothing elsewhere.
"""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Protocol

from somtom.schemas.reasons import REASONS

NAMESPACE = "somtom"

# name -> (unit, meaning)
COUNTERS: dict[str, tuple[str, str]] = {
    "items_scanned": ("inputs", "looked into for clips, usable or not"),
    "items_used": ("inputs", "that gave a clip or more"),
    **{
        f"items_{outcome}_{reason}": ("inputs", f"that gave none: {meaning}")
        for reason, (outcome, meaning) in REASONS.items()
    },
    "clips_found": ("clips", "that scanning found: the plan is made of them"),
    "clips_taken": ("clips", "planned ones that were gone through, whatever became of them"),
    "clips_read": ("clips", "decoded, or a picture read"),
    "clips_tracked": ("clips", "through which points were followed"),
    "frames_decoded": ("frames", "of clips, their histories and further cameras, at the size of a clip"),
    "samples": ("samples", "labelled, drawn and written"),
    **{
        f"clips_{outcome}_{reason}": ("clips", f"that gave no sample: {meaning}")
        for reason, (outcome, meaning) in REASONS.items()
    },
    "shards_written": ("shards", "put in place with tracks and manifest, also those without a sample"),
    "bytes_written": ("bytes", "of shards and tracks"),
}
DISTRIBUTIONS: dict[str, tuple[str, str]] = {
    "scan_ms": ("ms an input", "scanning: a video is decoded once, of the rest only metadata is read"),
    "clips_per_item": ("clips an input", "found in an input that was used"),
    "decode_ms": ("ms a clip", "reading and decoding; the first of a run also opens the file and seeks"),
    "track_ms": ("ms a clip", "following points, or finding elements, and encoding what is kept"),
    "label_ms": ("ms a clip", "motion, marks, text and drawing"),
    "write_ms": ("ms a clip", "into shard and tracks"),
    "frames_per_clip": ("frames a clip", "that are tracked; one of a screenshot"),
    "marks_per_sample": ("marks a sample", "drawn or named"),
    "trace_frames_per_sample": ("frames a sample", "that its traces span"),
    "samples_per_shard": ("samples a shard", "of a shard that was written"),
}


class Sink(Protocol):
    """Where counts go."""

    def count(self, name: str, number: int) -> None:
        """Add to one of `COUNTERS`."""
        ...

    def observe(self, name: str, value: int) -> None:
        """Add a value to one of `DISTRIBUTIONS`."""
        ...


_SINK: ContextVar[Sink | None] = ContextVar("somtom_metrics", default=None)


@contextlib.contextmanager
def counting(sink: Sink) -> Iterator[None]:
    """Send to `sink` what the block counts in this thread."""
    token = _SINK.set(sink)
    try:
        yield
    finally:
        _SINK.reset(token)


def count(name: str, number: int = 1) -> None:
    """Add to one of `COUNTERS`."""
    if (sink := _SINK.get()) is not None:
        sink.count(name, number)


def observe(name: str, value: int) -> None:
    """Add a value to one of `DISTRIBUTIONS`: of small whole numbers, which is what Beam's hold."""
    if (sink := _SINK.get()) is not None:
        sink.observe(name, value)


def observe_seconds(name: str, seconds: float) -> None:
    """Add a time to a distribution of milliseconds."""
    observe(name, round(1000 * seconds))
