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
Places = list[tuple[int, NDArray[np.int64]]]  # row groups, and rows within each


@contextlib.contextmanager
def reading_faults(name: str) -> Iterator[None]:
    """Turn what pyarrow raises for a damaged file into a `DataError`; failures of the store pass through.

    Raises:
        DataError: `unreadable`.
    """
    try:
        yield
    except (pa.ArrowException, UnicodeDecodeError) as error:
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

    A column's statistics are not asked for: pyarrow ends the process where a damaged footer contradicts them.

    Args:
        file: the opened file.
        episode: its number; None where the file holds no other.
        span: values of the column `index` at its first row and behind its last one; None if not known.

    Raises:
        DataError: `bad_record`: there are no rows, or too many.
    """

    def __init__(
        self, file: pq.ParquetFile, episode: int | None, span: tuple[int, int] | None = None
    ) -> None:
        if episode is None:
            self._places = _places(file, 0, file.metadata.num_rows)
        else:
            if "episode_index" not in file.schema_arrow.names:
                raise DataError(
                    "bad_record", "there is no column episode_index: it tells the episodes of a file apart"
                )
            self._places = (_looked_up(file, episode, span) if span else []) or _searched(file, episode)
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


def _places(file: pq.ParquetFile, first: int, end: int) -> Places:
    """Row groups and the rows within them of the file's rows `first` to `end`; of too many, some."""
    places: Places = []
    end = min(end, first + MAX_STEPS + 1)
    before = 0
    for group in range(file.metadata.num_row_groups):
        count = file.metadata.row_group(group).num_rows
        rows = np.arange(max(first - before, 0), min(end - before, count))
        if len(rows):
            places.append((group, rows))
        before += count
    return places


def _looked_up(file: pq.ParquetFile, episode: int, span: tuple[int, int]) -> Places:
    """The rows at the place that the data set's index gives; none where others are found there."""
    if "index" not in file.schema_arrow.names:
        return []
    start = next(file.iter_batches(1, columns=["index"]), None)
    value = start.column("index")[0].as_py() if start is not None and len(start) else None
    if type(value) is not int or not 0 <= span[0] - value < span[1] - value <= file.metadata.num_rows:
        return []
    places = _places(file, span[0] - value, span[1] - value)
    for group, rows in places:
        for batch, chosen in _batches(file, group, rows, ["episode_index"], ROWS_AT_ONCE):
            if (_numbers(batch)[chosen] != episode).any():
                return []
    return places


def _searched(file: pq.ParquetFile, episode: int) -> Places:
    """The rows with the episode's number, from that one column."""
    places: Places = []
    for group in range(file.metadata.num_row_groups):
        first = 0
        for batch in file.iter_batches(ROWS_AT_ONCE, row_groups=[group], columns=["episode_index"]):
            rows = np.flatnonzero(_numbers(batch) == episode) + first
            first += len(batch)
            if len(rows):
                places.append((group, rows))
    return places


def _numbers(batch: Any) -> NDArray[Any]:
    return np.asarray(batch.column("episode_index").to_numpy(zero_copy_only=False))


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
