"""Parquet files that `datasets` loads with its own types: pictures embedded, lists nested, small groups."""

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from somtom.schemas.files import whole_file

if TYPE_CHECKING:
    import pyarrow as pa

DATA = "data"
ROWS_PER_GROUP = 100
GROUP_BYTES = 32 << 20
IMAGE: dict[str, str] = {"_type": "Image"}


def value(dtype: str) -> dict[str, str]:
    """The feature of a plain value, such as "int64", "float32", "string"."""
    return {"dtype": dtype, "_type": "Value"}


def picture(name: str, jpeg: bytes) -> dict[str, Any]:
    """What stands in a column of pictures: the bytes as they are."""
    return {"bytes": jpeg, "path": name}


def arrow_type(feature: Any) -> "pa.DataType":
    """The Arrow type of a feature as `schemas.features` has it: [element], object, value or picture."""
    import pyarrow as pa

    if isinstance(feature, list):
        return pa.list_(arrow_type(feature[0]))
    kind = feature.get("_type")
    if kind == "Image":
        return pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    if kind == "Value":
        plain: pa.DataType = pa.type_for_alias(feature["dtype"])
        return plain
    return pa.struct([(name, arrow_type(inner)) for name, inner in feature.items()])


class TableFiles:
    """Writes rows to data/<split>-00000.parquet, ..., each of about `file_bytes` of pictures and texts."""

    def __init__(self, out: Path, split: str, features: Mapping[str, Any], file_bytes: int) -> None:
        self._path = out / DATA
        self._split, self._file_bytes = split, file_bytes
        self._features = features
        self._number = self._written = self._pending = 0
        self._rows: list[Mapping[str, Any]] = []
        self._stack = contextlib.ExitStack()
        self._writer: Any = None

    def __enter__(self) -> Self:
        return self

    def write(self, row: Mapping[str, Any], size_bytes: int) -> None:
        """Append one row, whose arrays are nested lists; `size_bytes` is about what it takes."""
        self._rows.append(row)
        self._pending += size_bytes
        if len(self._rows) >= ROWS_PER_GROUP or self._pending >= min(GROUP_BYTES, self._file_bytes):
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa

        if not self._rows:
            return
        if self._writer is None:
            self._open()
        table = pa.Table.from_pylist(self._rows, schema=self._schema)
        self._writer.write_table(table, row_group_size=len(self._rows))
        self._written += self._pending
        self._rows, self._pending = [], 0
        if self._written >= self._file_bytes:
            self._stack.close()
            self._writer, self._written = None, 0

    def _open(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        fields = [pa.field(name, arrow_type(feature)) for name, feature in self._features.items()]
        info = json.dumps({"info": {"features": self._features}})
        self._schema = pa.schema(fields, metadata={"huggingface": info})
        make_writer: Any = pq.ParquetWriter  # its stubs do not know our file
        file = self._stack.enter_context(whole_file(self._path / f"{self._split}-{self._number:05d}.parquet"))
        self._writer = self._stack.enter_context(make_writer(file, self._schema, compression="zstd"))
        self._number += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._stack.__exit__(kind, error, trace)
            return
        with self._stack:
            self._flush()


def front_matter(splits: Mapping[str, int]) -> str:
    """The card's head from which `datasets` loads exactly these splits."""
    lines = ["---", "configs:", "- config_name: default", "  data_files:"]
    for split in splits:
        lines += [f"  - split: {split}", f"    path: {DATA}/{split}-*.parquet"]
    return "\n".join([*lines, "---", ""])
