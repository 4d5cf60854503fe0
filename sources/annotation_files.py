"""Tables of annotations as they come: CSV, TSV, JSONL, JSON and Parquet, a record at a time."""

import contextlib
import csv
import difflib
import itertools
import json
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import IO, Any

from somtom.schemas.reasons import DataError
from somtom.sources.files import is_remote, local_path, open_binary
from somtom.sources.json_stream import JsonStream, JsonStreamError

MAX_LINE = 1 << 20  # bytes of one line
MAX_TABLES = 1000  # files of a folder looked at
MAX_COUNTED = 100_000  # records counted to describe a table
PARQUET_ROWS = 1024  # records in memory

# What one record is: its values by name, or in one line what is wrong with it.
Record = Mapping[str, object] | str


def read_records(locator: str, columns: Sequence[str]) -> Generator[Record, None, None]:
    """Read a table, by its suffix, as a stream; a broken record does not end it. Blank lines are no records.

    Args:
        locator: of a .csv, .tsv, .jsonl, .ndjson, .json (an array of objects) or .parquet file.
        columns: names that every record must have.

    Raises:
        DataError: `missing`, or `bad_record`: the file as a whole is none of these, or lacks a column.
        OSError: the store failed.
    """
    suffix = PurePosixPath(locator).suffix.lower()
    if suffix not in READERS:
        raise DataError("bad_record", f"{locator} is no table: write {', '.join(READERS)}")
    with open_binary(locator) as file:
        for record in READERS[suffix](file, locator, columns):
            absent = [] if isinstance(record, str) else [name for name in columns if name not in record]
            yield f"there is no {absent[0]!r} in it" if absent else record


def tables_at(path: str) -> list[str]:
    """The tables that a path names: itself, or those right in the folder that it is."""
    if not is_remote(path) and local_path(path).is_dir():
        found = sorted(local_path(path).iterdir())[:MAX_TABLES]
        return [str(one) for one in found if one.suffix.lower() in READERS and one.is_file()]
    return [path] if PurePosixPath(path).suffix.lower() in READERS else []


def count_records(locator: str, columns: Sequence[str]) -> int:
    """How many records a table has, up to `MAX_COUNTED`; 0 where its first one lacks one of the columns."""
    try:
        with contextlib.closing(read_records(locator, columns)) as records:
            if isinstance(next(records, ""), str):
                return 0
            return 1 + sum(1 for _ in itertools.islice(records, MAX_COUNTED - 1))
    except (DataError, OSError):
        return 0


def _lines(file: IO[bytes]) -> Iterator[str]:
    """Lines with their ends; bytes that are not UTF-8 become lone surrogates, a line too long is cut."""
    bom = b"\xef\xbb\xbf"
    while line := file.readline(MAX_LINE):
        whole = line.endswith(b"\n")
        while not whole and (rest := file.readline(MAX_LINE)):
            whole = rest.endswith(b"\n")
        yield line.removeprefix(bom).decode("utf-8", "surrogateescape")
        bom = b""


def _csv(file: IO[bytes], locator: str, columns: Sequence[str], delimiter: str = ",") -> Iterator[Record]:
    rows = csv.reader(_lines(file), delimiter=delimiter)
    try:
        header = next((row for row in rows if row), [])
    except csv.Error as error:
        raise DataError("bad_record", f"{locator} has no header: {error}") from error
    check_columns(locator, header, columns)
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield f"not valid CSV: {error}"
            continue
        if len(row) == len(header):
            yield dict(zip(header, row, strict=True))
        elif row:
            yield f"{len(row)} values under a header of {len(header)}"


def _tsv(file: IO[bytes], locator: str, columns: Sequence[str]) -> Iterator[Record]:
    return _csv(file, locator, columns, delimiter="\t")


def _jsonl(file: IO[bytes], locator: str, columns: Sequence[str]) -> Iterator[Record]:
    for line in _lines(file):
        if line.strip():
            try:
                value = json.loads(line)
            except (ValueError, RecursionError) as error:
                yield f"not valid JSON: {error}"
            else:
                yield as_record(value)


def _json(file: IO[bytes], locator: str, columns: Sequence[str]) -> Iterator[Record]:
    return stop_at_fault(map(as_record, JsonStream(file).elements()))


def _parquet(file: IO[bytes], locator: str, columns: Sequence[str]) -> Iterator[Record]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table: Any = pq.ParquetFile(file)
        names = table.schema_arrow.names
        check_columns(locator, names, columns)
        for batch in table.iter_batches(batch_size=PARQUET_ROWS, columns=list(columns)):
            yield from batch.to_pylist()
    except (pa.ArrowException, UnicodeDecodeError) as error:  # the second where a text is no UTF-8
        raise DataError("bad_record", f"{locator} cannot be read: {error}") from error


READERS: dict[str, Callable[[IO[bytes], str, Sequence[str]], Iterator[Record]]] = {
    ".csv": _csv,
    ".tsv": _tsv,
    ".jsonl": _jsonl,
    ".ndjson": _jsonl,
    ".json": _json,
    ".parquet": _parquet,
}


def as_record(value: object) -> Record:
    """A JSON value as a record, or what is wrong with it."""
    return value if isinstance(value, dict) else f"must be an object, is {type(value).__name__}"


def stop_at_fault(records: Iterable[Record]) -> Iterator[Record]:
    """Records of a JSON file up to where it is broken; what is behind that is lost and counts as one.

    Raises:
        DataError: `bad_record`: it is broken before the first record.
    """
    given = False
    try:
        for record in records:
            given = True
            yield record
    except JsonStreamError as error:
        if not given:
            raise DataError("bad_record", f"no JSON of the kind that is read here: {error}") from error
        yield f"the file is broken from here on: {error}"


def check_columns(locator: str, names: Sequence[str], columns: Sequence[str]) -> None:
    """Hold a table's header against the names it must have.

    Raises:
        DataError: `bad_record`, with the nearest name.
    """
    for column in columns:
        if column not in names:
            close = difflib.get_close_matches(column, names, n=1, cutoff=0.0)
            near = f"; did you mean {close[0]!r}?" if close else ": it is empty"
            raise DataError("bad_record", f"{locator} has no column {column!r}{near}")
