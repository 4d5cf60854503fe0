"""Labels a finished data set again with other settings for motion, marks or text."""

import dataclasses
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from somtom.pipelines.config import BuildConfig, apply_overrides, difference, parse_config
from somtom.pipelines.config_rules import ConfigError, check_reader
from somtom.pipelines.finish import Totals, finish_build
from somtom.pipelines.foreign_config import forget_lists, refuse_code
from somtom.pipelines.near_duplicates import drop_near_duplicates
from somtom.pipelines.output import (
    OutputError,
    adopt_config,
    claim_output,
    notes_path,
    read_config_tree,
    work_path,
)
from somtom.pipelines.plan import refuse_other_version
from somtom.pipelines.removals import file_of_removals, shards_to_make, take_removals
from somtom.pipelines.runners import LOCAL, RunOptions, complete_options
from somtom.pipelines.stage import Stage
from somtom.schemas.action_stats import read_action_stats, write_action_stats
from somtom.schemas.books import SCAN
from somtom.schemas.folder import META, plan_path, removals_path
from somtom.schemas.keys import digest
from somtom.schemas.manifest import is_done
from somtom.schemas.meta_tables import ITEMS, read_rejects, write_rejects
from somtom.schemas.plan_table import read_plan, read_plan_index, write_plan
from somtom.schemas.refs import ShardSpec
from somtom.transforms.place import InFolder
from somtom.transforms.relabel_shard import RelabelShards
from somtom.transforms.versions import label_settings

WEIGHT = re.compile(r"source\[\d+\]\.weight: ")
SECTIONS = ("motion.", "marks.", "text.", "robot.", "ui.", "vl.", "quality.", "filter.")


def relabel_data_set(
    old: Path, new: Path, overrides: Sequence[str], options: RunOptions, overwrite: bool
) -> Totals:
    """Make the data set `new` from the stored tracks and pictures of `old`.

    Raises:
        ConfigError: an override is wrong, or touches more than labels.
        OutputError: `old` is not finished, or `new` cannot be used.
    """
    config = _new_config(old, overrides)
    check_reader(config.settings.quality)
    file_of_removals(config.settings.output.removals)
    if options.runner != LOCAL:
        old, new, options = old.resolve(), new.resolve(), complete_options(options)
    if new.resolve() == old.resolve():
        raise OutputError(f"{new}: choose another --out, the data set that is read stays as it is")
    if not plan_path(old).is_file() or work_path(old).exists():
        raise OutputError(f"{old}: is not finished; run its build to the end first")
    unfinished = [one.name for one in read_plan_index(plan_path(old)) if not is_done(old, one)]
    if unfinished:
        raise OutputError(
            f"{old}: {len(unfinished)} shards are damaged or missing ({unfinished[0]}); build it again first"
        )
    with claim_output(new):
        adopt_config(new, config, overwrite, append=False)
        options.output.save()
        label_digest = digest(label_settings(config.settings))
        if not plan_path(new).is_file():
            shutil.copyfile(old / META / ITEMS, new / META / ITEMS)
            if stats := read_action_stats(old):
                write_action_stats(new, stats)
            write_rejects(new, (reject for reject in read_rejects(old) if reject.stage == SCAN))
            specs = (_changed(spec, label_digest, config) for spec in read_plan(plan_path(old)))
            write_plan(plan_path(new), specs)
            options.output.save()
        refuse_other_version(config, new)
        clips = _relabel(old, new, config, options)
        totals = finish_build(new, read_plan_index(plan_path(new)), clips, config.settings.clips)
        options.output.save()
        return totals


def _changed(spec: ShardSpec, label_digest: str, config: BuildConfig) -> ShardSpec:
    """The shard as it is to be labelled now."""
    refs = (dataclasses.replace(ref, weight=config.sources[ref.source].weight) for ref in spec.refs)
    return dataclasses.replace(spec, refs=tuple(refs), label_digest=label_digest)


def _new_config(old: Path, overrides: Sequence[str]) -> BuildConfig:
    tree = read_config_tree(old)
    refuse_code(old, tree, overrides)
    forget_lists(tree)
    before = parse_config(tree).as_dict()
    apply_overrides(tree, overrides)
    config = parse_config(tree)
    for line in difference(before, config.as_dict()):
        if not line.startswith(SECTIONS) and not WEIGHT.match(line):
            raise ConfigError(
                f"{line}: only motion, marks, text, robot, ui, vl, quality, filter and weights "
                "can be changed without reading the sources again"
            )
    return config


def _relabel(old: Path, new: Path, config: BuildConfig, options: RunOptions) -> int:
    planned = read_plan_index(plan_path(new))
    removals = take_removals(new, removals_path(old), *file_of_removals(config.settings.output.removals))
    todo = shards_to_make(new, planned, removals, can_return=False)
    notes = notes_path(new)
    place, stats = options.output.place(new, options.is_elsewhere), read_action_stats(new)
    step = RelabelShards(InFolder(old), place, config.settings, notes, removals, stats)
    stage = Stage[ShardSpec]("relabel", "clips", step, lambda spec: len(spec.refs), notes)
    total = sum(one.refs for one in planned)
    done = sum(one.refs for one in planned if one.name not in todo)
    stage.run(read_plan(plan_path(new), todo), total, done, options)
    options.output.gather(planned)
    return max(total - done, drop_near_duplicates(config.settings, new, planned, options))
