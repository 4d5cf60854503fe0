"""A data set again, in shards of another size, of the samples chosen.

`somtom check` passes it. Stored tracks go along, so that it can be labelled again. Where everything is
exported, so do clips that gave no sample and inputs that gave no clip; a selection holds its samples alone.
"""

import contextlib
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import tomli_w

from somtom.pipelines.config import parse_sections
from somtom.pipelines.config_rules import ConfigError
from somtom.pipelines.export_selection import Selection, Written
from somtom.pipelines.finish import finish_build
from somtom.pipelines.output import config_path, read_config_tree
from somtom.schemas.action_stats import read_action_stats, write_action_stats
from somtom.schemas.books import SCAN
from somtom.schemas.files import write_whole
from somtom.schemas.folder import plan_path, removals_path, shard_name, shard_path, tracks_path
from somtom.schemas.keys import digest
from somtom.schemas.manifest import make_manifest, read_manifest, write_manifest
from somtom.schemas.meta_tables import read_items, read_rejects, write_items, write_rejects
from somtom.schemas.plan_table import read_plan, read_plan_index, write_plan
from somtom.schemas.reasons import DataError, Reject
from somtom.schemas.record_fields import SPLITS
from somtom.schemas.refs import Ref, ShardSpec
from somtom.schemas.sample import Sample, sample_members
from somtom.schemas.sample_rows import SampleRow, sample_row
from somtom.schemas.settings import BuildSettings
from somtom.schemas.shard_index import write_dali_index
from somtom.schemas.tar import BLOCK, ShardWriter
from somtom.schemas.tracks_table import StoredClip, TracksWriter, read_tracks


@dataclass(frozen=True)
class Tar:
    """Shards of `clips_per_shard` clips, fewer where a tar would exceed `shard_bytes` (0: no bound)."""

    clips_per_shard: int = 1024
    shard_bytes: int = 0

    def export(self, chosen: Selection, out: Path) -> Written:
        """See `Exporter`."""
        if self.clips_per_shard < 1 or self.shard_bytes < 0:
            raise ConfigError("--clips-per-shard must be 1 or more, --bytes 0 (no bound) or more")
        used: Counter[tuple[str, str]] = Counter()
        write_plan(plan_path(out), self._shards(chosen, out, used))
        _write_tables(chosen, out, used)
        tree = read_config_tree(chosen.folder)
        tree["output"] = {**_section(tree, "output"), "clips_per_shard": self.clips_per_shard}
        write_whole(config_path(out), tomli_w.dumps(tree).encode())
        settings = parse_sections(tree, BuildSettings, ["source"])
        finish_build(out, read_plan_index(plan_path(out)), 0, settings.clips)
        return Written(chosen.total)

    def _shards(self, chosen: Selection, out: Path, used: Counter[tuple[str, str]]) -> Iterator[ShardSpec]:
        """Write one shard after the other and give its plan; counts in `used` how many refs of an input."""
        for split in _splits(chosen):
            number = 0
            shard: _Shard | None = None
            with contextlib.ExitStack() as stack:
                for one in _clips(chosen, split):
                    if shard is not None and not self._fits(shard, one):
                        yield shard.close()
                        shard, number = None, number + 1
                    if shard is None:
                        shard = stack.enter_context(_Shard(out, shard_name(split, number), split, one.origin))
                    shard.write(one)
                    used[one.ref.dataset, one.ref.uri] += 1
                if shard is not None:
                    yield shard.close()

    def _fits(self, shard: "_Shard", one: "_Stored") -> bool:
        if len(shard.refs) >= self.clips_per_shard or shard.label_digest != one.origin.label_digest:
            return False
        return not self.shard_bytes or shard.size_bytes + one.size_bytes <= self.shard_bytes


@dataclass(frozen=True)
class _Stored:
    """A clip of the data set that is read, with the sample it gave, or why it gave none.

    `copy` is the row of a sample that was left out because it looks like another.
    """

    ref: Ref
    clip: StoredClip
    origin: ShardSpec
    sample: Sample | None = None
    reject: Reject | None = None
    copy: SampleRow | None = None

    @property
    def size_bytes(self) -> int:
        """About what it takes in a tar."""
        return sum(2 * BLOCK + len(data) for _, data in sample_members(self.sample)) if self.sample else 0


def _splits(chosen: Selection) -> list[str]:
    """The splits to write; of a whole data set also one whose clips all gave no sample."""
    if not chosen.is_whole:
        return list(chosen.counts)
    planned = {one.split for one in read_plan_index(plan_path(chosen.folder))}
    return [split for split in SPLITS if split in planned and chosen.split in ("", split)]


