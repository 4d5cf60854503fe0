"""HDF5 files from anywhere: nothing outside of the file is followed, and what is read is bounded first."""

import importlib
import math
import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somtom.schemas.reasons import DataError
from somtom.sources.files import is_remote, local_path, open_binary

SUFFIXES = ("*.hdf5", "*.h5")
MAX_CHUNK_BYTES = 1 << 27  # a chunk is read whole, whatever is wanted of it; also the cache's size
MAX_INFLATED_BYTES = 1 << 29  # HDF5 inflates a chunk to any size, whatever the chunk is declared to hold
MAX_CHUNKS = 1 << 20  # touched by one read
MAX_NUMBERS = 1 << 25  # of one array of actions or states
MAX_MEMBERS = 1_000_000  # of a group that is listed
MAX_HOPS = 16  # soft links that lead to each other

# What a filter may multiply a chunk's stored size by (its number in HDF5): Deflate's bound is its format's,
# LZF copies up to 264 bytes for 3. Those that are not listed cannot make it grow beyond what is declared.
DEFLATE = 1
GROWTH = {DEFLATE: 1032, 32000: 88}


def load_h5py() -> Any:
    """Import h5py, only where an HDF5 file is read.

    Raises:
        ValueError: it is not installed.
    """
    try:
        return importlib.import_module("h5py")
    except ImportError as error:
        raise ValueError('HDF5 files are read with h5py: pip install "somtom[hdf5]"') from error


