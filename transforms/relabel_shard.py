"""Labels a shard again from its stored tracks and clean pictures: no source and no tracker is touched."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apache_beam as beam
import cv2

from somtom.schemas.folder import shard_path, tracks_path
from somtom.schemas.reasons import DataError
from somtom.schemas.refs import ShardSpec
from somtom.schemas.sample import CLEAN
from somtom.schemas.settings import BuildSettings
from somtom.schemas.tar import read_shard
from somtom.schemas.tracks_table import StoredClip, read_tracks
from somtom.transforms.attempts import Attempts
from somtom.transforms.label_shard import Clock, write_shard


@dataclass(frozen=True)
class RelabelContext:
    """What labelling again needs besides the spec.

    Args:
        old: folder of the data set that is labelled again.
        folder: folder of the new data set.
        settings: of the new data set.
        notes: folder of the attempts' notes, None to keep none.
    """

    old: Path
    folder: Path
    settings: BuildSettings
    notes: Path | None


class RelabelShards(beam.PTransform):
    """ShardSpecs with their new label digest -> (shard name, number of samples)."""

    def __init__(self, context: RelabelContext) -> None:
        super().__init__()
        self.context = context

    def expand(self, specs: Any) -> Any:
        """Spread the specs over the workers and label each again."""
        return specs | "Spread" >> beam.Reshuffle() | "Relabel" >> beam.ParDo(_RelabelShard(self.context))


class _RelabelShard(beam.DoFn):
    def __init__(self, context: RelabelContext) -> None:
        self.context = context

    def setup(self) -> None:
        cv2.setNumThreads(1)

    def process(self, spec: ShardSpec) -> Iterator[tuple[str, int]]:
        attempts = Attempts(self.context.notes, spec.name)
        clips = stored_clips(self.context.old, spec, attempts)
        manifest = write_shard(spec, clips, self.context.folder, self.context.settings, Clock())
        yield spec.name, len(manifest.samples)


def stored_clips(folder: Path, spec: ShardSpec, attempts: Attempts) -> Iterator[StoredClip]:
    """Read the stored clips of a shard in order, each with its clean picture.

    Raises:
        DataError: `unreadable`, `bad_record`: tracks or shard are damaged or do not belong together.
    """
    pictures = _clean_pictures(folder, spec)
    stored = read_tracks(tracks_path(folder, spec.name))
    for done, (ref, clip) in enumerate(zip(spec.refs, stored, strict=True)):
        attempts.take(ref.key, done)
        if clip.ref.key != ref.key:
            raise DataError(
                "bad_record", f"{spec.name}: tracks/ holds {clip.ref.key} where {ref.key} was planned"
            )
        picture = clip.clean_jpeg
        if clip.reject is None and not picture:
            key, picture = next(pictures, ("nothing", b""))
            if key != ref.key:
                raise DataError("bad_record", f"{spec.name}: the shard holds {key} where {ref.key} is due")
        yield dataclasses.replace(clip, ref=ref, clean_jpeg=picture)
    attempts.take("", len(spec.refs))


def _clean_pictures(folder: Path, spec: ShardSpec) -> Iterator[tuple[str, bytes]]:
    path = shard_path(folder, spec.name)
    if path.is_file():
        for key, members in read_shard(path):
            yield key, members[CLEAN]
