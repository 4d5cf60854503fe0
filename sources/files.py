"""Opening what a locator names: a local path, or a URI of any file system that Beam knows."""

import errno
import os
import shutil
import tempfile
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import quote_from_bytes, unquote_to_bytes

from somtom.schemas.files import open_regular
from somtom.schemas.reasons import DataError
from somtom.sources.stores import file_systems, told_plainly

FILE_SCHEME = "file://"


def is_remote(locator: str) -> bool:
    """Whether the locator needs a Beam file system.

    >>> is_remote("gs://bucket/a.mp4"), is_remote("/data/a.mp4"), is_remote("file:///data/a.mp4")
    (True, False, False)
    """
    return "://" in locator and not locator.startswith(FILE_SCHEME)


def local_path(locator: str) -> Path:
    """Turn a local locator into a path; `file://` ones are percent-encoded."""
    if locator.startswith(FILE_SCHEME):
        return Path(os.fsdecode(unquote_to_bytes(locator.removeprefix(FILE_SCHEME))))
    return Path(locator)


def local_locator(path: Path) -> str:
    """Name a local file so that the name is valid text: one that is not UTF-8 becomes a `file://` URI."""
    text = str(path)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return FILE_SCHEME + quote_from_bytes(os.fsencode(path))
    return text


def is_local_file(path: Path) -> bool:
    """Whether a file is there; no for a name that can be none's (too long, with a NUL)."""
    return os.path.isfile(path)  # noqa: PTH113 - Path.is_file raises for such names


def match_remote(pattern: str) -> list[Any]:
    """List the remote files that match a glob, or the one file: Beam's metadata, with path and size.

    Raises:
        OSError: the store failed.
    """
    with told_plainly(pattern):
        return list(file_systems().match([pattern])[0].metadata_list)


def exists_remote(locator: str) -> bool:
    """Whether a remote file is there.

    Raises:
        OSError: the store failed.
    """
    with told_plainly(locator):
        return bool(file_systems().exists(locator))


def open_binary(locator: str) -> IO[bytes]:
    """Open a file for reading; the result can seek (a copy is made where the store cannot).

    Raises:
        DataError: `missing`, or `unreadable`: it is no file, but something that may never end.
        OSError: the store failed.
    """
    if not is_remote(locator):
        try:
            return open_regular(local_path(locator))
        except (FileNotFoundError, NotADirectoryError) as error:
            raise DataError(
                "missing", f"{locator} is not there: correct the path or fetch the file"
            ) from error
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            raise DataError("unreadable", f"{locator} is no file, but a pipe or a device") from error
    from apache_beam.io.filesystem import CompressionTypes

    try:
        with told_plainly(locator):
            remote = file_systems().open(locator, compression_type=CompressionTypes.UNCOMPRESSED)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.ETIMEDOUT) or exists_remote(locator):
            raise
        raise DataError("missing", f"{locator} is not there: correct the path or fetch the file") from error
    if remote.seekable():
        return cast(IO[bytes], remote)
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - handed to the caller, gone when closed
    with remote, told_plainly(locator):
        shutil.copyfileobj(remote, copy, 1 << 20)
    copy.seek(0)
    return copy
