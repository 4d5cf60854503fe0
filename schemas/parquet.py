"""Parquet files that are whole or absent, without nulls, and the same bytes for the same rows."""

import contextlib
import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from somtom.schemas.files import HashedFile, open_regular, whole_file
from somtom.schemas.reasons import DataError

if TYPE_CHECKING:
    import pyarrow as pa

Row = Mapping[str, Any]

# column kind -> name of the Arrow type; "... list" for a list of it, a NumPy array in the row
_ARROW = {
    "text": "string",
    "bytes": "binary",
    "bool": "bool_",
    "int": "int64",
    "float": "float64",
    "float32": "float32",
    "uint8": "uint8",
}
# Measured on tracks of real clips: the encodings make the files smaller by a fifth before zstd.
_ENCODINGS = {
    "float list": "BYTE_STREAM_SPLIT",
    "float32 list": "BYTE_STREAM_SPLIT",
    "int list": "DELTA_BINARY_PACKED",
}


MAX_GROUP_ROWS = 1 << 20  # held at once when a table is read; a shard has up to a million


def columns_of(kind: type) -> dict[str, str]:
    """Give the columns (name -> kind) of a dataclass of plain fields, in order."""
    kinds = {str: "text", bytes: "bytes", bool: "bool", int: "int", float: "float"}
    return {field.name: kinds[field.type] for field in dataclasses.fields(kind)}  # type: ignore[index]  # plain types


def arrow_schema(columns: Mapping[str, str]) -> "pa.Schema":
    """Make the Arrow schema of columns (name -> kind)."""
    import pyarrow as pa

    def arrow_type(kind: str) -> Any:
        one = getattr(pa, _ARROW[kind.removesuffix(" list")])()
        return pa.list_(pa.field("element", one, nullable=False)) if kind.endswith(" list") else one

    return pa.schema([pa.field(name, arrow_type(kind), nullable=False) for name, kind in columns.items()])


class TableWriter:
    """Writes rows to a Parquet file, one row group a call."""

    def __init__(self, path: Path, columns: Mapping[str, str]) -> None:
        self.path = path
        self.columns = columns
        self.size_bytes = 0
        self.sha256 = ""
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        import pyarrow.parquet as pq

        make_writer: Any = pq.ParquetWriter  # its stubs know neither our file nor a list of columns
        self._schema = arrow_schema(self.columns)
        lists = {name: kind for name, kind in self.columns.items() if kind in _ENCODINGS}
        with contextlib.ExitStack() as stack:
            self._file: HashedFile = stack.enter_context(whole_file(self.path))
            self._writer = stack.enter_context(
                make_writer(
                    self._file,
                    self._schema,
                    compression="zstd",
                    use_dictionary=[n for n, kind in self.columns.items() if kind in ("text", "bool")],
                    column_encoding={f"{n}.list.element": _ENCODINGS[kind] for n, kind in lists.items()},
                    write_statistics=[n for n in self.columns if n not in lists],
                    write_page_checksum=True,  # a flipped bit is found when it is read
                )
            )
            self._stack = stack.pop_all()
        return self

    def write(self, rows: Sequence[Row]) -> None:
        """Append the rows as one row group."""
        import pyarrow as pa

        arrays = [_array([row[field.name] for row in rows], field.type) for field in self._schema]
        self._writer.write_table(
            pa.Table.from_arrays(arrays, schema=self._schema), row_group_size=len(rows) or 1
        )

    def __exit__(self, *error: Any) -> None:
        if error[0] is not None:
            self._stack.__exit__(*error)
            return
        with self._stack:
            self._writer.close()
            self.size_bytes, self.sha256 = self._file.size_bytes, self._file.sha256


def _array(values: list[Any], kind: Any) -> Any:
    import pyarrow as pa

    if not pa.types.is_list(kind):
        return pa.array(values, type=kind)
    lists: Any = pa.ListArray
    offsets = np.cumsum([0, *(len(one) for one in values)], dtype=np.int32)
    element = pa.array([], type=kind.value_type).to_numpy(zero_copy_only=False).dtype
    flat = np.concatenate([np.asarray(one, dtype=element) for one in values] or [np.empty(0, element)])
    return lists.from_arrays(pa.array(offsets), pa.array(flat, type=kind.value_type), type=kind)


