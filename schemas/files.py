"""Files that are whole or absent: written aside under a hidden name, then renamed."""

import contextlib
import errno
import hashlib
import io
import os
import re
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_TEMPORARY = re.compile(r"\.(?P<name>.+)\.[0-9]+-[0-9a-f]{16}\.part")
_BUFFER_BYTES = 1 << 20
MOST_SMALL_BYTES = 1 << 27  # of a manifest, an index, a configuration


class HashedFile:
    """A binary file open for writing that knows its size and hashes without being read again.

    Small writes are gathered to 1 MB, so that hashing and the system are called rarely.
    `with_md5` is for shards only: webdataset's index asks for it, and it costs more than SHA-256.
    """

    def __init__(self, file: BinaryIO, with_md5: bool = False) -> None:
        self._file = file
        self._pending = bytearray()
        self._hashes = [hashlib.sha256()]
        if with_md5:
            self._hashes.append(hashlib.md5(usedforsecurity=False))
        self.size_bytes = 0
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Append the bytes; returns their number."""
        self._pending += data
        length = len(data)
        self.size_bytes += length
        if len(self._pending) >= _BUFFER_BYTES:
            self.flush()
        return length

    def flush(self) -> None:
        """Hash and hand on what was gathered."""
        if self._pending:
            for one in self._hashes:
                one.update(self._pending)
            self._file.write(self._pending)
            self._pending.clear()

    def tell(self) -> int:
        """Bytes written so far."""
        return self.size_bytes

    def close(self) -> None:
        """Flush; the file itself belongs to `whole_file`."""
        self.flush()
        self.closed = True

    @property
    def sha256(self) -> str:
        """Hex digest of what was written."""
        self.flush()
        return self._hashes[0].hexdigest()

    @property
    def md5(self) -> str:
        """Hex digest of what was written, "" unless asked for."""
        self.flush()
        return self._hashes[1].hexdigest() if len(self._hashes) > 1 else ""


@contextlib.contextmanager
def whole_file(path: Path, with_md5: bool = False) -> Iterator[HashedFile]:
    """Open a file that appears at `path` complete, or not at all.

    The temporary lies in the same folder, hidden, with a name of its own for each attempt, so that two
    processes working on one shard do not meet. It is synced before it is renamed and removed on error.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.parent / f".{path.name}.{os.getpid()}-{secrets.token_hex(8)}.part"
    try:
        # Buffered: on a disk that fills up, a raw file writes less than it was given and does not raise.
        with aside.open("xb") as file:
            hashed = HashedFile(file, with_md5)
            yield hashed
            hashed.flush()
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def open_regular(path: Path) -> io.BufferedReader:
    """Open a file for reading; what is none (a pipe, a device), and may never begin or never end, is refused.

    Raises:
        OSError: it is not there, may not be read or is no regular file.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        number = errno.EISDIR if path.is_dir() else errno.EINVAL
        raise OSError(number, f"is no regular file ({os.strerror(number)})", str(path))
    return path.open("rb")


def read_small(path: Path) -> bytes:
    """Read a file of meta/ whole; data sets come from strangers, so it is bounded.

    Raises:
        OSError: as `open_regular`, or it is larger than `MOST_SMALL_BYTES`.
    """
    with open_regular(path) as file:
        data = file.read(MOST_SMALL_BYTES + 1)
    if len(data) > MOST_SMALL_BYTES:
        raise OSError(errno.EFBIG, f"is larger than {MOST_SMALL_BYTES} bytes", str(path))
    return data


def write_whole(path: Path, data: bytes) -> None:
    """Write the bytes to a file that is whole or absent."""
    with whole_file(path) as file:
        file.write(data)


def is_temporary(name: str) -> bool:
    """Whether a file of this name is what an attempt that died left behind.

    >>> is_temporary(".train-000001.tar.4711-0123456789abcdef.part"), is_temporary("train-000001.tar")
    (True, False)
    """
    return _TEMPORARY.fullmatch(name) is not None


def sweep_temporaries(folder: Path) -> int:
    """Remove what dead attempts left in the folder and below; returns how many.

    Call it only when nobody writes there.
    """
    found = [path for path in folder.rglob(".*.part") if is_temporary(path.name)]
    for path in found:
        path.unlink(missing_ok=True)
    return len(found)
