"""Where the records of large annotation files lie, so that each can be read later without the others."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePosixPath
from typing import IO

from somtom.schemas.reasons import DataError
from somtom.sources.annotation_files import Record, as_record
from somtom.sources.files import is_remote, local_path, open_binary
from somtom.sources.json_stream import MAX_VALUE, JsonStream, JsonStreamError
from somtom.sources.listing import GLOB, Listed, list_files
from somtom.sources.parquet_cells import ParquetCells

PATTERNS = ("*.json", "*.jsonl", "*.ndjson", "*.parquet")
PARQUET = ".parquet"
PICTURE = "image"  # the column of a Parquet file that holds pictures as a struct of bytes and path
MAX_RECORD = MAX_VALUE  # bytes of one line
MAX_DEPTH = 64  # lists and objects in each other


@dataclass(frozen=True)
class Place:
    """A record's bytes in its file, from `at` on, `size` of them; of a Parquet file, row `at`."""

    at: int
    size: int


def list_tables(path: str) -> Iterator[Listed]:
    """List the annotation files that a file, folder or glob names.

    Raises:
        DataError: `missing`.
    """
    return list_files(path, include=PATTERNS)


def table_locator(path: str, uri: str) -> str:
    """Name a file that `list_tables(path)` gave by its uri."""
    path = path.removeprefix("@")
    found = GLOB.search(path)
    fixed = path[: found.start()] if found else path
    is_file = PurePosixPath(fixed).suffix.lower() in (".json", ".jsonl", ".ndjson", PARQUET, ".txt")
    if found or (is_file and (is_remote(path) or not local_path(path).is_dir())):
        folder, slash, _ = fixed.rpartition("/")
        return f"{folder}{slash}{uri}"
    return f"{path.rstrip('/')}/{uri}"


def placed_records(locator: str) -> Iterator[tuple[Place | None, Record]]:
    """Read a JSON array of objects, JSON lines or Parquet, a record at a time; a broken one has no place.

    What lies behind a fault in a JSON array or Parquet file is lost and counts as one record. Of the
    pictures in a Parquet file only their paths are read.

    Raises:
        DataError: `missing`, or `bad_record`: it is broken before the first record.
        OSError: the store failed.
    """
    suffix = PurePosixPath(locator).suffix.lower()
    if suffix == PARQUET:
        yield from _placed_rows(locator)
        return
    with open_binary(locator) as file:
        yield from _placed_elements(file, locator) if suffix == ".json" else _placed_lines(file)


def first_records(locator: str, most: int) -> Iterator[Record]:
    """Read the first records, as little of the file as that takes.

    Raises:
        DataError: as `placed_records`.
    """
    if PurePosixPath(locator).suffix.lower() == PARQUET:
        cells = ParquetCells(locator)
        yield from (cells.row(number, _small_columns(cells)) for number in range(min(most, cells.count)))
        return
    yield from (record for _, record in islice(placed_records(locator), most))


def read_placed(locator: str, places: Iterable[Place]) -> Iterator[Mapping[str, object]]:
    """Read some records again.

    Raises:
        DataError: `missing`, or `changed_input`: there is no record any more.
        OSError: the store failed.
    """
    if PurePosixPath(locator).suffix.lower() == PARQUET:
        table = ParquetCells(locator)
        for place in places:
            yield table.row(place.at, _small_columns(table))
        return
    with open_binary(locator) as file:
        for place in places:
            file.seek(place.at)
            try:
                value = json.loads(file.read(place.size))
            except (ValueError, RecursionError) as error:
                raise DataError("changed_input", f"{locator} is not what was planned: plan again") from error
            if not isinstance(value, dict):
                raise DataError("changed_input", f"{locator} is not what was planned: plan again")
            if _is_nested_beyond(value, MAX_DEPTH):
                raise DataError("bad_record", f"the record is nested deeper than {MAX_DEPTH} values")
            yield value


def _is_nested_beyond(value: object, depth: int) -> bool:
    """Whether some value lies in more than `depth` others; what walks into it later would not come back."""
    level = [value]
    for _ in range(depth + 1):
        level = [
            inner
            for outer in level
            for inner in (
                outer.values() if isinstance(outer, dict) else outer if isinstance(outer, list) else ()
            )
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def _small_columns(table: ParquetCells) -> list[str]:
    """The columns of a Parquet file without the bytes of its pictures."""
    return [f"{name}.path" if table.has_pictures(name) else name for name in table.columns]


def _placed_rows(locator: str) -> Iterator[tuple[Place | None, Record]]:
    table = ParquetCells(locator)
    number = -1
    try:
        for number, row in enumerate(table.rows(_small_columns(table))):
            yield Place(number, 1), row
    except DataError as error:
        if number < 0:
            raise
        yield None, f"the file is broken from here on: {error.message}"


def _placed_elements(file: IO[bytes], locator: str) -> Iterator[tuple[Place | None, Record]]:
    given = False
    try:
        for value, at, size in JsonStream(file).placed_elements():
            given = True
            record = as_record(value)
            yield (None if isinstance(record, str) else Place(at, size)), record
    except JsonStreamError as error:
        if not given:
            raise DataError("bad_record", f"{locator} is no JSON array of objects: {error}") from error
        yield None, f"the file is broken from here on: {error}"


def _placed_lines(file: IO[bytes]) -> Iterator[tuple[Place | None, Record]]:
    at = 0
    while line := file.readline(MAX_RECORD):
        start, at = at, at + len(line)
        whole = line.endswith(b"\n") or len(line) < MAX_RECORD
        while not whole and (rest := file.readline(MAX_RECORD)):
            at += len(rest)
            whole = rest.endswith(b"\n")
        if not line.strip():
            continue
        try:
            record = as_record(json.loads(line.decode("utf-8-sig")))
        except (ValueError, RecursionError) as error:
            yield None, f"not valid JSON: {error}"
        else:
            bom = 3 if start == 0 and line.startswith(b"\xef\xbb\xbf") else 0
            yield (None if isinstance(record, str) else Place(start + bom, len(line) - bom)), record
