"""The commands and their options, as `somtom --help` shows them."""

import argparse
from importlib.metadata import version
from pathlib import Path


def make_parser() -> argparse.ArgumentParser:
    """Every command and its options; `command` of what is parsed is the command's name."""
    parser = argparse.ArgumentParser(
        prog="somtom",
        description="Turns raw video, robot episodes and screenshots into Set-of-Mark / Trace-of-Mark "
        "training shards.",
    )
    parser.add_argument("--version", action="version", version=f"somtom {version('somtom')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    build = _command(commands, "build", "plan, label and finish a data set, or go on with one")
    _config_options(build)
    _run_options(build)
    build.add_argument(
        "--append", action="store_true", help="add inputs that are new since the plan was made"
    )
    build.add_argument(
        "--estimate", action="store_true", help="time a few clips, print clips, shards, hours and GB, stop"
    )

    plan = _command(commands, "plan", "make only the plan: which clips go into which shard")
    _config_options(plan)
    _run_options(plan)
    plan.add_argument("--append", action="store_true", help="add inputs that are new since the plan was made")

    label = _command(commands, "label", "make the shards of a plan that are not done yet, and finish")
    label.add_argument("folder", type=Path, metavar="DIR", help="the data set")
    _run_options(label, overwrite=False)

    relabel = _command(
        commands,
        "relabel",
        "make the labels again with other settings, without sources and tracker",
    )
    relabel.add_argument("folder", type=Path, metavar="DIR", help="a finished data set")
    relabel.add_argument("--out", required=True, metavar="NEW", help="folder of the new data set")
    relabel.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", dest="overrides")
    _run_options(relabel)

    check = _command(
        commands, "check", "read every tar and record back and verify every rule; exit 1 on a fault"
    )
    check.add_argument("folder", type=Path, metavar="DIR")

    explain = _command(commands, "explain", "why a sample was kept or dropped, or what became of an input")
    explain.add_argument("folder", type=Path, metavar="DIR")
    explain.add_argument(
        "key", metavar="KEY", help="a sample's key, or the first characters of it, or an input's uri"
    )

    show = _command(commands, "show", "write contact sheets (PNG): marked pictures, traces, what is said")
    show.add_argument("folder", type=Path, metavar="DIR")
    show.add_argument("--out", type=Path, default=None, metavar="FOLDER", help="default: DIR/meta/sheets")
    show.add_argument("--per-sheet", type=int, default=12, metavar="N")
    show.add_argument(
        "--limit", type=int, default=48, metavar="N", help="samples in all, 0 = every one (default 48)"
    )
    show.add_argument(
        "--cell", type=int, default=640, metavar="PIXELS", help="width of a sample's cell (default 640)"
    )

    track = _command(commands, "track", "track one clip of a video and write its tracks as .npz")
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

    sources = _command(
        commands, "sources", "list every kind of source with its settings, their defaults and meanings"
    )
    sources.add_argument("kind", nargs="?", default="", metavar="KIND", help="one kind (default: all)")

    peek = _command(commands, "peek", "say what a path holds, and the [[source]] block that would read it")
    peek.add_argument("path", metavar="PATH", help="a file, a folder or a glob")

    samples = _command(commands, "samples", "write small made-up inputs of every kind, with their truth")
    samples.add_argument("folder", type=Path, metavar="DIR")
    samples.add_argument("--count", type=int, default=6, help="inputs of each kind (default 6)")
    samples.add_argument("--seed", type=int, default=0)
    samples.add_argument(
        "--kinds", default="", metavar="KIND,...", help="some of videos, robot, screens, pairs (default: all)"
    )

    bench = _command(commands, "bench", "measure speed, memory and exactness, with the aims beside them")
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
    bench.add_argument("--json", type=Path, default=None, metavar="FILE", help="write the figures there too")

    return parser


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, help_text: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=help_text, description=help_text[0].upper() + help_text[1:] + ".")
    parser.set_defaults(command=name)
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
