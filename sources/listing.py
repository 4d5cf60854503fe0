"""Which files a path names: a file, a folder, a glob or a list of files, local or remote."""

import errno
import glob
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from somtom.schemas.reasons import DataError
from somtom.sources.files import is_remote, local_locator, local_path, match_remote, open_binary
from somtom.sources.sniff import claims_video

GLOB = re.compile(r"[*?\[]")
LIST_SUFFIX = ".txt"
DATA_SUFFIXES = ("json", "jsonl", "ndjson", "csv", "tsv", "parquet", "hdf5", "h5", "hdf", "tfrecord")
MAX_LIST_BYTES = 1 << 28


@dataclass(frozen=True)
class Listed:
    """One file: `uri` is relative to the root with forward slashes, `locator` opens it."""

    uri: str
    locator: str


def dataset_of(path: str) -> str:
    """Name a data set after the folder in its path, or after the one file that holds it.

    From the text alone, so that it is the same on a worker.

    >>> [dataset_of(path) for path in ("raw/kitchen/", "gs://b/kitchen/**/*.mp4", "@kitchen/list.txt")]
    ['kitchen', 'kitchen', 'kitchen']
    >>> dataset_of("raw/seeclick_web.json")
    'seeclick_web'
    """
    path = path.removeprefix("@")
    stem, dot, suffix = PurePosixPath(path).name.rpartition(".")
    if dot and suffix.lower() in DATA_SUFFIXES and not GLOB.search(path):
        return stem
    is_file = GLOB.search(path) or path.endswith(LIST_SUFFIX) or claims_video(path)
    return PurePosixPath(_fixed_part(path) if is_file else path).name or "video"


def list_files(path: str, include: tuple[str, ...] = (), exclude: tuple[str, ...] = ()) -> Iterator[Listed]:
    """List what `path` names, sorted by uri, each file once; hidden files of a folder or glob are left out.

    `include` and `exclude` are globs matched with the uri, or with the file's name where they have no slash.

    Raises:
        DataError: `missing`: the path is not there or nothing matches; `io_error`: a folder may not be read.
    """
    listed = {found.uri: found for found in _found(path, exclude)}
    kept = [
        listed[uri]
        for uri in sorted(listed)
        if (not include or matches(uri, include)) and not matches(uri, exclude)
    ]
    if not kept:
        raise DataError("missing", _why_nothing(path, len(listed), include, exclude))
    yield from kept


def _why_nothing(path: str, listed: int, include: tuple[str, ...], exclude: tuple[str, ...]) -> str:
    if listed:
        wanted = f" named {' or '.join(map(_plain, include))}" if include else ""
        unwanted = f"excluding {', '.join(map(_plain, exclude))}; " if exclude else ""
        return f"{path} names no file{wanted} ({unwanted}other files there: {listed})"
    if is_remote(path) or GLOB.search(path) or path.startswith("@") or local_path(path).exists():
        return f"{path} names no file"
    return f"{path} is not there: correct the path"


def _plain(pattern: str) -> str:
    """Write a glob for letters of both cases in one of them.

    >>> _plain("*.[pP][nN][gG]")
    '*.png'
    """
    return re.sub(r"\[([a-z])[A-Z]\]", r"\1", pattern)


def matches(uri: str, patterns: tuple[str, ...]) -> bool:
    """Whether a uri matches one of the globs; `*` also crosses slashes.

    >>> matches("a/b.mp4", ("*.mp4",)), matches("a/b.mp4", ("b/*",)), matches("a/b.mp4", ("a/*",))
    (True, False, True)
    """
    name = PurePosixPath(uri).name
    return any(fnmatchcase(uri if "/" in pattern else name, pattern) for pattern in patterns)


def leaves_root(uri: str) -> bool:
    """Whether a relative path climbs out of the folder it is relative to."""
    depth = 0
    for part in PurePosixPath(uri).parts:
        depth += -1 if part == ".." else 1
        if depth < 0:
            return True
    return False


def _found(path: str, exclude: tuple[str, ...]) -> Iterator[Listed]:
    if path.startswith("@") or path.endswith(LIST_SUFFIX):
        yield from _listed_in(path.removeprefix("@"))
    elif is_remote(path):
        yield from _remote_files(path.rstrip("/"))
    else:
        yield from _local_files(path, exclude)


def _remote_files(path: str) -> Iterator[Listed]:
    """Files of a glob, or of a folder, or the one file: stores do not tell a folder from a file's name."""
    tries = (
        ((path, _fixed_part(path)),) if GLOB.search(path) else ((f"{path}/**", path), (path, _parent(path)))
    )
    for pattern, root in tries:
        found = match_remote(pattern)
        for metadata in found:
            uri = _relative(metadata.path, root)
            if not _is_hidden(uri):
                yield Listed(uri, metadata.path)
        if found:
            return


