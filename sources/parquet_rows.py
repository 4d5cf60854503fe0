"""Rows of one episode out of a Parquet file that may hold many; only what is needed is read."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from somtom.schemas.reasons import DataError
from somtom.sources.files import open_binary

MAX_STEPS = 1_000_000  # of one episode: nine hours at 30 a second
MAX_VALUES = 1 << 27  # numbers of all of an episode's vectors: one GiB
ROWS_AT_ONCE = 4096
PICTURES_AT_ONCE = 16
READ_BYTES = 1 << 20  # of a column at once, so that one of pictures is never held whole

Column = Any  # a pyarrow.ChunkedArray: its types take a parameter, it does not


@contextlib.contextmanager
def reading_faults(name: str) -> Iterator[None]:
    """Turn what pyarrow raises for a damaged file into a `DataError`; failures of the store pass through.

    Raises:
        DataError: `unreadable`.
    """
    try:
        yield
    except pa.ArrowException as error:
        raise _unreadable(name, error) from error
    except OSError as error:
        # So pyarrow calls a damaged page; what a store raises is of another class, or has a number.
        if type(error) is not OSError or error.errno is not None:
            raise
        raise _unreadable(name, error) from error


def _unreadable(name: str, error: Exception) -> DataError:
    why = "".join(letter if letter.isprintable() else " " for letter in str(error))
    return DataError("unreadable", f"{name} cannot be read: {why[:300]}; fetch it again")


@contextlib.contextmanager
def open_parquet(locator: str) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file, reading its footer alone.

    Raises:
        DataError: `missing`, or `unreadable`.
        OSError: the store failed.
    """
    with open_binary(locator) as stream:
        with reading_faults(locator.rsplit("/", 1)[-1]):
            file = pq.ParquetFile(stream, buffer_size=READ_BYTES, pre_buffer=False)
        with file:
            yield file


class EpisodeRows:
    """Where the rows of an episode lie in its file: row groups, and rows within them, in the file's order.

    Args:
        file: the opened file.
        episode: its number; None where the file holds no other.

    Raises:
        DataError: `bad_record`: there are no rows, or too many.
    """

    def __init__(self, file: pq.ParquetFile, episode: int | None) -> None:
        self._places: list[tuple[int, NDArray[np.int64]]] = []
        numbers = -1 if episode is None else _place_of_numbers(file)
        for group in range(file.metadata.num_row_groups):
            rows = _rows_in_group(file, group, episode, numbers)
            if len(rows):
                self._places.append((group, rows))
        self.count = sum(len(rows) for _, rows in self._places)
        if not self.count:
            whose = "" if episode is None else f" of episode {episode}"
            raise DataError("bad_record", f"the file holds no row{whose}")
        if self.count > MAX_STEPS:
            raise DataError("bad_record", f"the episode has {self.count} steps, more than {MAX_STEPS}")

    def read(self, file: pq.ParquetFile, columns: Sequence[str]) -> dict[str, Column]:
        """Read columns of the episode's rows; those that the file lacks are left out."""
        names = [name for name in dict.fromkeys(columns) if name in file.schema_arrow.names]
        found: dict[str, list[Any]] = {name: [] for name in names}
        for group, rows in self._places if names else ():
            for batch, chosen in _batches(file, group, rows, names, ROWS_AT_ONCE):
                for name in names:
                    found[name].append(_taken(batch, name, chosen))
        return {name: pa.chunked_array(arrays) for name, arrays in found.items()}

    def values(self, file: pq.ParquetFile, column: str, steps: Sequence[int]) -> Iterator[Any]:
        """Read the values of a column at some steps, which rise, one after the other."""
        wanted = np.asarray(steps, np.int64)
        first = 0
        for group, rows in self._places:
            here = wanted[(wanted >= first) & (wanted < first + len(rows))] - first
            first += len(rows)
            if len(here):
                for batch, chosen in _batches(file, group, rows[here], [column], PICTURES_AT_ONCE):
                    yield from _taken(batch, column, chosen).to_pylist()


def _place_of_numbers(file: pq.ParquetFile) -> int:
    """Place of the column `episode_index` among the columns.

    Raises:
        DataError: `bad_record`: there is none.
    """
    for place in range(file.metadata.num_columns):
        if file.schema.column(place).path == "episode_index":
            return place
    raise DataError("bad_record", "there is no column episode_index: it tells the episodes of a file apart")


def _rows_in_group(file: pq.ParquetFile, group: int, episode: int | None, numbers: int) -> NDArray[np.int64]:
    """Which rows of a row group are the episode's; its statistics mostly tell without reading it.

    `numbers` is the place of the column that says whose each row is.
    """
    metadata = file.metadata.row_group(group)
    if episode is None:
        return np.arange(min(metadata.num_rows, MAX_STEPS + 1))
    known = metadata.column(numbers).statistics
    if known is not None and known.has_min_max and type(known.min) is type(known.max) is int:
        if not known.min <= episode <= known.max:
            return np.zeros(0, np.int64)
        if known.min == known.max and not known.null_count:
            return np.arange(min(metadata.num_rows, MAX_STEPS + 1))
    found = []
    first = 0
    for batch in file.iter_batches(ROWS_AT_ONCE, row_groups=[group], columns=["episode_index"]):
        whose = batch.column("episode_index").to_numpy(zero_copy_only=False)
        found.append(np.flatnonzero(whose == episode) + first)
        first += len(batch)
    return np.concatenate(found) if found else np.zeros(0, np.int64)


def _batches(
    file: pq.ParquetFile, group: int, rows: NDArray[np.int64], columns: list[str], size: int
) -> Iterator[tuple[pa.RecordBatch, NDArray[np.int64]]]:
    """Read a row group up to the last row wanted: batches that hold wanted rows, and which these are."""
    first = 0
    for batch in file.iter_batches(size, row_groups=[group], columns=columns):
        inside = rows[(rows >= first) & (rows < first + len(batch))] - first
        first += len(batch)
        if len(inside):
            yield batch, inside
        if first > rows[-1]:
            return


def as_matrix(column: Column, name: str, reason: str) -> NDArray[np.float64]:
    """Turn a column of numbers, or of equally long lists of them, into (N, D) float64; a null is NaN.

    Raises:
        DataError: `reason`: it holds anything else.
    """
    array: Any = _plain(column.combine_chunks())
    rows = len(array)
    while isinstance(array, (pa.ListArray, pa.LargeListArray, pa.FixedSizeListArray)):
        if array.null_count:
            raise DataError(reason, f"{name} is null at {array.null_count} steps")
        lengths = np.unique(pc.list_value_length(array).to_numpy())
        if len(lengths) > 1:
            raise DataError(reason, f"{name} is {lengths[0]} to {lengths[-1]} numbers wide")
        array = _plain(array.flatten())
    if not (
        pa.types.is_floating(array.type) or pa.types.is_integer(array.type) or pa.types.is_boolean(array.type)
    ):
        raise DataError(reason, f"{name} must hold numbers, holds {str(column.type)[:80]}")
    if len(array) > MAX_VALUES:
        raise DataError(reason, f"{name} holds {len(array)} numbers, more than {MAX_VALUES}")
    numbers = pc.cast(array, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return np.asarray(numbers, np.float64).reshape(rows, len(array) // rows if rows else 0)


def _taken(batch: Any, column: str, rows: NDArray[np.int64]) -> Any:
    return batch.column(column).take(pa.array(rows))


def _plain(array: Any) -> Any:
    """The array that an extension type is stored as (one of `datasets`, where that is imported)."""
    return array.storage if isinstance(array, pa.ExtensionArray) else array
