"""The command line: the only place that prints."""

import argparse
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

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
    options = _parser().parse_args(arguments)
    command: Command = options.command
    # Imported late, so that --help and mistakes on the command line answer at once.
    from somtom.pipelines.config import ConfigError
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
        return _complain(error.message, 1)
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="somtom", description="Turns raw video into Set-of-Mark / Trace-of-Mark training shards."
    )
    parser.add_argument("--version", action="version", version=f"somtom {version('somtom')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    build = _command(commands, "build", _build, "plan, label and finish a data set, or go on with one")
    _config_options(build)
    _run_options(build)
    build.add_argument(
        "--append", action="store_true", help="add inputs that are new since the plan was made"
    )
    build.add_argument(
        "--estimate", action="store_true", help="time a few clips, print clips, shards, hours and GB, stop"
    )

    plan = _command(commands, "plan", _plan, "make only the plan: which clips go into which shard")
    _config_options(plan)
    _run_options(plan)
    plan.add_argument("--append", action="store_true", help="add inputs that are new since the plan was made")

    label = _command(commands, "label", _label, "make the shards of a plan that are not done yet, and finish")
    label.add_argument("folder", type=Path, metavar="DIR", help="the data set")
    _run_options(label, overwrite=False)

    relabel = _command(
        commands,
        "relabel",
        _relabel,
        "make the labels again with other settings, without sources and tracker",
    )
    relabel.add_argument("folder", type=Path, metavar="DIR", help="a finished data set")
    relabel.add_argument("--out", required=True, metavar="NEW", help="folder of the new data set")
    relabel.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", dest="overrides")
    _run_options(relabel)

    check = _command(
        commands, "check", _check, "read every tar and record back and verify every rule; exit 1 on a fault"
    )
    check.add_argument("folder", type=Path, metavar="DIR")

    explain = _command(
        commands, "explain", _explain, "why a clip was kept or dropped, every trace against epsilon"
    )
    explain.add_argument("folder", type=Path, metavar="DIR")
    explain.add_argument("key", metavar="KEY", help="a sample's key, or the first characters of it")

    show = _command(
        commands, "show", _show, "write contact sheets (PNG): marked pictures, traces, what is said"
    )
    show.add_argument("folder", type=Path, metavar="DIR")
    show.add_argument("--out", type=Path, default=None, metavar="FOLDER", help="default: DIR/meta/sheets")
    show.add_argument("--per-sheet", type=int, default=12, metavar="N")
    show.add_argument(
        "--limit", type=int, default=48, metavar="N", help="samples in all, 0 = every one (default 48)"
    )

    track = _command(commands, "track", _track, "track one clip of a video and write its tracks as .npz")
    track.add_argument("video", metavar="VIDEO")
    track.add_argument("-o", "--output", type=Path, required=True, metavar="TRACKS.npz")
    track.add_argument("--tracker", default="dis", help="a name of a tracker or module:Class (default dis)")
    track.add_argument("--grid", type=int, default=15, help="grid x grid points (default 15)")
    track.add_argument(
        "--start", type=float, default=0.0, metavar="SECONDS", help="where the clip starts (default 0)"
    )
    track.add_argument("--frames", type=int, default=17, help="frames tracked at most (default 17)")
    track.add_argument(
        "--step-s", type=float, default=0.0, help="seconds between frames (default: every frame)"
    )
    track.add_argument(
        "--preview", type=Path, default=None, metavar="OUT.mp4", help="also write a video of the tracks"
    )

    samples = _command(commands, "samples", _samples, "write small made-up videos with their truth")
    samples.add_argument("folder", type=Path, metavar="DIR")
    samples.add_argument("--count", type=int, default=6)
    samples.add_argument("--seed", type=int, default=0)

    bench = _command(
        commands, "bench", _bench, "measure speed, memory and exactness, with the aims beside them"
    )
    bench.add_argument(
        "--only", action="append", default=[], metavar="PART", help="one part; may be repeated (default: all)"
    )
    bench.add_argument(
        "--data", type=Path, default=None, metavar="DIR", help="a folder of videos (default: made-up ones)"
    )
    bench.add_argument(
        "--runs", type=int, default=0, metavar="N", help="runs of each measurement, of which the least counts"
    )
    bench.add_argument(
        "--full", action="store_true", help="large inputs: 1,000 clips, two hours, 20,000 samples"
    )
    bench.add_argument("--json", type=Path, default=None, metavar="FILE", help="write the figures there too")

    return parser


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, run: Command, help_text: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=help_text, description=help_text[0].upper() + help_text[1:] + ".")
    parser.set_defaults(command=run)
    return parser


def _config_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", type=Path, metavar="CONFIG", help="a TOML file; see configs/")
    parser.add_argument(
        "--out", default="", metavar="DIR", help="where to (default: output.path of the configuration)"
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


def _run_options(parser: argparse.ArgumentParser, overwrite: bool = True) -> None:
    parser.add_argument(
        "--workers", type=int, default=0, metavar="N", help="how many at once (default: one a processor)"
    )
    parser.add_argument("--threads", action="store_true", help="workers are threads, not processes")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    parser.add_argument(
        "--max-failure-ratio",
        type=float,
        default=1.0,
        metavar="R",
        help="end the run when more than this share of inputs failed (default 1: never)",
    )
    if overwrite:
        parser.add_argument(
            "--overwrite", action="store_true", help="remove the build that is in the folder first"
        )


def _options_of(options: argparse.Namespace) -> "RunOptions":
    from somtom.pipelines.config import ConfigError
    from somtom.pipelines.runners import RunOptions

    if options.workers < 0:
        raise ConfigError(f"--workers {options.workers}: must be 0 (one a processor) or more")
    if not 0 <= options.max_failure_ratio <= 1:
        raise ConfigError(f"--max-failure-ratio {options.max_failure_ratio}: must be 0 to 1")
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
        else _complain(f"{folder}: no input gave a sample; meta/rejects.parquet says why", 1)
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
    from somtom.pipelines.show import write_contact_sheets

    for path in write_contact_sheets(options.folder, options.out, options.per_sheet, options.limit):
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
    )
    print(track_video(request, options.output, options.preview))
    return 0


def _samples(options: argparse.Namespace) -> int:
    from somtom.pipelines.samples import write_samples

    paths = write_samples(options.folder, options.count, options.seed)
    print(f"{len(paths)} videos in {options.folder / 'videos'}, their truth in {options.folder / 'truth'}")
    return 0


def _bench(options: argparse.Namespace) -> int:
    from somtom.pipelines.bench import BenchOptions, bench_lines

    wanted = BenchOptions(tuple(options.only), options.data, options.runs, options.full, options.json)
    for line in bench_lines(wanted):
        print(line, flush=True)
    return 0
