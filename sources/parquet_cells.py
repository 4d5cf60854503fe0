"""Single rows of a Parquet file, streamed: a column of pictures is never held whole."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from somtom.schemas.reasons import DataError
from somtom.sources.files import open_binary

BUFFER_BYTES = 1 << 20
BATCH_ROWS = 256  # rows of small columns in memory


class ParquetCells:
    """An opened Parquet file.

    Args:
        locator: of the file.

    Raises:
        DataError: `missing`, or `unreadable`: it is no Parquet file, damaged or cut off.
        OSError: the store failed.
    """

    def __init__(self, locator: str) -> None:
        import pyarrow.parquet as pq

        self._locator = locator
        self._file = open_binary(locator)
        self._table: Any = self._guarded(
            lambda: pq.ParquetFile(self._file, buffer_size=BUFFER_BYTES, pre_buffer=False)
        )
        metadata = self._table.metadata
        self._starts = [0]
        for group in range(metadata.num_row_groups):
            self._starts.append(self._starts[-1] + metadata.row_group(group).num_rows)
        self._cursors: dict[tuple[str, ...], tuple[int, int, Iterator[Any]]] = {}

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the outer columns."""
        return tuple(self._table.schema_arrow.names)

    @property
    def count(self) -> int:
        """How many rows there are."""
        return self._starts[-1]

    def has_pictures(self, column: str) -> bool:
        """Whether a column holds encoded pictures as they are published: a struct of bytes and path."""
        import pyarrow as pa

        if column not in self.columns:
            return False
        kind = self._table.schema_arrow.field(column).type
        return pa.types.is_struct(kind) and {"bytes", "path"} <= {one.name for one in kind}

    def rows(self, columns: Sequence[str]) -> Iterator[Mapping[str, object]]:
        """Give every row of some columns, in order; "a.b" is a member of a struct.

        Raises:
            DataError: `unreadable`: it is damaged from there on.
        """
        batches = self._guarded(
            lambda: self._table.iter_batches(batch_size=BATCH_ROWS, columns=list(columns))
        )
        while (batch := self._guarded(lambda: next(batches, None))) is not None:
            yield from self._guarded(batch.to_pylist)

    def row(self, number: int, columns: Sequence[str]) -> Mapping[str, object]:
        """Read one row of some columns; rows of a row group asked for in rising order take one pass.

        Raises:
            DataError: `changed_input`: there is no such row; `unreadable`: it is damaged.
        """
        if not 0 <= number < self.count:
            raise DataError("changed_input", f"{self._locator} has {self.count} rows, no row {number}")
        group = next(i for i in range(len(self._starts) - 1) if self._starts[i + 1] > number)
        wanted = number - self._starts[group]
        key = tuple(columns)
        at_group, at, batches = self._cursors.pop(key, (-1, 0, iter(())))
        if at_group != group or at > wanted:
            at = 0
            batches = self._guarded(
                lambda: self._table.iter_batches(batch_size=1, row_groups=[group], columns=list(columns))
            )
        batch: Any = None
        for _ in range(at, wanted + 1):
            batch = self._guarded(lambda: next(batches, None))
            if batch is None:
                raise DataError("unreadable", f"{self._locator} ends within its row group {group}")
        self._cursors[key] = (group, wanted + 1, batches)
        row: Mapping[str, object] = self._guarded(batch.to_pylist)[0]
        return row

    def _guarded(self, step: Any) -> Any:
        """Do what reads the file; damage becomes a DataError, a failing store stays an OSError."""
        import pyarrow as pa

        try:
            return step()
        except (pa.ArrowException, UnicodeDecodeError) as error:
            raise self._damaged(error) from error
        except OSError as error:
            # pyarrow's word for a damaged page; what a store raises has a number or is of a subclass.
            if type(error) is not OSError or error.errno is not None:
                raise
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> DataError:
        return DataError("unreadable", f"{self._locator} cannot be read as Parquet: {str(error)[:200]}")
