"""What the files of commands share: how a command is declared, the options that several have."""

import argparse
import difflib
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from somtom.schemas.shown import shown
from somtom.transforms.logs import FORMATS, LEVELS, TRACEBACK, current_logs

if TYPE_CHECKING:
    from somtom.pipelines.config import BuildConfig
    from somtom.pipelines.runners import RunOptions

Subcommands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # what `add_subparsers` gives
Command = Callable[[argparse.Namespace], int]


def add_command(commands: Subcommands, name: str, run: Command, help_text: str) -> argparse.ArgumentParser:
    """Declare one command; `run` takes what was parsed and gives the exit status."""
    parser = commands.add_parser(name, help=help_text, description=help_text[0].upper() + help_text[1:] + ".")
    parser.set_defaults(run=run)
    return parser


def add_config_options(parser: argparse.ArgumentParser) -> None:
    """Add the configuration and what changes it."""
    parser.add_argument("config", type=Path, metavar="CONFIG", help="a TOML file; see configs/")
    parser.add_argument(
        "--out", default="", metavar="DIR", help="where to, also s3:// and the like (default: output.path)"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        dest="overrides",
        help="change a setting; may be repeated",
    )
    parser.add_argument(
        "--limit", type=int, default=0, metavar="N", help="plan at most N clips, to try things out"
    )


def add_run_options(parser: argparse.ArgumentParser, overwrite: bool = True) -> None:
    """Add how to run."""
    parser.add_argument(
        "--workers", type=int, default=0, metavar="N", help="how many at once (default: as many as suit)"
    )
    parser.add_argument("--threads", action="store_true", help="workers are threads, not processes")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    parser.add_argument(
        "--log-format",
        choices=sorted(FORMATS),
        default="text",
        help="what is logged to the standard error: lines for people (default), or a JSON object a line",
    )
    parser.add_argument(
        "--log-level",
        choices=LEVELS,
        default="",
        help="the least that is logged (default: warning; as JSON info, which names every reject)",
    )
    parser.add_argument(
        "--runner",
        default="local",
        metavar="NAME",
        help="who runs it: local (default), direct, portable, spark or dataflow; options for Beam follow --",
    )
    parser.add_argument(
        "--accelerator",
        default="",
        metavar="TYPE",
        help='what each worker that labels must have, such as "nvidia-l4" (Dataflow)',
    )
    parser.add_argument("--min-ram", default="", metavar="SIZE", help='its memory, such as "16GB" (Dataflow)')
    parser.add_argument(
        "--max-failure-ratio",
        type=float,
        default=1.0,
        metavar="R",
        help="end the run when more than this share of inputs failed (default 1: never)",
    )
    parser.add_argument(
        "--cache",
        type=Path,
        default=Path("~/.cache/somtom"),
        metavar="FOLDER",
        help="where an output at a URI is mirrored and its shards are made (default ~/.cache/somtom)",
    )
    if overwrite:
        parser.add_argument(
            "--overwrite", action="store_true", help="remove the build that is in the folder first"
        )


def run_options_of(options: argparse.Namespace) -> "RunOptions":
    """How to run, from the options of `add_run_options`.

    Raises:
        ConfigError: an option is out of range.
    """
    from somtom.pipelines.config_rules import ConfigError
    from somtom.pipelines.runners import LOCAL, RUNNERS, RunOptions

    names = (LOCAL, *RUNNERS)
    if options.runner not in names:
        near = difflib.get_close_matches(options.runner, names, n=1, cutoff=0.0)[0]
        raise ConfigError(f"--runner {options.runner}: is not one of {', '.join(names)}; nearest: {near}")
    beam = tuple(getattr(options, "beam", ()))
    if options.runner == LOCAL and (beam or options.accelerator or options.min_ram):
        asked = " ".join(beam) or "--accelerator and --min-ram"
        raise ConfigError(f"{asked}: is for one of Beam's runners; give --runner {', '.join(names[1:])}")
    if options.workers < 0:
        raise ConfigError(f"--workers {options.workers}: must be 0 (one a processor) or more")
    if not 0 <= options.max_failure_ratio <= 1:
        raise ConfigError(f"--max-failure-ratio {options.max_failure_ratio}: must be 0 to 1")
    if getattr(options, "append", False) and options.overwrite:
        raise ConfigError(
            "--append adds to the build that is there, --overwrite removes it: give one of them"
        )
    return RunOptions(
        workers=options.workers or len(os.sched_getaffinity(0)),
        mode="threads" if options.threads else "processes",
        progress=not options.quiet,
        max_failure_ratio=options.max_failure_ratio,
        is_chosen=bool(options.workers or options.threads),
        runner=options.runner,
        beam=beam,
        hints=tuple(
            (name, value)
            for name, value in (("accelerator", options.accelerator), ("min_ram", options.min_ram))
            if value
        ),
    )


def config_of(options: argparse.Namespace) -> "BuildConfig":
    """The configuration that the options of `add_config_options` name."""
    from somtom.pipelines.config import load_config

    limit = [f"output.limit={options.limit}"] if options.limit else []
    return load_config(options.config, [*options.overrides, *limit])


def data_set_folder(text: str) -> Path:
    """Read the name of a data set's folder, for commands that cannot work on a store.

    Raises:
        ArgumentTypeError: it is a URI.
    """
    if "://" in text:
        raise argparse.ArgumentTypeError(
            f"{text} lies in a store; bring it here with `somtom fetch {text} DIR`, then name DIR"
        )
    return Path(text)


def say(*lines: str) -> None:
    """Print lines to standard output, whatever strangers wrote that is quoted in them."""
    for line in lines:
        print(shown(line), flush=True)


def complain(message: str, status: int, traceback: str = "") -> int:
    """Print one line to standard error, below the traceback if there is one; gives the status back."""
    line = " ".join(message.splitlines())
    if current_logs().form == "json":
        logging.getLogger("somtom").error(line, extra={TRACEBACK: traceback})
    else:
        if traceback:
            print(traceback, file=sys.stderr)
        print(f"somtom: {shown(line)}", file=sys.stderr)
    return status
