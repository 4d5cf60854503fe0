"""What `somtom peek` prints: what a path holds, and the configuration that would read it."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from somtom.pipelines.config_rules import ConfigError
from somtom.pipelines.kinds import toml_value
from somtom.schemas.folder import META, SHARDS
from somtom.schemas.reasons import DataError
from somtom.sources.files import is_remote, local_locator, local_path
from somtom.sources.hdf5_files import SUFFIXES, load_h5py
from somtom.sources.listing import GLOB, list_files
from somtom.sources.source import Found
from somtom.sources.sources import SOURCES

DEPTH = 3  # folders below the path that are looked into where nothing above them is known
MOST_FOLDERS = 200  # of one folder
BUILT = "a data set that somtom built"
BUILT_NOTES = ("it is no input: `somtom show`, `somtom check` and `somtom explain` look into it",)


@dataclass(frozen=True)
class Sighting:
    """What one kind made of one path."""

    path: str
    kind: str
    found: Found


def peek(path: str) -> list[Sighting]:
    """Ask every kind what it would make of the path, or, where none knows it, of the folders in it.

    Raises:
        ConfigError: the path is not there.
    """
    if not path.strip():
        raise ConfigError('the path is empty; "." is the folder that the command runs in')
    is_plain = not is_remote(path) and not GLOB.search(path)
    if is_plain and not local_path(path).exists():
        raise ConfigError(f"{path}: is not there")
    return list(_sightings(path, DEPTH if is_plain else 0))


def _sightings(path: str, depth: int) -> Iterator[Sighting]:
    if is_built(path):
        yield Sighting(path, BUILT, Found({}, BUILT_NOTES))
        return
    answers = ((kind, cls.recognise(path)) for kind, cls in SOURCES.items())
    known = [Sighting(path, kind, found) for kind, found in answers if found is not None]
    exact = [one for one in known if not one.found.is_fallback]
    if any(one.found.is_whole for one in exact):
        yield from exact
        return
    below = [one for folder in _folders(path, depth) for one in _sightings(folder, depth - 1)]
    better = [one for one in below if not one.found.is_fallback]
    kinds = {one.kind for one in exact}
    if exact and not {one.kind for one in better} - kinds - {BUILT}:
        yield from exact
    # A kind that looks into folders may know one data set of several that lie here: then each speaks for
    # itself. "Some videos" says more of what lies here than of each folder in it.
    elif {one.kind for one in better} - {BUILT} or not known:
        yield from below
    else:
        yield from known
        yield from (one for one in below if one.kind == BUILT)


def is_built(path: str) -> bool:
    """Whether the path is a folder that somtom built a data set into."""
    if is_remote(path):
        return False
    return (local_path(path) / META / "config.toml").is_file() and (local_path(path) / SHARDS).is_dir()


def _folders(path: str, depth: int) -> list[str]:
    folder = local_path(path) if depth else Path()
    if not depth or not folder.is_dir():
        return []
    inside = sorted(one for one in folder.iterdir() if one.is_dir() and not one.name.startswith("."))
    return [local_locator(one) for one in inside[:MOST_FOLDERS]]


def peek_lines(path: str) -> Iterator[str]:
    """Describe a path: for each kind that would read it what was found, and its `[[source]]` block.

    Raises:
        ConfigError: the path is not there, or no kind knows what it holds.
    """
    sightings = peek(path)
    if not sightings:
        unknown = "no kind of source knows what this holds; `somtom sources` lists them"
        raise ConfigError(f"{path}: {_why_no_hdf5(path) or unknown}")
    for one in sightings:
        yield f"{one.path}: {one.kind}"
        yield from (f"  {note}" for note in one.found.notes)
        yield ""
        if one.kind == BUILT:
            continue
        yield "[[source]]"
        yield f"kind = {toml_value(one.kind)}"
        yield from (f"{name} = {toml_value(value)}" for name, value in one.found.settings.items())
        yield ""
    if missing := _why_no_hdf5(path):
        yield f"{path}: {missing}"


def _why_no_hdf5(path: str) -> str:
    """Say what to install for the HDF5 files there are; "" where there are none, or they can be read."""
    try:
        load_h5py()
    except ValueError as error:
        with contextlib.suppress(DataError, OSError):
            first = next(list_files(path, include=SUFFIXES))
            return f"{first.uri} is not looked into: {error}"
    return ""
