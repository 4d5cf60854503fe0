"""An export's folder is whole or absent: it is written beside its place, and renamed at the end."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from somtom.pipelines.output import OutputError

_LOCK = ".somtom-export"


@contextlib.contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """Give a new folder that becomes `out`, which must be absent or empty, when the block ends well.

    It lies beside `out`, hidden. What an export that was killed left there is removed by the next one to the
    same place; nothing else is ever removed.

    Raises:
        OutputError: `out` holds something, or another export is writing there.
    """
    out = out.parent.resolve() / out.name  # not what `out` itself links to
    if out.is_symlink() or (out.exists() and (not out.is_dir() or any(out.iterdir()))):
        raise OutputError(f"{out}: is not empty; choose another --out")
    aside = out.parent / f".{out.name}.export"
    if aside.is_symlink() or (aside.exists() and any(aside.iterdir()) and not (aside / _LOCK).exists()):
        raise OutputError(
            f"{aside}: stands where the export is to be written; remove it or choose another --out"
        )
    try:
        aside.mkdir(parents=True, exist_ok=True)
        lock = os.open(aside / _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        raise OutputError(f"{aside}: cannot be written: {error.strerror}; choose another --out") from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not os.fstat(lock).st_nlink:  # the export that held it ended just now
                raise BlockingIOError
        except OSError as error:
            raise OutputError(f"{out}: another export is writing it; wait for it or stop it") from error
        _clear(aside)
        try:
            yield aside
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise
        (aside / _LOCK).unlink()
        aside.rename(out)
    finally:
        os.close(lock)


def _clear(aside: Path) -> None:
    for path in aside.iterdir():
        if path.name == _LOCK:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
