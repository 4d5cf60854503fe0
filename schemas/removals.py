"""What is to be taken out of a data set: meta/removals.txt names it, a line each."""

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from somtom.schemas.files import read_small, write_whole
from somtom.schemas.folder import META, REMOVALS, removals_path
from somtom.schemas.manifest import Manifest
from somtom.schemas.reasons import DataError
from somtom.schemas.record import storable_text
from somtom.schemas.refs import Ref

REMOVED = "removed"  # the reason


def read_removals(path: Path) -> tuple[str, ...]:
    """Read the names, in order: keys, uris or groups; empty lines and lines that begin with # are comments.

    No names where there is no file.

    Raises:
        DataError: `unreadable`: the file is there, but cannot be read as text.
    """
    try:
        text = read_small(path).decode("utf-8-sig")
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError("unreadable", f"{path}: cannot be read as UTF-8 text: {error}") from error
    lines = (line.strip() for line in text.split("\n"))
    return tuple(dict.fromkeys(storable_text(line) for line in lines if line and not line.startswith("#")))


def add_removals(folder: Path, names: Collection[str]) -> None:
    """Add to the data set's own list what it lacks of the names."""
    path = removals_path(folder)
    known = read_removals(path)
    new = [name for name in dict.fromkeys(names) if name not in known]
    if new:
        old = path.read_text(encoding="utf-8-sig") if path.is_file() else ""
        before = [old if old.endswith("\n") else f"{old}\n"] if old else []
        write_whole(path, "".join([*before, *(f"{name}\n" for name in new)]).encode())


def is_named(ref: Ref, names: Collection[str]) -> bool:
    """Whether the names hold the ref's key, its uri or its group."""
    return ref.key in names or ref.uri in names or ref.group in names


def removal_faults(folder: Path, manifests: Iterable[Manifest]) -> Iterator[str]:
    """Nothing that the list names stands in a shard."""
    try:
        names = frozenset(read_removals(removals_path(folder)))
    except DataError as error:
        yield error.message
        return
    for manifest in manifests if names else ():
        for row in manifest.samples:
            if named := names & {row["key"], row["uri"], row["group"]}:
                yield (
                    f"{META}/{REMOVALS}: {min(named)!r:.80} is to be taken out, but {manifest.shard} holds "
                    f"{row['key']}: run the build again"
                )


def removal() -> DataError:
    """Say of a clip that it is taken out."""
    return DataError(REMOVED, "it is named in meta/removals.txt; take the line out to have it again")
