"""A whole build: plan, label, finish."""

from pathlib import Path

from somtom.pipelines.beam_options import value_of
from somtom.pipelines.config import BuildConfig, parse_config
from somtom.pipelines.config_rules import ConfigError, check_image_filter, check_reader, check_tracker
from somtom.pipelines.finish import Totals, finish_build
from somtom.pipelines.label import label_build
from somtom.pipelines.output import (
    OutputError,
    adopt_config,
    claim_output,
    damage_explained,
    read_config_tree,
)
from somtom.pipelines.plan import list_items, plan_build, put_in_place, refuse_other_version
from somtom.pipelines.removals import file_of_removals, take_removals
from somtom.pipelines.runners import LOCAL, RUNNERS, RunOptions, complete_options, options_for_gpu
from somtom.schemas.folder import plan_path
from somtom.schemas.plan_table import PlannedShard, read_plan_index
from somtom.sources.files import is_remote
from somtom.tracking.batches import runs_on_gpu


def build_data_set(
    config: BuildConfig, folder: Path, options: RunOptions, overwrite: bool = False, append: bool = False
) -> Totals:
    """Build the data set in `folder`, or go on with the one that an earlier run began there.

    Raises:
        ConfigError: a source lists nothing, or the tracker cannot be made.
        OutputError: the folder cannot be used.
        TaskFailed: a worker could not go on (the disk is full, or a bug).
        TooManyFailures: more inputs failed than the options allow.
    """
    plan_data_set(config, folder, options, overwrite, append)
    return label_data_set(folder, options)


def plan_data_set(
    config: BuildConfig, folder: Path, options: RunOptions, overwrite: bool = False, append: bool = False
) -> list[PlannedShard]:
    """Do the first stage of `build_data_set` alone."""
    check_tracker(config.settings.tracking)
    check_reader(config.settings.quality)
    check_image_filter(config.settings.clips)
    lists = file_of_removals(config.settings.output.removals)
    folder, options = _for_workers(config, folder, options)
    items = list_items(config)  # a wrong path shows before anything is written, or removed
    with claim_output(folder), damage_explained(folder):
        adopt_config(folder, config, overwrite, append)
        take_removals(folder, *lists)
        options.output.save()
        return plan_build(config, folder, items, options, append)


def label_data_set(folder: Path, options: RunOptions) -> Totals:
    """Do the rest of `build_data_set`, with the configuration that the plan was made with."""
    config = parse_config(read_config_tree(folder))
    if runs_on_gpu(check_tracker(config.settings.tracking)):
        options = options_for_gpu(options)
    check_reader(config.settings.quality)
    check_image_filter(config.settings.clips)
    folder, options = _for_workers(config, folder, options)
    list_items(config)  # a disk that is not mounted must not turn every clip into a reject
    with claim_output(folder), damage_explained(folder):
        put_in_place(folder)
        if not plan_path(folder).is_file():
            raise OutputError(f"{folder}: holds no plan; run `somtom plan` or `somtom build`")
        refuse_other_version(config, folder)
        planned = read_plan_index(plan_path(folder))
        clips = label_build(config, folder, planned, options)
        totals = finish_build(folder, planned, clips, config.settings.clips)
        options.output.save()
        return totals


def _for_workers(config: BuildConfig, folder: Path, options: RunOptions) -> tuple[Path, RunOptions]:
    """Name the folder, and give the options, as workers of the runner understand them.

    Raises:
        ConfigError: an option for Beam is wrong, or a source's path means nothing on another machine.
    """
    if options.runner == LOCAL:
        return folder, options
    options = complete_options(options)
    share_folder = value_of(options.beam, "environment_type").upper() == "LOOPBACK"
    for index, source in enumerate(config.sources):
        is_absolute = is_remote(source.path) or source.path.startswith(("/", "~"))
        if RUNNERS[options.runner].is_elsewhere and not (is_absolute or share_folder):
            raise ConfigError(
                f"source[{index}].path = {source.path!r}: means nothing to workers of --runner "
                f"{options.runner}; write it as an absolute path that all of them see, or as a URI"
            )
    return folder.resolve(), options
