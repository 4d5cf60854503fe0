"""The output folder: whose it is, who works on it, what may be taken away."""

import contextlib
import errno
import fcntl
import os
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path

from somtom.pipelines.config import BuildConfig, difference, dump_config
from somtom.schemas.files import write_whole
from somtom.schemas.folder import CARD, ENERGON, META, SHARDS, TRACKS

OURS = (SHARDS, TRACKS, META, CARD, ENERGON)  # what a build writes, and --overwrite removes


class OutputError(RuntimeError):
    """The output folder cannot be used; one line says why and what to do."""


def config_path(folder: Path) -> Path:
    """The resolved configuration."""
    return folder / META / "config.toml"


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
        OutputError: another run holds it, or it cannot be written.
    """
    meta = root / META
    try:
        meta.mkdir(parents=True, exist_ok=True)
        lock = os.open(meta / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise OutputError(f"{root}: cannot be written: {error.strerror}; choose another --out") from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise OutputError(f"{root}: another run is working on it; wait for it or stop it") from error
        yield
        (meta / ".lock").unlink(missing_ok=True)
    finally:
        os.close(lock)


def adopt_config(root: Path, config: BuildConfig, overwrite: bool, append: bool) -> None:
    """Make the folder belong to this configuration, or refuse.

    Raises:
        OutputError: it holds another build (the difference is said), or files that are not ours.
    """
    if overwrite:
        _remove_data_set(root)
    if config_path(root).is_file():
        lines = difference(read_config_tree(root), config.as_dict())
        if append:
            lines = [line for line in lines if not line.startswith("source[") or "(absent)' -> " not in line]
        if lines:
            shown = "; ".join(lines[:6]) + ("; ..." if len(lines) > 6 else "")
            raise OutputError(
                f"{root}: holds a build with other settings ({shown}); "
                "use --overwrite, another --out, or `somtom relabel` for motion, marks and text"
            )
    else:
        strangers = [path.name for path in root.iterdir() if path.name != META]
        strangers += [path.name for path in (root / META).iterdir() if path.name not in (".lock", "work")]
        if strangers:
            raise OutputError(
                f"{root}: holds {sorted(strangers)[0]!r}, which is no part of a build; choose an empty --out"
            )
    write_whole(config_path(root), dump_config(config).encode())


def read_config_tree(root: Path) -> dict[str, object]:
    """Read the plain tree of the resolved configuration of a build.

    Raises:
        OutputError: the folder holds no build.
    """
    try:
        return tomllib.loads(config_path(root).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise OutputError(f"{root}: holds no build ({config_path(root)} is missing)") from error
    except (OSError, ValueError) as error:
        raise OutputError(f"{config_path(root)}: cannot be read: {error}") from error


def _remove_data_set(root: Path) -> None:
    """Remove a data set that a build wrote; anything else in the folder stays."""
    if not config_path(root).is_file():
        return  # nothing of ours: adopt_config refuses strangers
    for name in OURS:
        path = root / name
        if name == META:
            for child in path.iterdir():
                if child.name != ".lock":
                    _remove(child)
        elif path.exists():
            _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def explain_os_error(error: OSError, root: Path) -> str:
    """Say in one line what a failing disk means for a run that writes to `root`."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{root}: the disk is full; free some room and run the same command again, which goes on"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{error.filename or root}: may not be written ({error.strerror}); choose another --out"
    return f"{error.filename or root}: {error.strerror or error}"
