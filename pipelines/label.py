"""The label stage: every planned shard that is not done yet is made."""

from collections.abc import Sequence
from pathlib import Path

from somtom.pipelines.config import BuildConfig
from somtom.pipelines.near_duplicates import drop_near_duplicates
from somtom.pipelines.output import notes_path
from somtom.pipelines.removals import shards_to_make, take_removals
from somtom.pipelines.runners import RunOptions
from somtom.pipelines.stage import FailureLimit, Stage
from somtom.schemas.action_stats import read_action_stats
from somtom.schemas.folder import MANIFESTS, META, plan_path
from somtom.schemas.manifest import Manifest, read_manifest
from somtom.schemas.plan_table import PlannedShard, read_plan
from somtom.schemas.refs import ShardSpec
from somtom.transforms.label_shard import LabelShards


def label_build(
    config: BuildConfig, folder: Path, planned: Sequence[PlannedShard], options: RunOptions
) -> int:
    """Make the shards that are not done, and leave out copies; returns how many clips that concerned."""
    limit = FailureLimit(options.max_failure_ratio)

    before = 0

    def was_done(shard: PlannedShard, manifest: Manifest) -> None:
        nonlocal before
        before += shard.refs
        limit.add(shard.refs, manifest.rejects)

    def finished(shard: str, inputs: int) -> None:
        options.output.fetch(f"{META}/{MANIFESTS}/{shard}.json")
        manifest = read_manifest(folder, shard)
        if manifest is None:
            raise RuntimeError(f"{shard}: was labelled but left no manifest")
        limit.add(inputs, manifest.rejects)

    removals = take_removals(folder)
    todo = shards_to_make(folder, planned, removals, can_return=True, done=was_done)
    notes = notes_path(folder)
    place, stats = options.output.place(folder, options.is_elsewhere), read_action_stats(folder)
    step = LabelShards(config.sources, config.settings, place, notes, removals, stats)
    stage = Stage[ShardSpec]("label", "clips", step, lambda spec: len(spec.refs), notes)
    specs = read_plan(plan_path(folder), todo)
    total = sum(one.refs for one in planned)
    stage.run(specs, total, before, options, finished)
    limit.settle()
    options.output.gather(planned)
    return max(total - before, drop_near_duplicates(config.settings, folder, planned, options))
