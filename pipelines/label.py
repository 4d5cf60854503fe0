"""The label stage: every planned shard that is not done yet is made."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from somtom.pipelines.config import BuildConfig
from somtom.pipelines.output import notes_path
from somtom.pipelines.runners import RunOptions
from somtom.pipelines.stage import FailureLimit, Stage
from somtom.schemas.folder import plan_path
from somtom.schemas.manifest import is_done, read_manifest
from somtom.schemas.plan_table import PlannedShard, read_plan
from somtom.schemas.refs import ShardSpec
from somtom.transforms.label_shard import LabelShards


def label_build(
    config: BuildConfig, folder: Path, planned: Sequence[PlannedShard], options: RunOptions
) -> int:
    """Make the shards that are not done; returns how many were done before."""
    todo = [one for one in planned if not is_done(folder, one)]
    names = {one.name for one in todo}
    notes = notes_path(folder)
    step = LabelShards(sources=config.sources, settings=config.settings, folder=folder, notes=notes)
    stage = Stage[ShardSpec]("label", "clips", step, lambda spec: len(spec.refs), notes)
    limit = FailureLimit(options.max_failure_ratio)
    done = sum(one.refs for one in planned) - sum(one.refs for one in todo)
    specs: Iterator[ShardSpec] = read_plan(plan_path(folder), names)
    for spec in stage.run(specs, sum(one.refs for one in planned), done, options):
        manifest = read_manifest(folder, spec.name)
        if manifest is None:
            raise RuntimeError(f"{spec.name}: was labelled but left no manifest")
        limit.add(len(spec.refs), sum(books.failed for books in manifest.books()))
    return len(planned) - len(todo)
