"""Labels a shard again from its stored tracks and clean pictures: no source and no tracker is touched."""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from somtom.schemas.action_stats import ActionStats
from somtom.schemas.folder import shard_path, timings_path, tracks_path
from somtom.schemas.manifest import read_timings, read_tracker_load
from somtom.schemas.reasons import DataError
from somtom.schemas.refs import ShardSpec
from somtom.schemas.removals import is_named, removal
from somtom.schemas.sample import CLEAN, FIRST_MEMBERS
from somtom.schemas.settings import BuildSettings
from somtom.schemas.tar import read_shard
from somtom.schemas.tracks_table import StoredClip, read_tracks
from somtom.transforms.attempts import Attempts, Notes
from somtom.transforms.clock import Clock
from somtom.transforms.label_shard import write_shard
from somtom.transforms.logs import working_on
from somtom.transforms.place import Place
from somtom.transforms.rejects import crash, rejected_clip


@dataclass(frozen=True)
class RelabelShards:
    """The step of labelling again, with what it needs besides the spec.

    Args:
        old: the data set that is labelled again.
        place: where the shards of the new data set go; it may be the old one.
        settings: of the new data set.
        notes: where the attempts' notes lie, None to keep none.
        removals: keys, uris and groups that are taken out.
        stats: of the data sets' actions.
    """

    old: Place
    place: Place
    settings: BuildSettings
    notes: Notes
    removals: frozenset[str] = frozenset()
    stats: Mapping[str, ActionStats] = field(default_factory=dict)

    def run(self, spec: ShardSpec) -> int:
        """Make one shard of the new data set; returns the number of samples."""
        here = Path()
        names = [str(path(here, spec.name)) for path in (shard_path, tracks_path, timings_path)]
        with (
            working_on(stage="relabel", shard=spec.name),
            self.old.reading(names) as old,
            self.place.writing() as folder,
        ):
            clock = Clock()
            if self.old == self.place:  # what was spent on the shard before still counts
                clock.seconds.update(read_timings(old, spec.name))
                clock.load = read_tracker_load(old, spec.name)
            stored = stored_clips(old, spec, Attempts(self.notes, spec.name))
            clips = (
                rejected_clip(one.ref, removal()) if is_named(one.ref, self.removals) else one
                for one in stored
            )
            made = write_shard(spec, clips, folder, self.settings, self.stats, clock)
        return len(made.samples)


def stored_clips(folder: Path, spec: ShardSpec, attempts: Attempts) -> Iterator[StoredClip]:
    """Read the stored clips of a shard in order, each with its pictures.

    Raises:
        DataError: `unreadable`, `bad_record`: tracks or shard are damaged or do not belong together.
    """
    pictures = _pictures(folder, spec)
    stored = read_tracks(tracks_path(folder, spec.name))
    for done, ref in enumerate(spec.refs):
        attempts.take(ref.key, done)
        clip = next(stored, None)
        if clip is None or clip.ref.key != ref.key:
            found = "nothing" if clip is None else clip.ref.key
            raise DataError("bad_record", f"{spec.name}: tracks/ holds {found} where {ref.key} was planned")
        picture, extra = clip.clean_jpeg, clip.extra_jpegs
        if clip.reject is None and not picture:
            key, picture, extra = next(pictures, ("nothing", b"", ()))
            if key != ref.key:
                raise DataError("bad_record", f"{spec.name}: the shard holds {key} where {ref.key} is due")
        whole = dataclasses.replace(clip, ref=ref, clean_jpeg=picture, extra_jpegs=extra)
        yield rejected_clip(ref, crash()) if ref.key in attempts.blamed else whole
    attempts.take("", len(spec.refs))


def _pictures(folder: Path, spec: ShardSpec) -> Iterator[tuple[str, bytes, tuple[bytes, ...]]]:
    """The clean picture and the further ones of each sample of the shard."""
    path = shard_path(folder, spec.name)
    if path.is_file():
        for key, members in read_shard(path):
            extra = tuple(data for name, data in members.items() if name not in FIRST_MEMBERS)
            if CLEAN not in members:
                raise DataError("bad_record", f"{path.name}: {key}: has no {CLEAN}")
            yield key, members[CLEAN], extra