@contextmanager
def open_hdf5(locator: str) -> Iterator[Any]:
    """Open a file for reading, as `h5py.File`.

    Raises:
        DataError: `missing`, `unreadable`.
        OSError: the store failed.
    """
    h5py = load_h5py()
    with open_binary(locator) as file:
        # A cache that holds a chunk keeps it from being inflated once a step.
        options = {"rdcc_nbytes": MAX_CHUNK_BYTES, "rdcc_nslots": 12_421}
        try:
            if is_remote(locator):
                opened = h5py.File(file, "r", **options)
            else:
                opened = h5py.File(os.fsencode(local_path(locator)), "r", locking=False, **options)
        except (OSError, RuntimeError, ValueError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise DataError("unreadable", f"no HDF5 file, or damaged or cut off: {error}") from error
        with opened:
            yield opened


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn what h5py raises for a damaged file into an error of the data."""
    try:
        yield
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise DataError("unreadable", f"{what} cannot be read: {error}") from error


def names_of(group: Any) -> list[str]:
    """Names of a group's members, which are not opened.

    Raises:
        DataError: `bad_record`: it is none; `unreadable`, `too_large`.
    """
    if not isinstance(group, load_h5py().Group):
        raise DataError("bad_record", f"{group.name} is no group")
    with reading(group.name):
        if len(group) > MAX_MEMBERS:
            raise DataError("too_large", f"{group.name} has {len(group)} members, more than {MAX_MEMBERS}")
        # A name that is not UTF-8 comes as bytes.
        return [name if isinstance(name, str) else name.decode("utf-8", "replace") for name in group]


def group_at(group: Any, path: str) -> Any:
    """Open the group at a path in another one.

    Raises:
        DataError: `bad_record` where there is none; see `member`.
    """
    found = member(group, path)
    if not isinstance(found, load_h5py().Group):
        raise DataError("bad_record", f"there is no group {path!r} in {group.name}")
    return found


def dataset_at(group: Any, path: str) -> Any | None:
    """Open the dataset at a path in a group, None where there is none; its values lie in the file itself.

    Raises:
        DataError: `unsafe_path`: they lie in other files; see `member`.
    """
    found = member(group, path)
    if not isinstance(found, load_h5py().Dataset):
        return None
    with reading(found.name):
        if found.is_virtual or found.external:
            raise DataError(
                "unsafe_path", f"{found.name} lies in other files, which are not read: copy it with h5repack"
            )
    return found


def member(group: Any, path: str, hops: int = 0) -> Any | None:
    """Open what lies at a path in a group, None where nothing does. Soft links are followed, others are not.

    Raises:
        DataError: `unsafe_path`: a link leads to another file; `unreadable`.
    """
    h5py = load_h5py()
    at = group
    for name in filter(None, path.split("/")):
        if not isinstance(at, h5py.Group):
            return None
        with reading(f"{at.name}/{name}"):
            link = at.get(name, getlink=True)
            if link is None:
                return None
            found = at[name] if isinstance(link, h5py.HardLink) else None
        if isinstance(link, h5py.SoftLink):
            if hops == MAX_HOPS:
                raise DataError("unreadable", f"{at.name}/{name}: links lead to each other")
            found = member(at.file if link.path.startswith("/") else at, link.path, hops + 1)
        elif found is None:
            raise DataError(
                "unsafe_path", f"{at.name}/{name} is a link to another file, which is not followed: copy it"
            )
        at = found
    return at


def form_of(dataset: Any) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and type of a dataset; no shape where it is empty by its kind.

    Raises:
        DataError: `unreadable`: it is of a type that NumPy has not.
    """
    with reading(dataset.name):
        return dataset.shape or (), dataset.dtype


def read_numbers(dataset: Any, reason: str) -> NDArray[np.float64]:
    """Read an array of numbers whole, as (T, D) float64; a list is one dimension.

    Raises:
        DataError: `reason` where it holds something else, `too_large`, `unreadable`.
    """
    shape, dtype = form_of(dataset)
    if dtype.kind not in "fiub" or dtype.itemsize > 8 or len(shape) not in (1, 2):
        raise DataError(reason, f"{dataset.name} is {shape} {dtype}: numbers of (steps, dimensions) are read")
    if math.prod(shape) > MAX_NUMBERS:
        raise DataError("too_large", f"{dataset.name} is {shape}: up to {MAX_NUMBERS} numbers are read")
    with reading(dataset.name):
        ChunkGuard(dataset).check(0, shape[0])
        # A float of a damaged type may hold what is no float at all: NaN is found later.
        with np.errstate(invalid="ignore"):
            return np.asarray(dataset[()], dtype=np.float64).reshape(shape[0], math.prod(shape[1:]))


def read_row(dataset: Any, guard: "ChunkGuard", row: int) -> Any:
    """Read one row; its size is for the caller to bound.

    Raises:
        DataError: `corrupt_frame`, `too_large`.
    """
    try:
        with reading(dataset.name):
            guard.check(row, row + 1)
            return dataset[row]
    except DataError as error:
        reason = "corrupt_frame" if error.reason == "unreadable" else error.reason
        raise DataError(reason, f"{error.message} (step {row})") from error


class ChunkGuard:
    """Bounds what HDF5 allocates to read rows of a dataset.

    Raises:
        DataError: `too_large`: its chunks are; `unreadable`.
    """

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset
        self._suspects: dict[tuple[int, ...], int] = {}
        with reading(dataset.name):
            self._chunk: tuple[int, ...] = dataset.chunks or ()
            if not self._chunk:
                return  # lies in one piece, as large as the array
            size = math.prod(self._chunk) * dataset.dtype.itemsize
            if size > MAX_CHUNK_BYTES:
                raise DataError(
                    "too_large", f"{dataset.name}: its chunks are {size} bytes, more than {MAX_CHUNK_BYTES}"
                )
            self._filters = _filters(dataset)
            growth = math.prod(GROWTH.get(one, 1) for one in self._filters)
            bound = min(MAX_INFLATED_BYTES // growth, 2 * MAX_CHUNK_BYTES)
            # HDF5 finds a chunk's stored size by a walk over all of them: one walk does.
            if dataset.id.get_storage_size() > bound:
                dataset.id.chunk_iter(
                    lambda stored: (
                        self._suspects.update({stored.chunk_offset: stored.size})
                        if stored.size > bound
                        else None
                    )
                )

    def check(self, first: int, end: int) -> None:
        """Look at the chunks of the rows from `first` to before `end`.

        Raises:
            DataError: `too_large`.
        """
        if not self._chunk:
            return
        rows, *others = zip(self._dataset.shape, self._chunk, strict=True)
        touched = (end - 1) // rows[1] - first // rows[1] + 1
        if touched * math.prod(-(-length // side) for length, side in others) > MAX_CHUNKS:
            raise DataError("too_large", f"{self._dataset.name}: its chunks of {self._chunk} are too small")
        for place in [one for one in self._suspects if one[0] < end and one[0] + rows[1] > first]:
            stored = self._suspects.pop(place)
            inflating = [one for one in self._filters if one in GROWTH]
            if (
                stored > 2 * MAX_CHUNK_BYTES
                or inflating != [DEFLATE]
                or _inflates_beyond(self._dataset.id.read_direct_chunk(place)[1], MAX_INFLATED_BYTES)
            ):
                name = self._dataset.name
                raise DataError(
                    "too_large", f"{name}: a chunk of {stored} bytes inflates beyond {MAX_INFLATED_BYTES}"
                )


def _filters(dataset: Any) -> Sequence[int]:
    """Numbers of the filters that a chunk went through, in order."""
    properties = dataset.id.get_create_plist()
    return [properties.get_filter(index)[0] for index in range(properties.get_nfilters())]


def _inflates_beyond(data: bytes, bound: int) -> bool:
    """Whether the stream holds more than `bound` bytes; a damaged one is left for HDF5 to find."""
    stream, held = zlib.decompressobj(), 0
    try:
        while data and held <= bound:
            held += len(stream.decompress(data, 1 << 20))
            data = stream.unconsumed_tail
    except zlib.error:
        return False
    return held > bound
