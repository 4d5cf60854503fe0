"""Where the steps of Mind2Web's tasks lie: in JSON files of tasks or of steps, or in Parquet files."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from somtom.schemas.reasons import DataError
from somtom.sources.annotation_files import check_columns
from somtom.sources.listing import Listed
from somtom.sources.parquet_cells import ParquetCells
from somtom.sources.places import PARQUET, placed_records
from somtom.sources.words import shown

NAME = re.compile(r"[\w.-]{1,100}", re.ASCII)
MAX_STEPS = 10_000
COLUMNS = (
    *("annotation_id", "target_action_index", "operation"),
    *("pos_candidates", "neg_candidates", "screenshot"),
)

Record = Mapping[str, object]


@dataclass(frozen=True)
class StepPlace:
    """Where a step lies.

    Args:
        number: in its task; some are left out of the data set.
        table: uri of the file.
        at, size: see `places.Place`.
        action: which of the record's actions it is; -1 where the record itself is a step.
    """

    number: int
    table: str
    at: int
    size: int
    action: int


def steps_in(table: Listed) -> Iterator[tuple[str, StepPlace] | DataError]:
    """Find the steps of a file, each with the task it belongs to, or what is wrong with a record.

    Raises:
        DataError: the file as a whole cannot be read.
        OSError: the store failed.
    """
    if PurePosixPath(table.uri).suffix.lower() == PARQUET:
        cells = ParquetCells(table.locator)
        check_columns(table.uri, cells.columns, COLUMNS)
        for at, row in enumerate(cells.rows(COLUMNS[:2])):
            try:
                yield _name_of(row), StepPlace(_number(row.get("target_action_index")), table.uri, at, 1, -1)
            except DataError as error:
                yield error
        return
    for place, record in placed_records(table.locator):
        try:
            if isinstance(record, str) or place is None:
                raise DataError("bad_record", str(record))
            name = _name_of(record)
            for number, action in _numbers_of(record):
                yield name, StepPlace(number, table.uri, place.at, place.size, action)
        except DataError as error:
            yield error


def _numbers_of(record: Record) -> list[tuple[int, int]]:
    """The steps of a record: the number of each in its task, and in the record's list or -1."""
    if "actions" not in record:
        previous = record.get("previous_actions")
        return [
            (
                _number(
                    record.get("target_action_index", len(previous) if isinstance(previous, list) else None)
                ),
                -1,
            )
        ]
    actions = record["actions"]
    if not isinstance(actions, list) or not 0 < len(actions) <= MAX_STEPS:
        raise DataError("bad_record", "its actions must be a list, and not empty")
    return [(number, number) for number in range(len(actions))]


def _name_of(record: Record) -> str:
    name = record.get("annotation_id")
    if not isinstance(name, str) or not NAME.fullmatch(name) or ".." in name:
        raise DataError("bad_record", f"annotation_id must name the task, is {shown(name)}")
    return name


def _number(value: object) -> int:
    """A step's number in its trajectory, as a number or its digits."""
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not re.fullmatch(r"\d{1,5}", text, re.ASCII) or int(text) >= MAX_STEPS:
        raise DataError("bad_record", f"target_action_index must be a number, is {shown(value)}")
    return int(text)


def step_of(record: Record, action: int) -> Record:
    """A step with what its trajectory says, of a record that is either."""
    if action < 0:
        return record
    actions = record.get("actions")
    step = actions[action] if isinstance(actions, list) and action < len(actions) else None
    if not isinstance(step, dict):
        step = {}  # its own reject: it has no task's step in it
    return {**{name: value for name, value in record.items() if name != "actions"}, **step}


def first_step(record: Record) -> Record | None:
    """The first step of a record of this data set, None for any other."""
    if "annotation_id" not in record:
        return None
    actions = record.get("actions")
    step = (
        {**record, **actions[0]}
        if isinstance(actions, list) and actions and isinstance(actions[0], dict)
        else record
    )
    return step if "pos_candidates" in step else None
