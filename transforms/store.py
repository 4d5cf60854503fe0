"""Objects of a data set that lies in a store: listed, fetched, put, deleted; each tried again when refused.

Names are relative to the data set's URI, with forward slashes: "meta/plan.parquet".
"""

import shutil
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from somtom.schemas.files import whole_file
from somtom.schemas.folder import DALI, ENERGON, MANIFESTS, META, SHARDS, SHEETS, TIMINGS, TRACKS
from somtom.schemas.reasons import DataError
from somtom.sources.stores import file_systems, told_plainly
from somtom.transforms.retry import with_retries

AT_ONCE = 16  # requests under way: they wait for the store, not for a processor
CHUNK_BYTES = 8 << 20  # of an upload: S3 takes 10,000 parts, so up to 80 GB a file
# Where a data set's files lie, for stores that cannot list all that lies below a folder.
FOLDERS = (
    "",
    SHARDS,
    TRACKS,
    ENERGON,
    META,
    *(
        f"{META}/{name}"
        for name in (
            MANIFESTS,
            TIMINGS,
            DALI,
            SHEETS,
            ".locks",
            "work",
            "work/scans",
            "work/notes",
            "work/tasks",
        )
    ),
)
_REFUSES_EXISTING = frozenset(("hdfs",))


@dataclass(frozen=True)
class Stored:
    """An object as the store lists it; `updated_s` by the store's clock, 0 where it does not say."""

    size_bytes: int
    updated_s: float


@dataclass(frozen=True)
class Store:
    """A data set's place in a store; every method raises a plain OSError when the store fails to the end.

    Args:
        uri: such as "s3://bucket/some/folder", without a slash at the end.
    """

    uri: str

    def names(self, prefix: str = "") -> dict[str, Stored]:
        """What lies there, or below the folder `prefix` of it, by name.

        Raises:
            DataError: `unsafe_path`: an object's name would leave the folder that it is fetched into.
        """
        found = {}
        for path, stored in with_retries(partial(self._listed, prefix), self.uri):
            name = path.removeprefix(f"{self.uri}/")
            if _is_climbing(name) or name == path:
                raise DataError("unsafe_path", f"{path!r} is no name of a file in a folder; remove it")
            found[name] = stored
        return found

    def names_beginning(self, start: str) -> list[str]:
        """The names of one folder that begin so: one request, however much lies there."""
        found = with_retries(partial(self._beginning, start), self.uri)
        return sorted(path.removeprefix(f"{self.uri}/") for path in found)

    def _beginning(self, start: str) -> list[str]:
        systems = file_systems()
        with told_plainly(self.uri):
            system, place = systems.get_filesystem(self.uri), f"{self.uri}/{start}"
            if system.has_dirs() and not system.exists(place.rpartition("/")[0]):
                return []
            return [one.path for one in system.match([f"{place}*"])[0].metadata_list]

    def _listed(self, prefix: str) -> list[tuple[str, Stored]]:
        systems = file_systems()
        with told_plainly(self.uri):
            system = systems.get_filesystem(self.uri)
            if not system.has_dirs():
                top = f"{self.uri}/{prefix}/" if prefix else f"{self.uri}/"
                return [_stored(one) for one in system.match([f"{top}**"])[0].metadata_list]
            tops = [one for one in FOLDERS if not prefix or one == prefix or one.startswith(f"{prefix}/")]
            places = [f"{self.uri}/{one}".rstrip("/") for one in tops]
            return [
                _stored(one)
                for place in places
                if system.exists(place)
                for one in system.match([f"{place}/*"])[0].metadata_list
                if one.path not in places
            ]

    def put(self, path: Path, name: str) -> None:
        """Upload a file whole: on S3 and GCS the object appears when its last byte is there."""
        with_retries(partial(self._put, path, name), name)

    def _put(self, path: Path, name: str) -> None:
        systems, place = file_systems(), f"{self.uri}/{name}"
        with path.open("rb") as file, told_plainly(place):
            if self.uri.partition("://")[0] in _REFUSES_EXISTING and systems.exists(place):
                systems.delete([place])
            with systems.create(place, compression_type=_as_it_is()) as remote:
                shutil.copyfileobj(file, remote, CHUNK_BYTES)

    def write(self, name: str, data: bytes) -> None:
        """Put a small object."""

        def create() -> None:
            with told_plainly(f"{self.uri}/{name}"):
                systems = file_systems()
                with systems.create(f"{self.uri}/{name}", compression_type=_as_it_is()) as remote:
                    remote.write(data)

        with_retries(create, name)

    def read(self, name: str, limit_bytes: int = 1 << 20) -> bytes:
        """The first bytes of a small object."""

        def open_and_read() -> bytes:
            place = f"{self.uri}/{name}"
            with (
                told_plainly(place),
                file_systems().open(place, compression_type=_as_it_is()) as remote,
            ):
                return bytes(remote.read(limit_bytes))

        return with_retries(open_and_read, name)

    def fetch(self, name: str, path: Path) -> None:
        """Download an object to a file that is whole or absent.

        Raises:
            FileNotFoundError: it is not there.
        """
        with_retries(partial(self._fetch, name, path), name)

    def _fetch(self, name: str, path: Path) -> None:
        place = f"{self.uri}/{name}"
        with (
            whole_file(path) as file,
            told_plainly(place),
            file_systems().open(place, compression_type=_as_it_is()) as remote,
        ):
            shutil.copyfileobj(remote, file, CHUNK_BYTES)

    def delete(self, names: Iterable[str]) -> None:
        """Remove objects; one that is not there is no error."""
        places = [f"{self.uri}/{name}" for name in names]
        if places:
            with_retries(partial(self._delete, places), self.uri)

    def _delete(self, places: Collection[str]) -> None:
        systems = file_systems()
        with told_plainly(self.uri):
            if self.uri.partition("://")[0] in _REFUSES_EXISTING:
                places = [one for one in places if systems.exists(one)]
            systems.delete(list(places))

    def fetch_all(self, names: Iterable[str], folder: Path) -> None:
        """Download objects into a folder, several at once."""
        _several(lambda name: self.fetch(name, folder / name), names)

    def put_all(self, names: Iterable[str], folder: Path) -> None:
        """Upload files of a folder, several at once, in no order."""
        _several(lambda name: self.put(folder / name, name), names)


def _several(action: Callable[[str], None], names: Iterable[str]) -> None:
    """Do it for each name, several at once; where one fails, those that were not begun are left."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        begun = [pool.submit(action, name) for name in names]
        done, _ = wait(begun, return_when=FIRST_EXCEPTION)
        pool.shutdown(wait=False, cancel_futures=True)
    for one in done:
        one.result()


def _as_it_is() -> Any:
    from apache_beam.io.filesystem import CompressionTypes

    return CompressionTypes.UNCOMPRESSED


def _stored(one: Any) -> tuple[str, Stored]:
    return one.path, Stored(one.size_in_bytes, float(one.last_updated_in_seconds or 0.0))


def _is_climbing(name: str) -> bool:
    """Whether a name would leave the folder it is fetched into, or is no name of a file.

    >>> [_is_climbing(one) for one in ("a/b", "../b", "a//b", "/b")]
    [False, True, True, True]
    """
    parts = name.split("/")
    return "\0" in name or PurePosixPath(name).is_absolute() or any(one in ("", ".", "..") for one in parts)
