"""Making a data set: build, plan, label, relabel."""

import argparse
import time
from typing import TYPE_CHECKING

from somtom.pipelines.commands import (
    Subcommands,
    add_command,
    add_config_options,
    add_run_options,
    complain,
    config_of,
    data_set_folder,
    run_options_of,
    say,
)
from somtom.schemas.folder import plan_path

if TYPE_CHECKING:
    from somtom.pipelines.finish import Totals


def add_commands(commands: Subcommands) -> None:
    """Add this file's commands."""
    build = add_command(commands, "build", _build, "plan, label and finish a data set, or go on with one")
    add_config_options(build)
    add_run_options(build)
    build.add_argument(
        "--append", action="store_true", help="add inputs that are new since the plan was made"
    )
    build.add_argument(
        "--estimate", action="store_true", help="time a few clips, print clips, shards, hours and GB, stop"
    )

    plan = add_command(commands, "plan", _plan, "make only the plan: which clips go into which shard")
    add_config_options(plan)
    add_run_options(plan)
    plan.add_argument("--append", action="store_true", help="add inputs that are new since the plan was made")

    label = add_command(
        commands, "label", _label, "make the shards of a plan that are not done yet, and finish"
    )
    label.add_argument("folder", metavar="DIR", help="the data set, or its URI")
    add_run_options(label, overwrite=False)

    relabel = add_command(
        commands,
        "relabel",
        _relabel,
        "make the labels again with other settings, without sources and tracker",
    )
    relabel.add_argument("folder", type=data_set_folder, metavar="DIR", help="a finished data set")
    relabel.add_argument("--out", required=True, metavar="NEW", help="folder of the new data set")
    relabel.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", dest="overrides")
    add_run_options(relabel)


def _build(options: argparse.Namespace) -> int:
    from somtom.pipelines.build import build_data_set
    from somtom.pipelines.config import output_of
    from somtom.pipelines.mirror import open_output

    config, begun = config_of(options), time.monotonic()
    if options.estimate:
        from somtom.pipelines.estimate import estimate_lines

        say(*estimate_lines(config, run_options_of(options)))
        return 0
    out = output_of(config, options.out)
    with open_output(out, options.cache, run_options_of(options)) as (folder, run_options):
        options.out = str(folder)
        totals = build_data_set(config, folder, run_options, options.overwrite, options.append)
    return _print_totals(totals, out, begun)


def _plan(options: argparse.Namespace) -> int:
    from somtom.pipelines.build import plan_data_set
    from somtom.pipelines.config import output_of
    from somtom.pipelines.mirror import open_output

    config = config_of(options)
    out = output_of(config, options.out)
    with open_output(out, options.cache, run_options_of(options)) as (folder, run_options):
        options.out = str(folder)
        planned = plan_data_set(config, folder, run_options, options.overwrite, options.append)
    where = f"{out.rstrip('/')}/{plan_path(folder).relative_to(folder)}"
    print(f"{sum(one.refs for one in planned)} clips in {len(planned)} shards: {where}")
    return 0


def _label(options: argparse.Namespace) -> int:
    from somtom.pipelines.build import label_data_set
    from somtom.pipelines.mirror import open_output

    begun, out = time.monotonic(), options.folder
    with open_output(out, options.cache, run_options_of(options)) as (folder, run_options):
        options.folder = folder
        totals = label_data_set(folder, run_options)
    return _print_totals(totals, out, begun)


def _relabel(options: argparse.Namespace) -> int:
    from somtom.pipelines.mirror import open_output
    from somtom.pipelines.relabel import relabel_data_set

    begun, out = time.monotonic(), options.out
    with open_output(out, options.cache, run_options_of(options)) as (new, run_options):
        options.out = str(new)
        totals = relabel_data_set(options.folder, new, options.overrides, run_options, options.overwrite)
    return _print_totals(totals, out, begun)


def _print_totals(totals: "Totals", out: str, begun: float) -> int:
    from somtom.pipelines.summary import summary_lines

    say(*summary_lines(totals, out, time.monotonic() - begun))
    return (
        0
        if totals.samples
        else complain(
            f"{out}: no input gave a sample; why stands above, for each one in meta/rejects.parquet",
            1,
        )
    )