def write_rows(
    path: Path, columns: Mapping[str, str], rows: Iterable[Row], rows_per_group: int = 65_536
) -> None:
    """Write rows (column -> value) that may be too many to hold."""
    with TableWriter(path, columns) as writer:
        group: list[Row] = []
        for row in rows:
            group.append(row)
            if len(group) == rows_per_group:
                writer.write(group)
                group = []
        writer.write(group)


def read_rows(path: Path, columns: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Read the rows back, a row group at a time; lists come as NumPy arrays.

    Raises:
        DataError: `unreadable`: damaged, or of other columns.
    """
    for group in read_groups(path, columns):
        yield from group


def read_groups(path: Path, columns: Mapping[str, str]) -> Iterator[list[dict[str, Any]]]:
    """Read the row groups one after the other, see `read_rows`."""
    for table in _tables(path, columns, list(columns)):
        try:
            values = [_values(column) for column in table.columns]
        except UnicodeDecodeError as error:
            raise DataError("unreadable", f"{path.name}: holds a text that is not UTF-8") from error
        yield [dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True)]


def read_runs(
    path: Path, columns: Mapping[str, str], wanted: Sequence[str]
) -> Iterator[tuple[dict[str, Any], int]]:
    """Read the `wanted` columns where the first of them changes, and over how many rows it stays the same.

    Costs no Python per row: tens of millions of rows take seconds. A run ends with its row group.
    """
    import pyarrow.compute

    compute: Any = pyarrow.compute  # its stubs lack the function
    for table in _tables(path, columns, wanted):
        if table.num_rows == 0:
            continue
        ends = compute.run_end_encode(table.column(0).combine_chunks()).run_ends.to_numpy()
        starts = np.concatenate([[0], ends[:-1]])
        yield from zip(table.take(starts).to_pylist(), (ends - starts).tolist(), strict=True)


def find_rows(path: Path, columns: Mapping[str, str], column: str, prefix: str) -> Iterator[dict[str, Any]]:
    """Read the rows whose text `column` begins with `prefix`, see `read_rows`.

    Only that column is read where nothing is found: tens of millions of rows take seconds.
    """
    import pyarrow.compute

    compute: Any = pyarrow.compute  # its stubs lack the functions
    numbers = (
        number
        for number, table in enumerate(_tables(path, columns, [column]))
        if compute.any(compute.starts_with(table.column(0), prefix)).as_py()
    )
    for table in _tables(path, columns, list(columns), list(numbers)):
        found = table.filter(compute.starts_with(table.column(column), prefix))
        values = [_values(one) for one in found.columns]
        yield from (dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True))


def read_where(path: Path, columns: Mapping[str, str], condition: Any) -> Iterator[list[dict[str, Any]]]:
    """Read the rows for which an Arrow expression is true, a list a row group, see `read_rows`."""
    for table in _tables(path, columns, list(columns)):
        found = table if condition is None else table.filter(condition)
        values = [_values(one) for one in found.columns]
        yield [dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True)]


def _tables(
    path: Path, columns: Mapping[str, str], wanted: Sequence[str], groups: Iterable[int] | None = None
) -> Iterator[Any]:
    """Read the `wanted` columns of the row groups numbered, or of all."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = arrow_schema(columns)
    try:
        with open_regular(path), pq.ParquetFile(path, page_checksum_verification=True) as file:
            if not file.schema_arrow.equals(schema):
                raise DataError(
                    "unreadable", f"{path.name}: its columns are not those of this version of somtom"
                )
            for number in range(file.num_row_groups) if groups is None else groups:
                # A value that stays the same takes no room in the file, however many rows there are.
                if file.metadata.row_group(number).num_rows > MAX_GROUP_ROWS:
                    raise DataError("unreadable", f"{path.name}: over {MAX_GROUP_ROWS} rows in one group")
                yield file.read_row_group(number, columns=list(wanted)).select(list(wanted))
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError("unreadable", f"{path.name} cannot be read: {error}") from error


def _values(column: Any) -> list[Any]:
    import pyarrow as pa

    if pa.types.is_list(column.type):
        return [one.values.to_numpy(zero_copy_only=False) for one in column]
    values: list[Any] = column.to_pylist()
    return values
