"""Writing a data set for a library that does not read it as it is, or again in other shards: export."""

import argparse
from pathlib import Path

from somtom.pipelines.commands import Subcommands, add_command, data_set_folder


def add_commands(commands: Subcommands) -> None:
    """Add this file's commands."""
    export = add_command(
        commands, "export", _export, "write the data set for a library that wants another form"
    )
    export.add_argument("folder", type=data_set_folder, metavar="DIR", help="a finished data set")
    export.add_argument(
        "--to",
        required=True,
        metavar="FORM",
        help="tar (shards of another size), llava, ms-swift, llama-factory, parquet, mds, litdata, energon, "
        "lerobot-annotations, magma, or your own as module:Class",
    )
    export.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="must be new or empty")
    export.add_argument("--split", default="", metavar="SPLIT", help="train or val (default: all there are)")
    export.add_argument(
        "--where",
        default="",
        metavar="CONDITION",
        help="on the columns of meta/samples.parquet, such as \"task == 'tom' and mark_overlap < 0.1\"",
    )
    export.add_argument("--limit", type=int, default=0, metavar="N", help="the first N samples chosen")
    export.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SETTING=VALUE",
        dest="overrides",
        help="a setting of the form; may be repeated",
    )
    export.add_argument(
        "--clips-per-shard", type=int, default=0, metavar="N", help="of --to tar (default: 1024)"
    )
    export.add_argument(
        "--bytes",
        type=int,
        default=0,
        metavar="N",
        help="of --to tar: a tar is at most so large (default: any)",
    )
    export.add_argument("--quiet", action="store_true", help="no progress")


def _export(options: argparse.Namespace) -> int:
    from somtom.pipelines.config_rules import ConfigError
    from somtom.pipelines.export import export_data_set
    from somtom.pipelines.export_selection import Selection
    from somtom.pipelines.exporters import make_exporter

    sizes = {"clips_per_shard": options.clips_per_shard, "shard_bytes": options.bytes}
    given = [f"{name}={value}" for name, value in sizes.items() if value]
    if given and options.to != "tar":
        raise ConfigError(f"--clips-per-shard and --bytes belong to --to tar, not to --to {options.to}")
    exporter = make_exporter(options.to, [*options.overrides, *given])
    chosen = Selection(options.folder, options.split, options.where, options.limit)
    done = export_data_set(chosen, options.to, exporter, options.out, not options.quiet)
    for why, samples in sorted(done.left_out.items()):
        print(f"{samples:,} {why}")
    print(f"{done.samples:,} samples in {options.out}")
    return 0
