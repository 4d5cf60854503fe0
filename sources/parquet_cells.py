"""Single rows of a Parquet file, streamed: a column of pictures is never held whole."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from somtom.schemas.reasons import DataError
from somtom.sources.files import open_binary
from somtom.sources.parquet_rows import READ_BYTES, reading_faults

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
        self._name = locator.rsplit("/", 1)[-1]
        file = open_binary(locator)
        with reading_faults(self._name):
            self._table = pq.ParquetFile(file, buffer_size=READ_BYTES, pre_buffer=False)
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
        if column not in self.columns:
            return False
        kind: Any = self._table.schema_arrow.field(column).type
        return pa.types.is_struct(kind) and {"bytes", "path"} <= {one.name for one in kind}

    def rows(self, columns: Sequence[str]) -> Iterator[Mapping[str, object]]:
        """Give every row of some columns, in order; "a.b" is a member of a struct.

        Raises:
            DataError: `unreadable`: it is damaged from there on.
        """
        with reading_faults(self._name):
            for batch in self._table.iter_batches(batch_size=BATCH_ROWS, columns=list(columns)):
                yield from batch.to_pylist()

    def row(self, number: int, columns: Sequence[str]) -> Mapping[str, object]:
        """Read one row of some columns; rows of a row group asked for in rising order take one pass.

        Raises:
            DataError: `changed_input`: there is no such row; `unreadable`: it is damaged.
        """
        if not 0 <= number < self.count:
            raise DataError("changed_input", f"{self._name} has {self.count} rows, no row {number}")
        group = next(i for i in range(len(self._starts) - 1) if self._starts[i + 1] > number)
        wanted = number - self._starts[group]
        key = tuple(columns)
        at_group, at, rows = self._cursors.pop(key, (-1, 0, iter(())))
        if at_group != group or at > wanted:
            at, rows = 0, self._rows_of(group, key)
        batch: Any = None
        for _ in range(at, wanted + 1):
            batch = next(rows, None)
        if batch is None:
            raise DataError("unreadable", f"{self._name} ends within its row group {group}: fetch it again")
        self._cursors[key] = (group, wanted + 1, rows)
        with reading_faults(self._name):
            row: Mapping[str, object] = batch.to_pylist()[0]
        return row

    def _rows_of(self, group: int, columns: tuple[str, ...]) -> Iterator[Any]:
        """The rows of a row group, each made a value only as it is asked for."""
        size = self._batch_rows(group, columns)
        with reading_faults(self._name):
            for batch in self._table.iter_batches(batch_size=size, row_groups=[group], columns=list(columns)):
                yield from (batch.slice(row, 1) for row in range(len(batch)))

    def _batch_rows(self, group: int, columns: tuple[str, ...]) -> int:
        """How many rows to take at once: one at a time is slow where they are small."""
        metadata = self._table.metadata.row_group(group)
        parts = (metadata.column(place) for place in range(metadata.num_columns))
        inside = tuple(f"{name}." for name in columns)
        size = sum(
            part.total_uncompressed_size
            for part in parts
            if part.path_in_schema in columns or part.path_in_schema.startswith(inside)
        )
        return min(max(READ_BYTES * metadata.num_rows // max(size, 1), 1), BATCH_ROWS)
