"""Writing a data set for a library that does not read it as it is: export."""

import argparse
from pathlib import Path

from somtom.pipelines.commands import Subcommands, add_command


def add_commands(commands: Subcommands) -> None:
    """Add this file's commands."""
    export = add_command(
        commands, "export", _export, "write the data set for a library that wants another form"
    )
    export.add_argument("folder", type=Path, metavar="DIR")
    export.add_argument(
        "--to", required=True, metavar="FORM", help="energon: links to the shards, with indices"
    )
    export.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="must be new or empty")


def _export(options: argparse.Namespace) -> int:
    from somtom.pipelines.config_rules import ConfigError
    from somtom.pipelines.exporters import EXPORTERS

    if options.to not in EXPORTERS:
        raise ConfigError(f"--to {options.to}: must be one of {', '.join(EXPORTERS)}")
    samples = EXPORTERS[options.to](options.folder, options.out)
    print(f"{samples:,} samples in {options.out}")
    return 0
