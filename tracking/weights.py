"""A model's weights: a local file, or one fetched once a machine; known by their SHA-256."""

import contextlib
import fcntl
import hashlib
import http.client
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO
from urllib.parse import unquote, urlsplit

from tqdm import tqdm

from somtom.schemas.files import whole_file

CACHE = Path.home() / ".cache" / "somtom" / "weights"
MAX_BYTES = 4 << 30  # no tracker's weights are larger
_PART_BYTES = 1 << 20
_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Weights:
    """A file of weights and the hex digest of its bytes."""

    path: Path
    sha256: str


def find_weights(location: str, sha256: str = "", cache: Path = CACHE) -> Weights:
    """Find a local file, or fetch what a URI names: http(s), or any file system that Beam knows.

    Processes of one machine wait for the one that fetches; what was fetched stays in `cache`.

    Args:
        sha256: what the file must have; "" takes any.

    Raises:
        ValueError: in one line: it is not there, too large, or another file than was asked for.
    """
    if "://" not in location:
        return _checked(Path(location).expanduser(), sha256, location)
    if location.startswith("file://"):
        return _checked(Path(unquote(urlsplit(location).path)), sha256, location)
    name = (
        f"{hashlib.sha256(location.encode()).hexdigest()[:16]}-{PurePosixPath(urlsplit(location).path).name}"
    )
    path = cache / name
    with _alone(path.with_name(f"{name}.lock")):
        if not path.is_file():
            _fetch(location, path)
        return _checked(path, sha256, f"{location} (kept as {path})")


def _checked(path: Path, wanted: str, called: str) -> Weights:
    try:
        size_bytes = path.stat().st_size
        if size_bytes > MAX_BYTES:
            raise ValueError(f"weights {called}: {size_bytes} bytes are too many for a tracker's")
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ValueError(f"weights {called}: cannot be read: {error.strerror}") from error
    if wanted and found != wanted.lower():
        raise ValueError(f"weights {called}: has SHA-256 {found}, but {wanted} was asked for")
    return Weights(path, found)


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Wait until no other process or thread of this machine holds the lock."""
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        with lock.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise ValueError(f"weights: cannot be kept in {lock.parent}: {error.strerror}") from error


def _fetch(location: str, path: Path) -> None:
    try:
        with _open(location) as (file, size_bytes), whole_file(path) as copy:
            with tqdm(
                total=size_bytes or None, desc=path.name, unit="B", unit_scale=True, disable=None
            ) as bar:
                while part := file.read(_PART_BYTES):
                    copy.write(part)
                    bar.update(len(part))
                    if copy.size_bytes > MAX_BYTES:
                        raise ValueError(f"weights {location}: more bytes than a tracker's weights have")
            if size_bytes and copy.size_bytes != size_bytes:
                raise ValueError(f"weights {location}: cut off after {copy.size_bytes} of {size_bytes} bytes")
    except (OSError, http.client.HTTPException) as error:
        raise ValueError(f"weights {location}: cannot be fetched: {error}") from error


@contextlib.contextmanager
def _open(location: str) -> Iterator[tuple[IO[bytes], int]]:
    """Open a URI; gives the file and its bytes, 0 where that is not known."""
    if location.startswith(("https://", "http://")):
        with urllib.request.urlopen(location, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - not file://
            yield answer, int(answer.headers.get("Content-Length") or 0)
        return
    from apache_beam.io.filesystem import CompressionTypes
    from apache_beam.io.filesystems import FileSystems

    try:
        file = FileSystems.open(location, compression_type=CompressionTypes.UNCOMPRESSED)
    except ValueError as error:  # a scheme that Beam does not know
        raise ValueError(f"weights {location}: {error}") from error
    with file:
        yield file, 0
