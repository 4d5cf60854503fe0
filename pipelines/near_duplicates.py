"""Leaves out samples that look like others, once all shards are labelled: only then it is known which."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from somtom.pipelines.output import notes_path
from somtom.pipelines.runners import RunOptions
from somtom.pipelines.stage import Stage
from somtom.schemas.action_stats import read_action_stats
from somtom.schemas.duplicates import NEAR_DUPLICATE, near_duplicates
from somtom.schemas.folder import plan_path
from somtom.schemas.manifest import read_manifest
from somtom.schemas.plan_table import PlannedShard, read_plan
from somtom.schemas.refs import ShardSpec
from somtom.schemas.sample_rows import SampleRow
from somtom.schemas.settings import BuildSettings
from somtom.transforms.relabel_shard import RelabelShards


def drop_near_duplicates(
    settings: BuildSettings, folder: Path, planned: Sequence[PlannedShard], options: RunOptions
) -> int:
    """Label the shards again, from their own tracks, that hold what is to go or lack what is to come back.

    What goes depends on the samples that pass all other limits, with those left out before: a second run has
    nothing to do, one that was stopped goes on, and what was like a sample that was removed comes back.

    Returns:
        How many clips these shards hold.
    """
    if settings.filter.near_duplicates == "off":
        return 0
    out: dict[str, dict[str, str]] = {}

    def rows() -> Iterator[SampleRow]:
        """All rows, a manifest at a time: together they may be gigabytes."""
        for shard in planned:
            if manifest := read_manifest(folder, shard.name):
                rejects = [one for one in manifest.rejects if one.reason == NEAR_DUPLICATE]
                out[shard.name] = {one.key: one.message for one in rejects}
                yield from (*manifest.samples, *manifest.copies)

    copies = near_duplicates(rows(), settings.filter)
    todo = {shard for shard, now in out.items() if now != copies.get(shard, {})}
    if not todo:
        return 0
    total = sum(shard.refs for shard in planned if shard.name in todo)
    place, notes = options.output.place(folder, options.is_elsewhere), notes_path(folder)
    step = RelabelShards(place, place, settings, notes, stats=read_action_stats(folder))
    stage = Stage[ShardSpec]("near duplicates", "clips", step, lambda spec: len(spec.refs), notes)
    specs = (replace(spec, copies=copies.get(spec.name, {})) for spec in read_plan(plan_path(folder), todo))
    stage.run(specs, total, 0, replace(options, hints=()))  # labelling again needs no GPU
    options.output.gather(planned)
    return total
