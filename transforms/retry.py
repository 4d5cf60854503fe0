"""Tries again what a store refused for a moment."""

import errno
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

TRIES = 3
FIRST_WAIT_S = 0.5
# Waiting changes nothing about these.
LASTING = frozenset(
    (
        *(errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.EACCES, errno.EPERM),
        *(errno.ENOSPC, errno.EROFS, errno.EDQUOT),
    )
)
# Trouble of this machine: no input is to blame, the run ends.
MACHINE = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM))


def why_unread(error: OSError) -> str:
    """Say which file could not be read, by its name alone: the folders differ from machine to machine."""
    name = Path(os.fsdecode(error.filename)).name if isinstance(error.filename, (str, bytes)) else ""
    return f"{name or 'it'} cannot be read: {error.strerror or error}"


def with_retries(action: Callable[[], T], what: str) -> T:
    """Do `action`, up to `TRIES` times while it raises an OSError that may pass, backing off in between."""
    for attempt in range(1, TRIES):
        try:
            return action()
        except OSError as error:
            if error.errno in LASTING:
                raise
            wait_s = FIRST_WAIT_S * 2 ** (attempt - 1)
            logging.getLogger(__name__).warning("%s: %s; again in %.1f s", what, error, wait_s)
            time.sleep(wait_s)
    return action()
