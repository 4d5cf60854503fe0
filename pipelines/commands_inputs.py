"""Looking at inputs and trying things out: sources, peek, samples, track, bench."""

import argparse
from pathlib import Path

from somtom.pipelines.commands import Subcommands, add_command, say


def add_commands(commands: Subcommands) -> None:
    """Add this file's commands."""
    track = add_command(commands, "track", _track, "track one clip of a video and write its tracks as .npz")
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
        "--set",
        action="append",
        default=[],
        metavar="tracking.KEY=VALUE",
        dest="overrides",
        help="change a setting of the tracking, such as tracking.weights; may be repeated",
    )
    track.add_argument(
        "--preview", type=Path, default=None, metavar="OUT.mp4", help="also write a video of the tracks"
    )

    sources = add_command(
        commands,
        "sources",
        _sources,
        "list every kind of source with its settings, their defaults and meanings",
    )
    sources.add_argument("kind", nargs="?", default="", metavar="KIND", help="one kind (default: all)")

    peek = add_command(
        commands, "peek", _peek, "say what a path holds, and the [[source]] block that would read it"
    )
    peek.add_argument("path", metavar="PATH", help="a file, a folder or a glob")

    samples = add_command(
        commands, "samples", _samples, "write small made-up inputs of every kind, with their truth"
    )
    samples.add_argument("folder", type=Path, metavar="DIR")
    samples.add_argument("--count", type=int, default=6, help="inputs of each kind (default 6)")
    samples.add_argument("--seed", type=int, default=0)
    samples.add_argument(
        "--kinds",
        default="",
        metavar="KIND,...",
        help="some of videos, robot, screens, pairs, moves (default: all but moves)",
    )

    bench = add_command(
        commands, "bench", _bench, "measure speed, memory and exactness, with the aims beside them"
    )
    bench.add_argument(
        "--only", action="append", default=[], metavar="PART", help="one part; may be repeated (default: all)"
    )
    bench.add_argument(
        "--data",
        type=Path,
        default=None,
        metavar="DIR",
        help="a folder of videos, for sources of anything (default: made-up)",
    )
    bench.add_argument(
        "--runs", type=int, default=0, metavar="N", help="runs of each measurement, of which the least counts"
    )
    bench.add_argument(
        "--full", action="store_true", help="large inputs: 1,000 clips, two hours, 20,000 samples"
    )
    bench.add_argument(
        "--tracker",
        action="append",
        default=[],
        metavar="NAME",
        dest="trackers",
        help="for tracking: one of those compared, or module:Class; may be repeated (default: all)",
    )
    bench.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="tracking.KEY=VALUE",
        dest="overrides",
        help="for tracking: change a setting of the trackers, such as tracking.weights; may be repeated",
    )
    bench.add_argument(
        "--refs",
        type=int,
        default=0,
        metavar="N",
        help="for plan: how many made-up clips are planned (default: 100,000)",
    )
    bench.add_argument("--json", type=Path, default=None, metavar="FILE", help="write the figures there too")


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


def _sources(options: argparse.Namespace) -> int:
    from somtom.pipelines.kinds import kind_lines

    print("\n".join(kind_lines(options.kind)))
    return 0


def _peek(options: argparse.Namespace) -> int:
    from somtom.pipelines.peek import peek_lines

    say(*peek_lines(options.path))
    return 0


def _samples(options: argparse.Namespace) -> int:
    from somtom.pipelines.samples import DEFAULT_KINDS, write_samples

    kinds = options.kinds.split(",") if options.kinds else list(DEFAULT_KINDS)
    paths = write_samples(options.folder, options.count, options.seed, kinds)
    print(f"{len(paths)} files of {', '.join(kinds)} in {options.folder}, their truth in its truth/")
    return 0


def _bench(options: argparse.Namespace) -> int:
    from somtom.pipelines.bench import BenchOptions, bench_lines

    wanted = BenchOptions(
        tuple(options.only),
        options.data,
        options.runs,
        options.full,
        options.json,
        tuple(options.trackers),
        tuple(options.overrides),
        options.refs,
    )
    for line in bench_lines(wanted):
        print(line, flush=True)
    return 0
