"""What `somtom peek` prints: what a path holds, and the configuration that would read it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from somtom.pipelines.config_rules import ConfigError
from somtom.pipelines.kinds import toml_value
from somtom.sources.files import is_remote, local_locator, local_path
from somtom.sources.listing import GLOB
from somtom.sources.source import Found
from somtom.sources.sources import SOURCES

DEPTH = 3  # folders below the path that are looked into where nothing above them is known
MOST_FOLDERS = 200  # of one folder


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
    answers = ((kind, cls.recognise(path)) for kind, cls in SOURCES.items())
    known = [Sighting(path, kind, found) for kind, found in answers if found is not None]
    exact = [one for one in known if not one.found.is_fallback]
    if any(one.found.is_whole for one in exact):
        yield from exact
        return
    below = [one for folder in _folders(path, depth) for one in _sightings(folder, depth - 1)]
    better = [one for one in below if not one.found.is_fallback]
    kinds = {one.kind for one in exact}
    if exact and not {one.kind for one in better} - kinds:
        yield from exact
    # A kind that looks into folders may know one data set of several that lie here: then each speaks for
    # itself. "Some videos" says more of what lies here than of each folder in it.
    elif better or not known:
        yield from below
    else:
        yield from known


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
        raise ConfigError(f"{path}: no kind of source knows what this holds; `somtom sources` lists them")
    for one in sightings:
        yield f"{one.path}: {one.kind}"
        yield from (f"  {note}" for note in one.found.notes)
        yield ""
        yield "[[source]]"
        yield f"kind = {toml_value(one.kind)}"
        yield from (f"{name} = {toml_value(value)}" for name, value in one.found.settings.items())
        yield ""
