"""What `somtom peek` prints: what a path holds, and the configuration that would read it."""

from collections.abc import Iterator

from somtom.pipelines.config import ConfigError
from somtom.pipelines.kinds import toml_value
from somtom.sources.files import is_remote, local_path
from somtom.sources.listing import GLOB
from somtom.sources.source import Found
from somtom.sources.sources import SOURCES


def peek(path: str) -> list[tuple[str, Found]]:
    """Ask every kind what it would make of the path: (kind, what it found), in the order of `SOURCES`.

    Raises:
        ConfigError: the path is not there.
    """
    if not is_remote(path) and not GLOB.search(path) and not local_path(path).exists():
        raise ConfigError(f"{path}: is not there")
    answers = ((kind, cls.recognise(path)) for kind, cls in SOURCES.items())
    found = [(kind, one) for kind, one in answers if one is not None]
    return [one for one in found if not one[1].is_fallback] or found


def peek_lines(path: str) -> Iterator[str]:
    """Describe a path: for each kind that would read it what was found, and its `[[source]]` block.

    Raises:
        ConfigError: the path is not there, or no kind knows what it holds.
    """
    answers = peek(path)
    if not answers:
        raise ConfigError(f"{path}: no kind of source knows what this holds; `somtom sources` lists them")
    for kind, found in answers:
        yield f"{path}: {kind}"
        yield from (f"  {note}" for note in found.notes)
        yield ""
        yield "[[source]]"
        yield f"kind = {toml_value(kind)}"
        yield from (f"{name} = {toml_value(value)}" for name, value in found.settings.items())
        yield ""
