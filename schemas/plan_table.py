"""meta/plan.parquet: which refs make up which shard, one row a ref."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from somtom.schemas.parquet import TableWriter, read_groups, read_runs
from somtom.schemas.reasons import DataError
from somtom.schemas.record import storable_text
from somtom.schemas.refs import Ref, ShardSpec

ROWS_PER_GROUP = 16_384

# A ref's own columns; its split is the shard's.
REF_COLUMNS = {
    "key": "text",
    "source": "int",
    "kind": "text",
    "dataset": "text",
    "uri": "text",
    "group": "text",
    "run": "int",
    "position": "int",
    "start_s": "float",
    "end_s": "float",
    "step_s": "float",
    "fps": "float",
    "frames": "int list",
    "first_person": "bool",
    "instruction": "text",
    "camera": "text",
    "licence": "text",
    "fingerprint": "text",
    "payload": "text",
    "history": "int",
    "weight": "float",
    "picture": "text",
}
PLAN_COLUMNS = {
    "shard": "text",
    "split": "text",
    **REF_COLUMNS,
    "locator": "bytes",  # a file's name need not be UTF-8
    "track_digest": "text",
    "label_digest": "text",
}
INDEX_COLUMNS = ("shard", "split", "track_digest", "label_digest")


@dataclass(frozen=True)
class PlannedShard:
    """A shard of the plan without its refs."""

    name: str
    split: str
    track_digest: str
    label_digest: str
    refs: int


def ref_row(ref: Ref) -> dict[str, Any]:
    """Turn a ref into the values of `REF_COLUMNS`."""
    values = {name: getattr(ref, name) for name in REF_COLUMNS}
    return {name: storable_text(one) if isinstance(one, str) else one for name, one in values.items()}


def ref_of(row: dict[str, Any], split: str, locator: str = "") -> Ref:
    """Make the ref of a row that holds `REF_COLUMNS`, and maybe more.

    Raises:
        DataError: `unreadable`: the row is no ref.
    """
    values = {name: row[name] for name in REF_COLUMNS}
    try:
        return Ref(**values | {"frames": tuple(row["frames"].tolist()), "split": split, "locator": locator})
    except ValueError as error:
        raise DataError("unreadable", str(error)) from error


def write_plan(path: Path, specs: Iterable[ShardSpec]) -> None:
    """Write the plan; `specs` may be too many to hold. A shard never crosses a row group.

    Raises:
        ValueError: a shard has no refs, stands there twice in a row, or holds a ref of another split.
    """
    with TableWriter(path, PLAN_COLUMNS) as writer:
        group: list[dict[str, Any]] = []
        for spec in specs:
            rows = [_plan_row(spec, ref) for ref in spec.refs]
            if not rows or (group and group[-1]["shard"] == spec.name):
                raise ValueError(f"{spec.name}: a planned shard stands there once and has refs")
            if len(group) + len(rows) > ROWS_PER_GROUP and group:
                writer.write(group)
                group = []
            group += rows
        writer.write(group)


def _plan_row(spec: ShardSpec, ref: Ref) -> dict[str, Any]:
    if ref.split not in ("", spec.split):
        raise ValueError(f"{ref.key}: split {ref.split!r} in the shard {spec.name} of {spec.split!r}")
    return {
        **ref_row(ref),
        "shard": spec.name,
        "split": spec.split,
        "locator": ref.locator.encode("utf-8", "surrogatepass"),
        "track_digest": spec.track_digest,
        "label_digest": spec.label_digest,
    }


def read_plan(path: Path, names: Collection[str] | None = None) -> Iterator[ShardSpec]:
    """Read the shards back in order, all or those of the names, a row group at a time.

    Raises:
        DataError: `unreadable`.
    """
    for group in read_groups(path, PLAN_COLUMNS):
        for name, members in groupby(group, key=lambda row: str(row["shard"])):
            if names is not None and name not in names:
                continue
            rows = list(members)
            first = rows[0]
            refs = tuple(
                ref_of(row, row["split"], row["locator"].decode("utf-8", "surrogatepass")) for row in rows
            )
            yield ShardSpec(name, first["split"], refs, first["track_digest"], first["label_digest"])


def read_plan_index(path: Path) -> list[PlannedShard]:
    """Read which shards there are, without reading their refs: four columns that compress to almost nothing.

    Raises:
        DataError: `unreadable`.
    """
    runs = read_runs(path, PLAN_COLUMNS, INDEX_COLUMNS)
    return [
        PlannedShard(row["shard"], row["split"], row["track_digest"], row["label_digest"], refs)
        for row, refs in runs
    ]
