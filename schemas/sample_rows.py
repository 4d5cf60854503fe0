"""One row a sample: what meta/samples.parquet says of it, taken from its record."""

from typing import Any

from somtom.schemas.record import Record
from somtom.schemas.record_fields import RECORD, Field

# column -> where its value stands in the record
_FROM_RECORD: dict[str, tuple[str, ...]] = {
    "key": ("id",),
    "split": ("split",),
    "task": ("task",),
    "instruction": ("instruction",),
    "target_mark": ("target_mark",),
    "width": ("width",),
    "height": ("height",),
    **{
        name: ("source", name)
        for name in (
            "kind",
            "dataset",
            "uri",
            "fingerprint",
            "picture_hash",
            "group",
            "camera",
            "licence",
            "start_s",
            "end_s",
            "fps",
            "weight",
        )
    },
    **{
        name: ("motion", name)
        for name in ("camera_moved", "epsilon", "refused", "moving", "static", "dropped", "clamped")
    },
    "tracker": ("tracker", "name"),
}


def _fields(name: str) -> dict[str, Field]:
    return {field.name: field for field in next(one for one in RECORD if one.name == name).fields}


def _kind(path: tuple[str, ...]) -> str:
    fields = {field.name: field for field in RECORD}
    return (_fields(path[0])[path[1]] if len(path) == 2 else fields[path[0]]).kind


_SCORES = {f"quality_{name}": ("quality", name) for name in _fields("quality")}
_PATHS = {**_FROM_RECORD, **_SCORES}

SAMPLE_COLUMNS: dict[str, str] = {
    "key": "text",
    "shard": "text",
    **{name: _kind(path) for name, path in _FROM_RECORD.items() if name != "key"},
    "frames": "int",  # T
    "marks": "int",  # K
    "foreground": "int",  # marks that move or that the instruction is about
    **{name: _kind(path) for name, path in _SCORES.items()},
}

SampleRow = dict[str, Any]


def sample_row(record: Record, shard: str, frames: int) -> SampleRow:
    """Make the row of a complete record whose traces span `frames` frames."""
    marks = record["marks"]
    values = {
        "shard": shard,
        "frames": frames,
        "marks": len(marks),
        "foreground": sum(1 for mark in marks if mark["foreground"]),
    }
    for name, path in _PATHS.items():
        value: Any = record
        for step in path:
            value = value[step]
        values[name] = value
    return {name: values[name] for name in SAMPLE_COLUMNS}
