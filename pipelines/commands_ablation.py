"""Measuring what the ways of labelling are worth."""

import argparse
from pathlib import Path

from somtom.pipelines.commands import Subcommands, add_command

# Of pipelines.ablation.VARIANTS, without importing it.
VARIANTS = ("raw", "som", "som-tom", "no-compensation")


def add_commands(commands: Subcommands) -> None:
    """Add this file's commands."""
    ablate = add_command(
        commands,
        "ablate",
        _ablate,
        "train the same model on data sets labelled with and without marks, traces and compensation",
    )
    ablate.add_argument("config", type=Path, metavar="CONFIG", help="TOML file of the training's settings")
    ablate.add_argument(
        "--data",
        type=Path,
        action="append",
        required=True,
        metavar="DIR",
        help="a finished data set; may be repeated, to learn from several together",
    )
    ablate.add_argument("--out", type=Path, required=True, metavar="DIR", help="data sets, runs, results")
    ablate.add_argument(
        "--truth",
        type=Path,
        default=None,
        metavar="FILE",
        help="truth/moves/val.jsonl of the sample moves that the first data set is made of",
    )
    ablate.add_argument("--seeds", type=int, default=3, metavar="N", help="runs of each variant (default 3)")
    ablate.add_argument(
        "--only",
        action="append",
        default=[],
        choices=VARIANTS,
        metavar="VARIANT",
        help=f"some of {', '.join(VARIANTS)}; may be repeated (default: all)",
    )
    ablate.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        dest="overrides",
        help="change a setting of the training; may be repeated",
    )


def _ablate(options: argparse.Namespace) -> int:
    from somtom.pipelines.ablation import VARIANTS as ALL
    from somtom.pipelines.ablation import AblationRequest, run_ablation
    from somtom.pipelines.ablation_score import read_truth

    request = AblationRequest(
        config=options.config,
        built=tuple(options.data),
        out=options.out,
        seeds=options.seeds,
        variants=tuple(options.only) or tuple(ALL),
        truth=None if options.truth is None else read_truth(options.truth),
        overrides=tuple(options.overrides),
    )
    for line in run_ablation(request):
        print(line, flush=True)
    return 0