def _clips(chosen: Selection, split: str) -> Iterator[_Stored]:
    """The clips of a split in the plan's order: those chosen, and all others where everything is exported."""
    groups = chosen.keys(split)
    shard, keys = next(groups, ("", []))
    for spec in read_plan(plan_path(chosen.folder)):
        if spec.split != split:
            continue
        wanted: set[str] = set()
        samples: Iterator[Sample] = iter(())
        if shard == spec.name:
            wanted, samples = set(keys), chosen.read(shard, keys)
            shard, keys = next(groups, ("", []))
        if wanted or chosen.is_whole:
            yield from _clips_of(chosen, spec, wanted, samples)
    if shard:
        raise DataError("unreadable", f"plan.parquet: {shard} is not planned, or not in its order")


def _clips_of(
    chosen: Selection, spec: ShardSpec, wanted: set[str], samples: Iterator[Sample]
) -> Iterator[_Stored]:
    manifest = read_manifest(chosen.folder, spec.name)
    path = tracks_path(chosen.folder, spec.name)
    if manifest is None or not path.is_file():
        raise DataError("unreadable", f"{spec.name}: its manifest or its tracks are missing; build it again")
    rejects = {one.key: one for one in manifest.rejects} if chosen.is_whole else {}
    copies = {str(row["key"]): row for row in manifest.copies}
    clips = read_tracks(path)
    for ref in spec.refs:
        clip = next(clips, None)
        if clip is None or clip.ref.key != ref.key:
            raise DataError("unreadable", f"{path.name}: does not hold the clips planned for {spec.name}")
        if ref.key in wanted:
            sample = next(samples, None)
            if sample is None or sample.key != ref.key:
                raise DataError("unreadable", f"{spec.name}: {ref.key} is not where its plan has it")
            yield _Stored(ref, clip, spec, sample=sample)
        elif ref.key in rejects:
            yield _Stored(ref, clip, spec, reject=rejects[ref.key], copy=copies.get(ref.key))
    for _ in samples:
        raise DataError("unreadable", f"{spec.name}: holds more samples than were planned")


class _Shard:
    """One shard being written: its tar, its tracks, then its index and its manifest."""

    def __init__(self, out: Path, name: str, split: str, origin: ShardSpec) -> None:
        self.label_digest = origin.label_digest
        self.refs: list[Ref] = []
        self.size_bytes = 0
        self._out, self._name, self._split = out, name, split
        self._origins: dict[str, None] = {}
        self._rows: list[SampleRow] = []
        self._rejects: list[Reject] = []
        self._copies: list[SampleRow] = []
        self._files = contextlib.ExitStack()
        self._tar = self._files.enter_context(ShardWriter(shard_path(out, name)))
        self._tracks = self._files.enter_context(TracksWriter(tracks_path(out, name)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        """Drop what was begun when an error ends the block; a shard that was closed stays."""
        self._files.__exit__(*error)

    def write(self, one: _Stored) -> None:
        """Append a clip."""
        self.refs.append(one.ref)
        self._origins[one.origin.track_digest] = None
        self._tracks.write(one.clip)
        if one.sample is not None:
            self._tar.write(one.sample)
            self.size_bytes += one.size_bytes
            self._rows.append(sample_row(one.sample.record, self._name, len(one.sample.traces)))
        elif one.reject is not None:
            self._rejects.append(one.reject)
            self._copies += [{**one.copy, "shard": self._name}] if one.copy is not None else []

    def close(self) -> ShardSpec:
        """Finish the files; gives what is to be planned of them."""
        self._files.close()
        made_of = digest("repacked", list(self._origins), [ref.key for ref in self.refs])
        spec = ShardSpec(self._name, self._split, tuple(self.refs), made_of, self.label_digest)
        write_dali_index(self._out, self._name, self._tar.members)
        manifest = make_manifest(spec, self._tar, self._tracks, self._rows, self._rejects, self._copies)
        write_manifest(self._out, manifest)
        return spec


def _write_tables(chosen: Selection, out: Path, used: Counter[tuple[str, str]]) -> None:
    """Write the tables that `finish_build` starts from: the inputs, why some gave nothing, the actions."""
    folder = chosen.folder
    everything = chosen.is_whole and not chosen.split
    items = read_items(folder)
    if not everything:
        items = (
            replace(one, refs=used[one.source, one.facts.uri])
            for one in items
            if used[one.source, one.facts.uri]
        )
    write_items(out, items)
    write_rejects(out, (one for one in read_rejects(folder) if one.stage == SCAN and everything))
    datasets = {dataset for dataset, _ in used}
    stats = {name: one for name, one in read_action_stats(folder).items() if everything or name in datasets}
    if stats:
        write_action_stats(out, stats)
    if removals_path(folder).is_file():
        shutil.copyfile(removals_path(folder), removals_path(out))


def _section(tree: Mapping[str, object], name: str) -> Mapping[str, object]:
    section = tree.get(name)
    return section if isinstance(section, dict) else {}
