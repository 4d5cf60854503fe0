"""Training the small Magma on finished data sets."""

import argparse
from dataclasses import replace
from pathlib import Path

from somtom.pipelines.commands import Subcommands, add_command, complain


def add_commands(commands: Subcommands) -> None:
    """Add this file's commands."""
    train = add_command(commands, "train", _train, "train the small Magma on a data set, or go on with a run")
    train.add_argument(
        "folder", type=Path, metavar="DIR|CONFIG", help="a data set, or a TOML file of settings"
    )
    train.add_argument("--out", default="", metavar="DIR", help="where to (default: run.out, runs/train)")
    train.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        dest="overrides",
        help="change a setting of trainer/settings.py; may be repeated",
    )
    train.add_argument("--resume", action="store_true", help="go on with the run that is in the folder")


def _train(options: argparse.Namespace) -> int:
    from somtom.pipelines.train_config import load_train_settings

    settings = load_train_settings(options.folder, options.overrides)
    if options.out:
        settings = replace(settings, run=replace(settings.run, out=options.out))
    options.out = settings.run.out
    try:
        from somtom.trainer.loop import train
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("somtom"):
            raise
        return complain(f'train: {error.name} is not installed: pip install "somtom[train]"', 1)
    print(train(settings, options.resume))
    return 0
