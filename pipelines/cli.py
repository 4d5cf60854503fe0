"""The command line: the only place that prints."""

import argparse
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from somtom.pipelines.arguments import make_parser
from somtom.pipelines.logs import configure_logging
from somtom.schemas.folder import plan_path
from somtom.schemas.reasons import DataError

if TYPE_CHECKING:
    from somtom.pipelines.config import BuildConfig
    from somtom.pipelines.finish import Totals
    from somtom.pipelines.runners import RunOptions

Command = Callable[[argparse.Namespace], int]


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
        status = _complain("stopped; what is done is kept, the same command goes on", 130)
        if any(not one.daemon for one in threading.enumerate() if one is not threading.main_thread()):
            sys.stderr.flush()
            os._exit(status)  # --threads: a thread cannot be stopped, and would hold up the end
        return status


def _run(arguments: Sequence[str] | None) -> int:
    configure_logging()
    # Parallelism comes from the workers, which inherit this; NumPy reads it when it is imported, later.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    options = make_parser().parse_args(arguments)
    command = COMMANDS[options.command]
    # Imported late, so that --help and mistakes on the command line answer at once.
    from somtom.pipelines.config_rules import ConfigError
    from somtom.pipelines.local import TaskFailed
    from somtom.pipelines.output import OutputError, explain_os_error
    from somtom.pipelines.stage import TooManyFailures

    try:
        return command(options)
    except ConfigError as error:
        return _complain(str(error), 2)
    except (OutputError, TooManyFailures) as error:
        return _complain(str(error), 1)
    except DataError as error:
        # What is read from a data set names its file, but not the folder.
        folder = getattr(options, "folder", "") or getattr(options, "out", "")
        return _complain(f"{folder}: {error.message}" if folder else error.message, 1)
    except TaskFailed as error:
        folder = _folder_of(options)
        if error.os_error is not None:
            return _complain(explain_os_error(error.os_error, folder), 1)
        print(error.detail, file=sys.stderr)
        return _complain(f"{error}; what is done is kept, the same command goes on", 1)
    except BrokenPipeError:
        raise
    except OSError as error:
        return _complain(explain_os_error(error, _folder_of(options)), 1)


def _folder_of(options: argparse.Namespace) -> Path:
    return Path(str(getattr(options, "out", "") or getattr(options, "folder", ".")))


def _complain(message: str, status: int) -> int:
    print(f"somtom: {' '.join(message.splitlines())}", file=sys.stderr)
    return status


def _options_of(options: argparse.Namespace) -> "RunOptions":
    from somtom.pipelines.config_rules import ConfigError
    from somtom.pipelines.runners import RunOptions

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
    )


def _config_of(options: argparse.Namespace) -> "BuildConfig":
    from somtom.pipelines.config import load_config

    limit = [f"output.limit={options.limit}"] if options.limit else []
    return load_config(options.config, [*options.overrides, *limit])


def _print_totals(totals: "Totals", folder: Path, begun: float) -> int:
    from somtom.pipelines.summary import summary_lines

    print("\n".join(summary_lines(totals, folder, time.monotonic() - begun)))
    return (
        0
        if totals.samples
        else _complain(
            f"{folder}: no input gave a sample; why stands above, for each one in meta/rejects.parquet",
            1,
        )
    )


def _build(options: argparse.Namespace) -> int:
    from somtom.pipelines.build import build_data_set
    from somtom.pipelines.config import output_folder

    config, begun = _config_of(options), time.monotonic()
    if options.estimate:
        from somtom.pipelines.estimate import estimate_lines

        print("\n".join(estimate_lines(config, _options_of(options))))
        return 0
    folder = output_folder(config, options.out)
    options.out = str(folder)
    totals = build_data_set(config, folder, _options_of(options), options.overwrite, options.append)
    return _print_totals(totals, folder, begun)


def _plan(options: argparse.Namespace) -> int:
    from somtom.pipelines.build import plan_data_set
    from somtom.pipelines.config import output_folder

    config = _config_of(options)
    folder = output_folder(config, options.out)
    options.out = str(folder)
    planned = plan_data_set(config, folder, _options_of(options), options.overwrite, options.append)
    print(f"{sum(one.refs for one in planned)} clips in {len(planned)} shards: {plan_path(folder)}")
    return 0


def _label(options: argparse.Namespace) -> int:
    from somtom.pipelines.build import label_data_set

    begun = time.monotonic()
    return _print_totals(label_data_set(options.folder, _options_of(options)), options.folder, begun)


def _relabel(options: argparse.Namespace) -> int:
    from somtom.pipelines.relabel import relabel_data_set

    begun, new = time.monotonic(), Path(options.out)
    totals = relabel_data_set(options.folder, new, options.overrides, _options_of(options), options.overwrite)
    return _print_totals(totals, new, begun)


def _check(options: argparse.Namespace) -> int:
    from somtom.schemas.check import check_dataset

    faults = 0
    for fault in check_dataset(options.folder):
        print(fault)
        faults += 1
    if not faults:
        print(f"{options.folder}: every rule holds")
    return 1 if faults else 0


def _explain(options: argparse.Namespace) -> int:
    from somtom.pipelines.explain import explain_lines

    print("\n".join(explain_lines(options.folder, options.key)))
    return 0


def _show(options: argparse.Namespace) -> int:
    from somtom.pipelines.config_rules import ConfigError
    from somtom.pipelines.show import write_contact_sheets

    if not 100 <= options.cell <= 4000:
        raise ConfigError(f"--cell {options.cell}: must be 100 to 4000 pixels")
    if options.limit < 0:
        raise ConfigError(f"--limit {options.limit}: must be 0 (every one) or more")
    sheets = write_contact_sheets(options.folder, options.out, options.per_sheet, options.limit, options.cell)
    for path in sheets:
        print(f"look at {path}")
    return 0


def _track(options: argparse.Namespace) -> int:
    from somtom.pipelines.track import TrackRequest, track_video

    request = TrackRequest(
        video=options.video,
        tracker=options.tracker,
        grid=options.grid,
        start_s=options.start,
        frames=options.frames,
        step_s=options.step_s,
        overrides=tuple(options.overrides),
    )
    print(track_video(request, options.output, options.preview))
    return 0


def _samples(options: argparse.Namespace) -> int:
    from somtom.pipelines.samples import SAMPLE_KINDS, write_samples

    kinds = options.kinds.split(",") if options.kinds else list(SAMPLE_KINDS)
    paths = write_samples(options.folder, options.count, options.seed, kinds)
    print(f"{len(paths)} files of {', '.join(kinds)} in {options.folder}, their truth in its truth/")
    return 0


def _bench(options: argparse.Namespace) -> int:
    from somtom.pipelines.bench import BenchOptions, bench_lines

    wanted = BenchOptions(tuple(options.only), options.data, options.runs, options.full, options.json)
    for line in bench_lines(wanted):
        print(line, flush=True)
    return 0


def _sources(options: argparse.Namespace) -> int:
    from somtom.pipelines.kinds import kind_lines

    print("\n".join(kind_lines(options.kind)))
    return 0


def _peek(options: argparse.Namespace) -> int:
    from somtom.pipelines.peek import peek_lines

    print("\n".join(peek_lines(options.path)))
    return 0


COMMANDS: dict[str, Command] = {
    "build": _build,
    "plan": _plan,
    "label": _label,
    "relabel": _relabel,
    "check": _check,
    "explain": _explain,
    "show": _show,
    "track": _track,
    "sources": _sources,
    "peek": _peek,
    "samples": _samples,
    "bench": _bench,
}
