"""The record of a sample: written in the table's order, read back and held against the table."""

import json
import math
import numbers
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from somtom.schemas.reasons import DataError
from somtom.schemas.record_fields import RECORD, SCHEMA_VERSION, SPLITS, TASKS, Field

__all__ = [
    "RECORD",
    "SCHEMA_VERSION",
    "SPLITS",
    "TASKS",
    "Field",
    "Record",
    "complete_record",
    "load_json",
    "parse_record",
    "record_faults",
    "record_json",
    "storable_text",
]

Record = dict[str, Any]

_TYPES: dict[str, type] = {"text": str, "int": int, "float": float, "bool": bool, "object": dict}
_INT64 = 1 << 63


def record_json(values: Mapping[str, Any]) -> bytes:
    """Write a record: fields in the table's order, defaults filled in, UTF-8 as it is.

    Raises:
        ValueError: a field is unknown, missing, of another type, or not finite.
    """
    record = complete_record(values)
    text = json.dumps(record, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8")


def complete_record(values: Mapping[str, Any]) -> Record:
    """Fill in the defaults and turn every value (NumPy's too) into the plain type that the table names.

    Lone surrogates, which a file name can hold and UTF-8 cannot, become U+FFFD.
    """
    return _object_of(values, RECORD, "")


def _object_of(values: Mapping[str, Any], fields: Sequence[Field], where: str) -> Record:
    record = {field.name: _value_of(values.get(field.name, field.default), field, where) for field in fields}
    if not values.keys() <= record.keys():
        raise ValueError(f"the record has no field {where}{min(values.keys() - record.keys())}")
    return record


def _value_of(value: Any, field: Field, where: str) -> Any:
    if value is None:
        raise ValueError(f"the record's field {where}{field.name} must be given")
    if not field.many:
        return _one_of(value, field, where)
    if isinstance(value, (str, bytes, Mapping)):
        raise ValueError(f"the record's field {where}{field.name} must be a list, got {value!r:.80}")
    return [_one_of(one, field, where) for one in value]


def _one_of(value: Any, field: Field, where: str) -> Any:
    kind = field.kind
    # Exact types first: Python's own are nearly all there is, and the abstract numbers below are slow.
    if kind == "float":
        if type(value) is float and math.isfinite(value):
            return value
        if isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
    elif kind == "int":
        if (
            isinstance(value, numbers.Integral)
            and not isinstance(value, bool)
            and -_INT64 <= int(value) < _INT64
        ):
            return int(value)
    elif kind == "text":
        if isinstance(value, str):
            return storable_text(value)
    elif kind == "bool":
        if isinstance(value, bool) or type(value).__name__ == "bool":  # NumPy's is no subclass
            return bool(value)
    elif isinstance(value, Mapping):
        return _object_of(value, field.fields, f"{where}{field.name}.")
    raise ValueError(f"the record's field {where}{field.name} must be a finite {kind}, got {value!r:.80}")


def storable_text(text: str) -> str:
    """Replace lone surrogates, which UTF-8 cannot hold, by U+FFFD.

    >>> storable_text("caf\\udce9.mp4")
    'caf�.mp4'
    """
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return "".join("\ufffd" if "\ud800" <= letter <= "\udfff" else letter for letter in text)
    return text


def parse_record(data: bytes) -> Record:
    """Read a record back and hold it against the table.

    Raises:
        DataError: `bad_record`: no JSON object, or a field breaks the table.
    """
    record = load_json(data)
    fault = next(record_faults(record), None)
    if fault is not None or not isinstance(record, dict):
        raise DataError("bad_record", str(fault))
    return record


def load_json(data: bytes) -> object:
    """Read JSON as the contract has it: UTF-8, finite numbers, no key twice.

    Raises:
        DataError: `bad_record`.
    """
    try:
        return json.loads(
            data.decode("utf-8"), parse_constant=_refuse_constant, object_pairs_hook=_object_without_doubles
        )
    except (ValueError, RecursionError) as error:
        raise DataError("bad_record", f"not valid JSON: {error}") from error


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def _object_without_doubles(pairs: list[tuple[str, Any]]) -> Record:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError(f"an object has a key twice: {[key for key, _ in pairs]}")
    return values


def record_faults(record: object) -> Iterator[str]:
    """Say, a line each, where a parsed record breaks the table: keys, order, types, finite numbers."""
    if not isinstance(record, dict):
        yield f"the record must be an object, got {type(record).__name__}"
        return
    yield from _object_faults(record, RECORD, "")


def _object_faults(values: Record, fields: Sequence[Field], where: str) -> Iterator[str]:
    names = [field.name for field in fields]
    if list(values) != names:
        missing = [name for name in names if name not in values]
        unknown = [name for name in values if name not in names]
        what = f"missing {missing}, unknown {unknown}" if missing or unknown else f"order {list(values)}"
        yield f"fields of {where.rstrip('.') or 'the record'} are not the table's: {what}"
    for field in fields:
        if field.name not in values:
            continue
        value, path = values[field.name], where + field.name
        if not field.many:
            yield from _one_faults(value, field, path)
        elif not isinstance(value, list):
            yield f"{path} must be a list, got {type(value).__name__}"
        else:
            for index, one in enumerate(value):
                yield from _one_faults(one, field, f"{path}[{index}]")


def _one_faults(value: object, field: Field, path: str) -> Iterator[str]:
    if type(value) is not _TYPES[field.kind]:
        yield f"{path} must be {field.kind}, got {type(value).__name__} {value!r:.60}"
    elif isinstance(value, dict):
        yield from _object_faults(value, field.fields, path + ".")
    elif isinstance(value, float) and not math.isfinite(value):
        yield f"{path} must be finite, got {value}"
    elif isinstance(value, int) and not -_INT64 <= value < _INT64:
        yield f"{path} must fit in 64 bits, got {value}"
