"""Rules of the folder: nothing lies there that a reader would stumble over."""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

from somtom.schemas.features import features_yaml
from somtom.schemas.files import is_temporary, read_small
from somtom.schemas.folder import CARD, CONFIG, ENERGON, META, PROVENANCE, SHARDS, TRACKS


def odd_files(folder: Path) -> list[str]:
    """Name, a line each, what is neither a file nor a folder: reading a pipe or a device may never end."""
    return [
        f"{path.relative_to(folder)}: is neither a file nor a folder"
        for path in sorted(folder.rglob("*"))
        if path.exists() and not (path.is_file() or path.is_dir())
    ]


def folder_faults(folder: Path) -> Iterator[str]:
    """Name every file that must not lie where it lies."""
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        top, name = relative.parts[0], relative.as_posix()
        if path.is_dir() and not path.is_symlink():
            if top in (SHARDS, TRACKS) and len(relative.parts) > 1:
                yield f"{name}: no folders may lie here"
        elif is_temporary(path.name):
            yield f"{name}: left over from an attempt that died"
        elif top == SHARDS and path.suffix != ".tar":
            yield f"{name}: only tars may lie here (readers choke on the rest)"
        elif top == TRACKS and path.suffix != ".parquet":
            yield f"{name}: only Parquet files may lie here"
        elif path.suffix == ".json" and top not in (META, ENERGON):
            yield f"{name}: JSON outside {META}/ (datasets would load it instead of the shards)"
        elif path.suffix == ".tar" and top != SHARDS:
            yield f"{name}: a tar outside {SHARDS}/"


def made_with_faults(folder: Path) -> Iterator[str]:
    """The settings and versions it was made with are there and can be read."""
    for name, parse in ((CONFIG, tomllib.loads), (PROVENANCE, json.loads)):
        try:
            parse(read_small(folder / META / name).decode())
        except (OSError, ValueError, RecursionError) as error:
            yield f"{META}/{name}: must be there and readable ({type(error).__name__})"


def card_faults(folder: Path, splits: list[str], extra: tuple[str, ...]) -> Iterator[str]:
    """The card names the data files of exactly the splits there are, and declares the features if any."""
    try:
        lines = read_small(folder / CARD).decode().splitlines()
    except (OSError, UnicodeDecodeError):
        yield f"{CARD}: there must be a card in UTF-8"
        return
    named = [line.split(":", 1)[1].strip() for line in lines if line.lstrip().startswith("- split:")]
    if sorted(named) != sorted(splits):
        yield f"{CARD}: must name the splits {', '.join(sorted(splits))}, got {', '.join(named)}"
    if not splits:
        return
    declared = [line.strip() for line in lines]
    wanted = [line.strip() for line in features_yaml(extra)]
    start = declared.index(wanted[0]) if wanted[0] in declared else 0
    if declared[start : start + len(wanted)] != wanted:
        yield f"{CARD}: must declare the features of meta/features.json"
