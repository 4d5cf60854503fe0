"""Data sets in stores: fetch."""

import argparse
from pathlib import Path

from somtom.pipelines.commands import Subcommands, add_command


def add_commands(commands: Subcommands) -> None:
    """Add this file's command."""
    fetch = add_command(
        commands, "fetch", _fetch, "bring a data set from a store to a folder, to check, show or export it"
    )
    fetch.add_argument("uri", metavar="URI", help="such as s3://bucket/folder")
    fetch.add_argument("folder", type=Path, metavar="DIR", help="what is there already is not fetched again")


def _fetch(options: argparse.Namespace) -> int:
    from somtom.pipelines.fetch import fetch_data_set

    files, size_bytes = fetch_data_set(options.uri, options.folder)
    print(f"{options.folder}: {files} files fetched, {size_bytes / 1e6:.1f} MB")
    return 0
