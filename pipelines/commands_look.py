"""Looking at a data set: check, explain, show, report."""

import argparse
from pathlib import Path

from somtom.pipelines.commands import Subcommands, add_command, data_set_folder, say


def add_commands(commands: Subcommands) -> None:
    """Add this file's commands."""
    check = add_command(
        commands, "check", _check, "read every tar and record back and verify every rule; exit 1 on a fault"
    )
    check.add_argument("folder", type=data_set_folder, metavar="DIR")

    explain = add_command(
        commands, "explain", _explain, "why a sample was kept or dropped, or what became of an input"
    )
    explain.add_argument("folder", type=data_set_folder, metavar="DIR")
    explain.add_argument(
        "key", metavar="KEY", help="a sample's key, or the first characters of it, or an input's uri"
    )

    show = add_command(
        commands, "show", _show, "write contact sheets (PNG): marked pictures, traces, what is said"
    )
    show.add_argument("folder", type=data_set_folder, metavar="DIR")
    show.add_argument("--out", type=Path, default=None, metavar="FOLDER", help="default: DIR/meta/sheets")
    show.add_argument("--per-sheet", type=int, default=12, metavar="N")
    show.add_argument(
        "--limit", type=int, default=48, metavar="N", help="samples in all, 0 = every one (default 48)"
    )
    show.add_argument(
        "--cell", type=int, default=640, metavar="PIXELS", help="width of a sample's cell (default 640)"
    )

    duplicates = add_command(
        commands,
        "duplicates",
        _duplicates,
        "name samples whose picture looks like another's, for meta/removals.txt",
    )
    duplicates.add_argument("folder", type=data_set_folder, metavar="DIR")
    duplicates.add_argument(
        "--from",
        dest="split",
        default="val",
        metavar="SPLIT",
        help="whose samples are named when a picture stands in two splits (default val)",
    )
    duplicates.add_argument(
        "--copies", action="store_true", help="name copies within a split, in other groups, too"
    )

    report = add_command(
        commands, "report", _report, "write one HTML page: books, rejects, a gallery in motion, distributions"
    )
    report.add_argument("folder", type=data_set_folder, metavar="DIR")
    report.add_argument(
        "--out", type=Path, default=None, metavar="FILE", help="default: DIR/meta/report.html"
    )
    report.add_argument(
        "--pictures",
        type=int,
        default=300,
        metavar="N",
        help="samples shown with their picture (default 300)",
    )
    report.add_argument(
        "--budget", type=float, default=8.0, metavar="MB", help="what pictures may take (default 8)"
    )


def _check(options: argparse.Namespace) -> int:
    from somtom.schemas.check import check_dataset
    from somtom.schemas.duplicates import leak_warning

    faults = 0
    for fault in check_dataset(options.folder):
        say(fault)
        faults += 1
    if not faults:
        print(f"{options.folder}: every rule holds")
        if warning := leak_warning(options.folder):
            say(f"warning: {warning}")
    return 1 if faults else 0


def _explain(options: argparse.Namespace) -> int:
    from somtom.pipelines.explain import explain_lines

    say(*explain_lines(options.folder, options.key))
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


def _duplicates(options: argparse.Namespace) -> int:
    from somtom.pipelines.duplicates import duplicate_lines

    for line in duplicate_lines(options.folder, options.split, options.copies):
        say(line)
    return 0


def _report(options: argparse.Namespace) -> int:
    from somtom.pipelines.config_rules import ConfigError
    from somtom.pipelines.report import write_report

    if options.pictures < 0:
        raise ConfigError(f"--pictures {options.pictures}: must be 0 or more")
    if not 0 <= options.budget <= 1000:
        raise ConfigError(f"--budget {options.budget}: must be 0 to 1000 MB")
    written = write_report(options.folder, options.out, options.pictures, options.budget)
    print(
        f"look at {written.path}: {written.size_bytes / 1e6:.1f} MB, {written.samples:,} samples, "
        f"{written.pictures:,} with their picture"
    )
    if not written.finished:
        print("the build is not finished: the report tells of its whole shards alone")
    return 0
