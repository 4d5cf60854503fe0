"""The command line: its commands stand in commands_*.py, which alone print."""

import argparse
import os
import sys
import threading
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from somtom.pipelines import (
    commands_ablation,
    commands_build,
    commands_export,
    commands_inputs,
    commands_look,
    commands_model,
    commands_stores,
    commands_train,
    commands_workers,
)
from somtom.pipelines.commands import complain
from somtom.schemas.reasons import DataError
from somtom.transforms.logs import Logs, configure_logging

COMMANDS = (
    commands_build,
    commands_look,
    commands_export,
    commands_inputs,
    commands_train,
    commands_model,
    commands_ablation,
    commands_stores,
    commands_workers,
)


_LEVELS = {"text": "warning", "json": "info"}  # the least that is logged where nobody says it


def make_parser() -> argparse.ArgumentParser:
    """Every command and its options; `run` of what is parsed is the command's function."""
    parser = argparse.ArgumentParser(
        prog="somtom",
        description="Turns raw video, robot episodes and screenshots into Set-of-Mark / Trace-of-Mark "
        "training shards.",
    )
    parser.add_argument("--version", action="version", version=f"somtom {version('somtom')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for group in COMMANDS:
        group.add_commands(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0 done, 1 faults or failure, 2 a mistake in the call."""
    try:
        try:
            return _run(arguments)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # nobody reads on, as in `somtom check DIR | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        status = complain("stopped; what is done is kept, the same command goes on", 130)
        if any(not one.daemon for one in threading.enumerate() if one is not threading.main_thread()):
            sys.stderr.flush()
            os._exit(status)  # --threads: a thread cannot be stopped, and would hold up the end
        return status


def _run(arguments: Sequence[str] | None) -> int:
    configure_logging()
    # Parallelism comes from the workers, which inherit this; NumPy reads it when it is imported, later.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    given = list(sys.argv[1:] if arguments is None else arguments)
    # What follows "--" is for Beam where one of its runners is asked for.
    beam_at = given.index("--") if "--" in given and any(_is_runner(one) for one in given) else len(given)
    options = make_parser().parse_args(given[:beam_at])
    options.beam = given[beam_at + 1 :]
    form = getattr(options, "log_format", "text")
    configure_logging(Logs(form, getattr(options, "log_level", "") or _LEVELS[form]))
    # Imported late, so that --help and mistakes on the command line answer at once.
    from somtom.pipelines.config_rules import ConfigError
    from somtom.pipelines.local import TaskFailed
    from somtom.pipelines.output import OutputError, explain_os_error
    from somtom.pipelines.stage import TooManyFailures

    try:
        return int(options.run(options))
    except ConfigError as error:
        return complain(str(error), 2)
    except (OutputError, TooManyFailures) as error:
        return complain(str(error), 1)
    except DataError as error:
        # What is read from a data set names its file, but not the folder.
        folder = getattr(options, "folder", "") or getattr(options, "out", "")
        return complain(f"{folder}: {error.message}" if folder else error.message, 1)
    except TaskFailed as error:
        folder = _folder_of(options)
        if error.os_error is not None:
            return complain(explain_os_error(error.os_error, folder), 1)
        return complain(f"{error}; what is done is kept, the same command goes on", 1, error.detail)
    except BrokenPipeError:
        raise
    except OSError as error:
        return complain(explain_os_error(error, _folder_of(options)), 1)


def _is_runner(argument: str) -> bool:
    return argument.partition("=")[0] == "--runner"


def _folder_of(options: argparse.Namespace) -> Path:
    return Path(str(getattr(options, "out", "") or getattr(options, "folder", ".")))
