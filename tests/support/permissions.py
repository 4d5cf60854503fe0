"""Files that may not be read, also where the tests run as root."""

import ctypes
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_DROP_FROM_BOUNDS, _DAC_OVERRIDE, _DAC_READ_SEARCH = 24, 1, 2  # linux/prctl.h, linux/capability.h
_LIBC = ctypes.CDLL(None)


def obey_permissions() -> None:
    """Give up root's right to read everything: a child process's `preexec_fn`; nothing to others."""
    for right in (_DAC_OVERRIDE, _DAC_READ_SEARCH):
        _LIBC.prctl(_DROP_FROM_BOUNDS, right, 0, 0, 0)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Nobody may read the file or enter the folder; skips where a child could all the same."""
    mode = path.stat().st_mode
    path.chmod(0)
    try:
        if subprocess.run(["test", "-r", path], preexec_fn=obey_permissions).returncode == 0:
            pytest.skip("permissions do not bind here")
        yield
    finally:
        path.chmod(mode)
