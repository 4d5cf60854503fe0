"""The episodes that a LeRobot data set's own index counts, and the texts of its tasks."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from somtom.schemas.reasons import DataError
from somtom.schemas.record import storable_text
from somtom.schemas.refs import Item
from somtom.sources.annotation_files import Record, read_records
from somtom.sources.annotations import MAX_TEXT
from somtom.sources.lerobot_layout import Layout, exists
from somtom.sources.listing import list_files
from somtom.sources.parquet_rows import open_parquet, reading_faults

MOST_EPISODES = 10**15  # what an index of an episode may be
ROWS_AT_ONCE = 1024
SPAN = ("dataset_from_index", "dataset_to_index")


@dataclass(frozen=True)
class EpisodeRow:
    """One row of the index.

    Args:
        index: the episode's.
        length: steps that it should have, -1 where that is not said.
        task: the first text of the episode, "" where there is none.
        data: numbers of the chunk and file that hold it (v3.0), else empty.
        span: of the data set's rows, its first and the one behind its last (v3.0), else empty.
        videos: by camera, numbers of chunk and file, and where the episode begins in it, in seconds (v3.0).
    """

    index: int
    length: int = -1
    task: str = ""
    data: tuple[int, ...] = ()
    span: tuple[int, ...] = ()
    videos: Mapping[str, tuple[int, int, float]] = field(default_factory=dict)


def list_episodes(layout: Layout, index: int) -> Iterator[Item]:
    """Make one item a row of the index, sorted by uri; a broken row's item says what is wrong with it.

    Rows of the same episode have the same uri, so that all but the first become `duplicate`.

    Args:
        layout: the data set's.
        index: the source's place in the configuration.

    Raises:
        DataError: there is no index.
        OSError: the store failed.
    """
    rows = _shared_rows(layout) if layout.shares_files else _rows(layout)
    named = [(uri, number, locator, payload) for number, (uri, locator, payload) in enumerate(rows)]
    if not named:
        raise DataError("missing", f"the index of {layout.root} holds no episode")
    for uri, _, locator, payload in sorted(named):
        yield Item(index, uri, locator, payload)


def row_of(payload: str) -> EpisodeRow:
    """Read back the row of an item.

    Raises:
        DataError: the row was broken.
    """
    says = json.loads(payload)
    if "reason" in says:
        raise DataError(says["reason"], says["message"])
    videos = {key: tuple(place) for key, place in says.pop("videos").items()}
    return EpisodeRow(**{**says, "data": tuple(says["data"]), "span": tuple(says["span"]), "videos": videos})


def paths_of(layout: Layout, row: EpisodeRow) -> list[str]:
    """Where the Parquet file of an episode may lie, the likeliest first.

    Raises:
        DataError: `unsafe_path` or `bad_record`.
    """
    return layout.locators(layout.data_paths, _values(layout, row, row.data))


def video_paths_of(layout: Layout, row: EpisodeRow, camera: str) -> list[str]:
    """Where the video of an episode's camera may lie, the likeliest first.

    Raises:
        DataError: `unsafe_path`, `bad_record`, or `missing_camera`: the index has none.
    """
    if layout.shares_files and camera not in row.videos:
        raise DataError("missing_camera", f"the index has no video of {camera} for episode {row.index}")
    place = row.videos[camera][:2] if layout.shares_files else ()
    return layout.locators(layout.video_paths, {**_values(layout, row, place), "video_key": camera})


def read_tasks(layout: Layout) -> dict[int, str]:
    """Texts by `task_index`: none where the table is not there, nor for a broken row.

    Raises:
        DataError: `bad_record`: the table as a whole is broken.
        OSError: the store failed.
    """
    table_name = "meta/tasks.parquet" if layout.shares_files else "meta/tasks.jsonl"
    if not exists(f"{layout.root}/{table_name}"):
        return {}
    if not layout.shares_files:
        records = read_records(f"{layout.root}/{table_name}", ("task_index", "task"))
        found = ((one["task_index"], one["task"]) for one in records if not isinstance(one, str))
        return {
            number: clean(text) for number, text in found if type(number) is int and isinstance(text, str)
        }
    with open_parquet(f"{layout.root}/{table_name}") as file, reading_faults(table_name):
        schema = file.schema_arrow
        # pandas keeps the texts as its index, under a name of its own.
        texts = next((one.name for one in schema if _is_text(one.type)), "")
        if "task_index" not in schema.names or not texts:
            raise DataError("bad_record", "meta/tasks.parquet lacks task_index or texts")
        table = file.read(columns=["task_index", texts])
        rows = zip(table["task_index"].to_pylist(), table[texts].to_pylist(), strict=True)
        return {number: clean(text) for number, text in rows if type(number) is int and text}


def clean(text: str) -> str:
    """Text on one line, storable and of a bounded length."""
    return storable_text(" ".join(text.split())[:MAX_TEXT])


def _values(layout: Layout, row: EpisodeRow, place: tuple[int, ...]) -> dict[str, int | str]:
    if layout.shares_files:
        return {"chunk_index": place[0], "file_index": place[1], "episode_index": row.index}
    return {"episode_chunk": row.index // layout.chunks_size, "episode_index": row.index}


def _rows(layout: Layout) -> Iterator[tuple[str, str, str]]:
    """Items of v2: uri, locator and payload."""
    name = "meta/episodes.jsonl"
    for number, record in enumerate(read_records(f"{layout.root}/{name}", ("episode_index",)), start=1):
        yield _named(layout, record, f"{name}#row={number}", f"{layout.root}/{name}")


def _shared_rows(layout: Layout) -> Iterator[tuple[str, str, str]]:
    """Items of v3.0; an index file that is broken is one item."""
    try:
        files = list(list_files(f"{layout.root}/meta/episodes", include=("*.parquet",)))
    except DataError as error:
        raise DataError(
            "missing", f"{layout.root} has neither meta/episodes.jsonl nor meta/episodes/*/*.parquet"
        ) from error
    for listed in files:
        name = f"meta/episodes/{listed.uri}"
        try:
            with open_parquet(listed.locator) as file, reading_faults(name):
                for number, record in enumerate(_index_records(file, layout), start=1):
                    yield _named(layout, record, f"{name}#row={number}", listed.locator)
        except DataError as error:
            yield name, listed.locator, _broken(error)


def _index_records(file: pq.ParquetFile, layout: Layout) -> Iterator[dict[str, Any]]:
    columns = ["episode_index", "length", "tasks", "data/chunk_index", "data/file_index", *SPAN]
    for camera in layout.cameras:
        columns += [f"videos/{camera}/{name}" for name in ("chunk_index", "file_index", "from_timestamp")]
    names = set(file.schema_arrow.names)
    for batch in file.iter_batches(batch_size=ROWS_AT_ONCE, columns=[one for one in columns if one in names]):
        yield from batch.to_pylist()


def _named(layout: Layout, record: Record, name: str, table: str) -> tuple[str, str, str]:
    try:
        row = _row(layout, record)
        locator = paths_of(layout, row)[0]
    except DataError as error:
        return name, table, _broken(error)
    return f"episode_{row.index:06d}", locator, json.dumps(asdict(row), separators=(",", ":"))


def _broken(error: DataError) -> str:
    return json.dumps({"reason": error.reason, "message": error.message})


def _row(layout: Layout, record: Record) -> EpisodeRow:
    """Check a row of the index.

    Raises:
        DataError: `bad_record`.
    """
    if isinstance(record, str):
        raise DataError("bad_record", record)
    index = record.get("episode_index")
    if type(index) is not int or not 0 <= index <= MOST_EPISODES:
        raise DataError("bad_record", f"episode_index must be a whole number, is {str(index)[:40]!r}")
    length = record.get("length")
    tasks = record.get("tasks")
    texts = [tasks] if isinstance(tasks, str) else tasks if isinstance(tasks, list) else []
    return EpisodeRow(
        index=index,
        length=length if type(length) is int and 0 <= length <= MOST_EPISODES else -1,
        task=clean(next((text for text in texts if isinstance(text, str) and text.strip()), "")),
        data=_numbers(record, "data/") if layout.shares_files else (),
        span=_span(record) if layout.shares_files else (),
        videos=dict(_videos(layout, record)) if layout.shares_files else {},
    )


def _span(record: Mapping[str, object]) -> tuple[int, ...]:
    """Where its rows lie, empty where that is not said or makes no sense."""
    first, end = (record.get(name) for name in SPAN)
    good = type(first) is int and type(end) is int and 0 <= first < end <= MOST_EPISODES
    return (int(str(first)), int(str(end))) if good else ()


def _numbers(record: Mapping[str, object], prefix: str) -> tuple[int, int]:
    """Numbers of the chunk and the file.

    Raises:
        DataError: `bad_record`.
    """
    chunk, file = (record.get(f"{prefix}{name}") for name in ("chunk_index", "file_index"))
    for number in (chunk, file):
        if type(number) is not int or not 0 <= number <= MOST_EPISODES:
            raise DataError("bad_record", f"{prefix}chunk_index and file_index must be whole numbers")
    return int(str(chunk)), int(str(file))


def _videos(layout: Layout, record: Mapping[str, object]) -> Iterator[tuple[str, tuple[int, int, float]]]:
    """Where each camera's video lies; a camera without one is left out."""
    for camera in layout.cameras:
        prefix = f"videos/{camera}/"
        start_s = record.get(f"{prefix}from_timestamp")
        if isinstance(start_s, float) and 0 <= start_s <= 1e9:
            yield camera, (*_numbers(record, prefix), start_s)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))
