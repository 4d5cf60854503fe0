"""A cheap hash that tells whether an input is still the same, equal on every machine."""

import functools
import hashlib
import os

from somtom.sources.files import is_remote, local_path, match_remote, open_binary

EDGE_BYTES = 1 << 20


def fingerprint(locator: str) -> str:
    """Hash the size, the first and the last MiB of a file to 32 hex digits.

    Raises:
        DataError: `missing`.
        OSError: the store failed.
    """
    with open_binary(locator) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        head = file.read(EDGE_BYTES)
        edges = hashlib.blake2b(str(size).encode() + b"\n" + head, digest_size=16)
        tail = max(size - EDGE_BYTES, 0)
        edges.update(head[tail:])  # where the edges overlap, it is not read twice
        file.seek(max(tail, len(head)))
        edges.update(file.read(EDGE_BYTES))
    return edges.hexdigest()


def shared_fingerprint(locator: str) -> str:
    """`fingerprint` of a file that many items share: read again only where its size or time changed.

    Raises:
        DataError: `missing`.
        OSError: the store failed.
    """
    return _remembered(locator, _stamp(locator))


@functools.lru_cache(maxsize=4096)
def _remembered(locator: str, stamp: tuple[float, ...]) -> str:
    return fingerprint(locator)


def _stamp(locator: str) -> tuple[float, ...]:
    """Size and time of change, empty where the file is not there."""
    if is_remote(locator):
        found = match_remote(locator)
        return (found[0].size_in_bytes, found[0].last_updated_in_seconds or 0.0) if found else ()
    try:
        status = local_path(locator).stat()
    except (FileNotFoundError, NotADirectoryError):
        return ()
    return status.st_size, status.st_mtime_ns
