"""The output folder: whose it is, who works on it, what may be taken away."""

import contextlib
import errno
import fcntl
import os
import re
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path

from somtom.pipelines.config import BuildConfig, difference, dump_config
from somtom.schemas.files import is_temporary, read_small, sweep_temporaries, write_whole
from somtom.schemas.folder import CARD, CONFIG, ENERGON, MANIFESTS, META, REMOVALS, SHARDS, TRACKS
from somtom.schemas.reasons import DataError

PLANNED = ("plan.parquet", "items.parquet", "rejects.parquet", "action_stats.json")  # planning writes them
OURS = (SHARDS, TRACKS, META, CARD, ENERGON)  # what a build writes, and --overwrite removes


class OutputError(RuntimeError):
    """The output folder cannot be used; one line says why and what to do."""


def config_path(folder: Path) -> Path:
    """The resolved configuration."""
    return folder / META / CONFIG


def work_path(folder: Path) -> Path:
    """Scans and notes of a run that is not finished; removed at its end."""
    return folder / META / "work"


def notes_path(folder: Path) -> Path:
    """Notes of what each worker has in hand."""
    return work_path(folder) / "notes"


@contextlib.contextmanager
def claim_output(root: Path) -> Iterator[None]:
    """Hold the output folder for one run, so that a second run on it is refused.

    Raises:
        OutputError: another run holds it, it cannot be written, or it holds files that are not ours.
    """
    path = root / META / ".lock"
    try:
        _refuse_strangers(root)
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise OutputError(f"{root}: cannot be written: {error.strerror}; choose another --out") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.fstat(lock).st_nlink:  # the run that held it ended, and took it away, just now
            raise BlockingIOError
    except OSError as error:
        os.close(lock)
        raise OutputError(f"{root}: another run is working on it; wait for it or stop it") from error
    try:
        sweep_temporaries(root)  # what runs that died left would fill the disk before it is finished
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(lock)


def _refuse_strangers(root: Path) -> None:
    """Refuse a folder that holds no build but something else."""
    if config_path(root).is_file():
        return
    names = [path.name for path in root.iterdir() if path.name != META] if root.is_dir() else []
    if (root / META).is_dir():
        begun = (".lock", work_path(root).name, REMOVALS)
        names += [path.name for path in (root / META).iterdir() if path.name not in begun]
    strangers = sorted(name for name in names if not is_temporary(name))
    if strangers and any((root / META / name).exists() for name in (PLANNED[0], MANIFESTS)):
        raise OutputError(
            f"{root}: holds a build whose {META}/{CONFIG} is missing; put it back, or choose an empty --out"
        )
    if strangers:
        raise OutputError(
            f"{root}: holds {strangers[0]!r}, which is no part of a build; choose an empty --out"
        )


def adopt_config(root: Path, config: BuildConfig, overwrite: bool, append: bool) -> None:
    """Make the folder belong to this configuration, or refuse.

    Raises:
        OutputError: it holds another build; the difference is said.
    """
    if overwrite:
        _remove_data_set(root)
    elif config_path(root).is_file():
        lines = difference(read_config_tree(root), config.as_dict())
        if append:
            lines = [line for line in lines if not line.startswith("source[") or "(absent)' -> " not in line]
        if lines:
            shown = "; ".join(lines[:6]) + ("; ..." if len(lines) > 6 else "")
            added = all(line.startswith("source[") and "(absent)' -> " in line for line in lines)
            cure = "use --append to add the sources, --overwrite, " if added else "use --overwrite, "
            raise OutputError(
                f"{root}: holds a build with other settings ({shown}); {cure}another --out, or "
                "`somtom relabel` for motion, marks, text, robot, ui, vl, quality, filter and weights"
            )
    write_whole(config_path(root), dump_config(config).encode())


def read_config_tree(root: Path) -> dict[str, object]:
    """Read the plain tree of the resolved configuration of a build.

    Raises:
        OutputError: the folder holds no build.
    """
    try:
        return tomllib.loads(read_small(config_path(root)).decode())
    except FileNotFoundError as error:
        raise OutputError(f"{root}: holds no build ({config_path(root)} is missing)") from error
    except (OSError, ValueError, RecursionError) as error:
        raise OutputError(
            f"{config_path(root)}: cannot be read: {error}; put it back as it was, or --overwrite the build"
        ) from error


@contextlib.contextmanager
def damage_explained(root: Path) -> Iterator[None]:
    """Say how to mend what cannot be read of the data set itself.

    Raises:
        OutputError: in place of a DataError that names a table of its plan, a shard or tracks.
    """
    try:
        yield
    except DataError as error:
        name = re.split("[: ]", error.message, maxsplit=1)[0].removeprefix(f"{META}/")
        if name in PLANNED:
            cure = f"remove it and {PLANNED[0]} there, and build again: inputs are scanned anew, shards kept"
        elif (root / SHARDS / name).is_file() or (root / TRACKS / name).is_file():
            shard = name.rpartition(".")[0]
            cure = f"remove {META}/{MANIFESTS}/{shard}.json, and run again: the shard is made anew"
        else:
            raise
        raise OutputError(f"{root}: {error.message}; {cure}") from error


def _remove_data_set(root: Path) -> None:
    """Remove a data set that a build wrote; anything else in the folder stays, and the list of removals.

    Its configuration goes last: while it is there the rest is known as ours.
    """
    keep = (".lock", config_path(root).name, REMOVALS)
    doomed = [root / name for name in OURS if name != META]
    doomed += [path for path in (root / META).iterdir() if path.name not in keep]
    for path in (*doomed, config_path(root)):
        _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def explain_os_error(error: OSError, root: Path) -> str:
    """Say in one line what a failing disk means for a run that writes to `root`, or only reads there."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{root}: the disk is full; free some room and run the same command again, which goes on"
    if error.errno is None:  # our own, which says it all
        return str(error)
    if error.errno in (errno.EACCES, errno.EPERM) and (barrier := _barrier(Path(error.filename or root))):
        return f"{barrier} may not be read ({error.strerror}): allow it, or name another path"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{error.filename or root}: may not be written ({error.strerror}); choose another --out"
    return f"{error.filename or root}: {error.strerror or error}"


def _barrier(path: Path) -> Path | None:
    """What of a path may not be entered or read; None where that is not the trouble."""
    for one in (*reversed(path.parents), path):
        if not os.access(one, os.F_OK):
            return None
        if not os.access(one, os.R_OK if one == path else os.X_OK):
            return one
    return None
