"""Beam 2: one shard spec in, one shard with its tracks and its manifest out."""

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from somtom.schemas.action_stats import ActionStats
from somtom.schemas.books import LABEL
from somtom.schemas.duplicates import NEAR_DUPLICATE
from somtom.schemas.folder import shard_path, tracks_path
from somtom.schemas.manifest import Manifest, make_manifest, write_manifest
from somtom.schemas.reasons import DataError, Reject
from somtom.schemas.refs import ShardSpec
from somtom.schemas.sample import Sample
from somtom.schemas.sample_rows import SampleRow, sample_row
from somtom.schemas.settings import BuildSettings
from somtom.schemas.shard_index import write_dali_index
from somtom.schemas.tar import ShardWriter
from somtom.schemas.tracks_table import StoredClip, TracksWriter
from somtom.sources.source import Source
from somtom.transforms.attempts import Attempts, Notes
from somtom.transforms.clock import Clock
from somtom.transforms.label import label
from somtom.transforms.logs import take_clip, working_on
from somtom.transforms.metrics import count, observe, observe_seconds
from somtom.transforms.place import Place
from somtom.transforms.rejects import reject_of
from somtom.transforms.shared_tracker import shared_tracker
from somtom.transforms.track_clips import fresh_clips


@dataclass(frozen=True)
class LabelShards:
    """The step of the label stage, with what it needs besides the spec.

    Args:
        sources: of the whole configuration; `Ref.source` points into them.
        settings: of the build.
        place: where the shard goes.
        notes: where the attempts' notes lie, None to keep none.
        removals: keys, uris and groups that are taken out.
        stats: of the data sets' actions.
    """

    sources: tuple[Source, ...]
    settings: BuildSettings
    place: Place
    notes: Notes
    removals: frozenset[str] = frozenset()
    stats: Mapping[str, ActionStats] = field(default_factory=dict)

    def run(self, spec: ShardSpec) -> int:
        """Make one shard with its tracks and its manifest; returns the number of samples."""
        shared = shared_tracker(self.settings.tracking)
        attempts = Attempts(self.notes, spec.name)
        clock = Clock()
        fresh = fresh_clips(spec.refs, self.removals, self.sources, self.settings, shared, attempts, clock)
        with (
            working_on(stage=LABEL, shard=spec.name),
            self.place.writing() as folder,
            contextlib.closing(fresh) as clips,
        ):
            manifest = write_shard(spec, clips, folder, self.settings, self.stats, clock)
        attempts.take("", len(spec.refs))
        return len(manifest.samples)


def write_shard(
    spec: ShardSpec,
    clips: Iterator[StoredClip],
    folder: Path,
    settings: BuildSettings,
    stats: Mapping[str, ActionStats],
    clock: Clock,
) -> Manifest:
    """Label the clips and write shard, its index, tracks and, last, the manifest.

    `clips` are those of the spec's refs in order, each with its pictures or a reject. What the spec
    knows as a copy is left out last, where nothing else leaves it out.
    """
    rows: list[SampleRow] = []
    dropped: list[SampleRow] = []
    rejects: list[Reject] = []
    with (
        ShardWriter(shard_path(folder, spec.name)) as shard,
        TracksWriter(tracks_path(folder, spec.name)) as tracks,
    ):
        for clip in clips:
            take_clip(clip.ref)
            outcome = _label(clip, settings, stats)
            observe_seconds("label_ms", clock.lap("label"))
            count("clips_taken")
            if isinstance(outcome, Sample):
                row = sample_row(outcome.record, spec.name, len(outcome.traces))
                if like := spec.copies.get(outcome.key):
                    dropped.append(row)
                    outcome = reject_of(clip.ref, DataError(NEAR_DUPLICATE, like))
            if isinstance(outcome, Sample):
                shard.write(outcome)
                rows.append(row)
                tracks.write(dataclasses.replace(clip, clean_jpeg=b"", extra_jpegs=()))
                count("samples")
                observe("marks_per_sample", rows[-1]["marks"])
                observe("trace_frames_per_sample", len(outcome.traces))
            else:
                rejects.append(outcome)
                tracks.write(clip)
                count(f"clips_{outcome.outcome}_{outcome.reason}")
            observe_seconds("write_ms", clock.lap("write"))
    write_dali_index(folder, spec.name, shard.members)
    manifest = make_manifest(spec, shard, tracks, rows, rejects, dropped)
    write_manifest(folder, manifest, clock.seconds, clock.load)
    count("shards_written")
    count("bytes_written", manifest.size_bytes + manifest.tracks_size_bytes)
    observe("samples_per_shard", len(rows))
    return manifest


def _label(clip: StoredClip, settings: BuildSettings, stats: Mapping[str, ActionStats]) -> Sample | Reject:
    if clip.reject is not None:
        return clip.reject
    try:
        return label(clip, settings, stats)
    except DataError as error:
        return reject_of(clip.ref, error)
