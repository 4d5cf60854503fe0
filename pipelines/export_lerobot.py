"""Annotations for a LeRobot data set: marks, traces and questions at its own episode and frame numbers.

LeRobot (since its language columns) keeps what is said of a frame in `language_events`, a list of rows of
role, content, style, camera and tool_calls beside the frame. Its own styles hold what we have: `vqa`, a
question and its answer about a camera's picture, and `trace`, paths in a camera's picture. They are written
as a table of their own: the data set itself, which may lie anywhere, is not touched.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from somtom.pipelines.config_rules import ConfigError
from somtom.pipelines.export_selection import Selection, Written
from somtom.pipelines.export_table import TableFiles, front_matter, value
from somtom.pipelines.export_tracks import samples_and_clips
from somtom.schemas.answers import parse_paths, parse_tom
from somtom.schemas.features import dataset_features
from somtom.schemas.files import write_whole
from somtom.schemas.folder import CARD
from somtom.schemas.record import Record
from somtom.schemas.sample import JSON, TRACES, Sample
from somtom.schemas.tracks_table import StoredClip

FILE_BYTES = 500_000_000
_EPISODE = re.compile(r"episode_([0-9]{1,12})")
_IMAGES = re.compile(r"<image>\n?")
_EVENT = {
    **dict.fromkeys(("role", "content", "style", "camera"), value("string")),
    "tool_calls": [value("string")],
}
_DECLARED = dataset_features()
_FEATURES: dict[str, Any] = {
    "dataset": value("string"),
    "episode_index": value("int64"),
    "frame_index": value("int64"),
    "timestamp": value("float32"),
    "camera": value("string"),
    "task": value("string"),
    "language_events": [_EVENT],
    "width": value("int64"),
    "height": value("int64"),
    "source_width": value("int64"),
    "source_height": value("int64"),
    "marks": _DECLARED[JSON]["marks"],
    "traces": _DECLARED[TRACES],
    "trace_frame_index": [value("int64")],
    "action": _DECLARED[JSON]["action"],
    "key": value("string"),
}
_CARD = """
# Set-of-Mark and Trace-of-Mark annotations of LeRobot data sets

One row a sample, joined to the data set by `episode_index` and `frame_index`; several rows of one frame
(cameras) are appended. `language_events` holds LeRobot's own rows. `marks` and `traces` (T, K, 3) are in
pixels of the picture scaled to `width` x `height`; row k of `traces` is frame `trace_frame_index[k]`.
"""


@dataclass(frozen=True)
class LerobotAnnotations:
    """Samples of LeRobot data sets only."""

    def export(self, chosen: Selection, out: Path) -> Written:
        """See `Exporter`."""
        left: Counter[str] = Counter()
        written: Counter[str] = Counter()
        for split in chosen.counts:
            with TableFiles(out, split, _FEATURES, FILE_BYTES) as table:
                for sample, clip in samples_and_clips(chosen, split):
                    episode = _EPISODE.fullmatch(clip.ref.uri)
                    if clip.ref.kind != "lerobot" or episode is None:
                        left["not of a LeRobot data set"] += 1
                        continue
                    row = _row(sample, clip, int(episode[1]))
                    table.write(row, 2 * len(str(row["language_events"])) + sample.traces.nbytes)
                    written[split] += 1
        if not written:
            raise ConfigError("--to lerobot-annotations: none of the samples is of a LeRobot data set")
        write_whole(out / CARD, (front_matter(written) + _CARD).encode())
        return Written(written.total(), left)


def _row(sample: Sample, clip: StoredClip, episode: int) -> dict[str, Any]:
    record, ref = sample.record, clip.ref
    frames = ref.frames[ref.history :]
    return {
        "dataset": ref.dataset,
        "episode_index": episode,
        "frame_index": frames[0],
        "timestamp": ref.start_s,
        "camera": ref.camera,
        "task": record["instruction"],
        "language_events": list(_events(record, ref.camera)),
        **{name: getattr(clip, name) for name in ("width", "height", "source_width", "source_height")},
        "marks": record["marks"],
        "traces": sample.traces.tolist(),
        "trace_frame_index": list(frames[: len(sample.traces)]),
        "action": record["action"],
        "key": sample.key,
    }


def _events(record: Record, camera: str) -> Iterator[dict[str, Any]]:
    """A trace for an answer of traces, question and answer for others; the actions LeRobot has itself."""
    turns = record["conversations"]
    for question, answer in zip(turns[::2], turns[1::2], strict=True):
        said = answer["value"]
        if said == record["action"]["text"]:
            continue
        if _is(said, parse_tom) or _is(said, parse_paths):
            yield _event("assistant", said, "trace", camera)
        else:
            yield _event("user", _IMAGES.sub("", question["value"]), "vqa", camera)
            yield _event("assistant", said, "vqa", camera)


def _event(role: str, content: str, style: str, camera: str) -> dict[str, Any]:
    return {"role": role, "content": content, "style": style, "camera": camera, "tool_calls": None}


def _is(text: str, parse: Any) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True