def _local_files(path: str, exclude: tuple[str, ...]) -> Iterator[Listed]:
    if local_path(path).is_dir():
        root, files = local_path(path), _walk(local_path(path), exclude)
    elif local_path(path).is_file():
        root, files = local_path(path).parent, iter([local_path(path)])
    else:
        root = Path(_fixed_part(path))
        _refuse_locked(path, root, exclude)
        files = (Path(name) for name in _globbed(path) if Path(name).is_file())
    for file in files:
        yield Listed(_text(os.path.relpath(file, root)), local_locator(file))


def _globbed(pattern: str) -> Iterator[str]:
    return glob.iglob(pattern, recursive=True)  # noqa: PTH207 - Path.glob takes no absolute pattern


def _refuse_locked(pattern: str, root: Path, exclude: tuple[str, ...]) -> None:
    """Refuse a glob that goes through a folder which may not be read: `glob` leaves out what lies in it.

    Raises:
        DataError: `io_error`.
    """
    parts = PurePosixPath(pattern).parts
    for end in range(1, len(parts)):
        above = str(PurePosixPath(*parts[:end]))
        for name in _globbed(above) if GLOB.search(above) else (above,):
            if Path(name).is_dir() and not os.access(name, os.R_OK if GLOB.search(parts[end]) else os.X_OK):
                _refuse(PermissionError(errno.EACCES, os.strerror(errno.EACCES), name), root, exclude)


def _walk(folder: Path, exclude: tuple[str, ...]) -> Iterator[Path]:
    """Walk a folder through links to folders, each real folder once.

    Raises:
        DataError: `io_error`: one may not be read.
    """
    seen: set[str] = set()
    for at, folders, names in os.walk(
        folder, followlinks=True, onerror=lambda error: _refuse(error, folder, exclude)
    ):
        real = os.path.realpath(at)
        folders[:] = sorted(name for name in folders if not name.startswith(".")) if real not in seen else []
        if real not in seen:
            yield from (Path(at, name) for name in sorted(names) if not name.startswith("."))
        seen.add(real)


def _refuse(error: OSError, root: Path, exclude: tuple[str, ...]) -> None:
    """Refuse a folder that may not be read, unless all of it is left out: its files must not just vanish."""
    if matches(_text(os.path.relpath(error.filename, root)) + "/", exclude):
        return
    if error.errno not in (errno.EACCES, errno.EPERM):
        raise error
    raise DataError(
        "io_error",
        f"the folder {error.filename} may not be read ({error.strerror}): allow it, or leave the folder out",
    ) from error


def _listed_in(path: str) -> Iterator[Listed]:
    """Read a list: a path a line, relative to the list's folder; blank lines and # ones are skipped."""
    root = _parent(path)
    with open_binary(path) as file:
        content = file.read(MAX_LIST_BYTES + 1)
    if len(content) > MAX_LIST_BYTES:
        raise DataError("bad_record", f"the list {path} is larger than {MAX_LIST_BYTES} bytes")
    for line in content.decode("utf-8-sig", "surrogateescape").splitlines():
        name = line.strip()
        if not name or name.startswith("#"):
            continue
        if "://" in name or name.startswith("/"):
            # The user names a place outright: kept whole, so that two files never share a uri.
            inside = name.startswith(root.rstrip("/") + "/") if root else False
            yield Listed(
                _text(_relative(name, root) if inside else re.sub(r"^\w*:?/+", "", name)), _locator(name)
            )
        elif leaves_root(name):
            yield Listed(_text(name), _locator(_join(root, name)))
        else:
            uri = os.path.normpath(name)
            yield Listed(_text(uri), _locator(_join(root, uri)))


def _locator(name: str) -> str:
    return name if "://" in name else local_locator(Path(name))


def _join(root: str, uri: str) -> str:
    return f"{root.rstrip('/')}/{uri}" if root else uri


def _relative(path: str, root: str) -> str:
    return path.removeprefix(root.rstrip("/")).lstrip("/")


def _parent(path: str) -> str:
    """Folder of a path or URI, "" for a bare name.

    >>> _parent("gs://b/a.mp4"), _parent("/a.mp4"), _parent("a.mp4")
    ('gs://b', '/', '')
    """
    head, slash, _ = path.rpartition("/")
    return head or slash


def _fixed_part(path: str) -> str:
    """Folder of a path, or of the part of it before the first glob character."""
    found = GLOB.search(path)
    return _parent(path[: found.start()] if found else path)


def _is_hidden(uri: str) -> bool:
    return any(part.startswith(".") for part in PurePosixPath(uri).parts)


def _text(path: str) -> str:
    """Make a path valid text with forward slashes; bytes that are not UTF-8 are written as \\xNN."""
    return os.fsencode(path).decode("utf-8", "backslashreplace").replace(os.sep, "/")
