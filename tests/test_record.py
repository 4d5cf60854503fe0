import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from somtom.schemas.reasons import DataError
from somtom.schemas.record import RECORD, Field, complete_record, parse_record, record_faults, record_json

LEAST: dict[str, Any] = {
    "id": "video-0",
    "split": "train",
    "task": "som",
    "width": 64,
    "height": 48,
    "source": {"kind": "video", "dataset": "d", "uri": "a/b.mp4", "group": "g"},
}


def values_of(fields: tuple[Field, ...]) -> st.SearchStrategy[dict[str, Any]]:
    def value(field: Field) -> st.SearchStrategy[Any]:
        kinds: dict[str, st.SearchStrategy[Any]] = {
            "text": st.text(max_size=8),
            "int": st.integers(-(1 << 63), (1 << 63) - 1),
            "float": st.floats(allow_nan=False, allow_infinity=False),
            "bool": st.booleans(),
        }
        one = values_of(field.fields) if field.kind == "object" else kinds[field.kind]
        return st.lists(one, max_size=2) if field.many else one

    return st.fixed_dictionaries({field.name: value(field) for field in fields})


@given(values_of(RECORD))
def test_a_record_reads_back_as_it_was_written(record: dict[str, Any]) -> None:
    written = record_json(record)

    again = parse_record(written)

    assert again == record
    assert record_json(again) == written


def test_the_written_order_is_the_tables_whatever_the_order_given() -> None:
    shuffled = dict(reversed(LEAST.items()))

    assert record_json(shuffled) == record_json(LEAST)
    assert list(json.loads(record_json(shuffled))) == [field.name for field in RECORD]


def test_floats_are_written_with_a_point_also_when_whole() -> None:
    marks = [{"id": 1, "x": 3, "y": np.float32(4)}]

    written = record_json(LEAST | {"marks": marks})

    assert b'"x":3.0,"y":4.0,"x0":-1.0' in written


def test_text_is_written_as_utf8_and_lone_surrogates_are_replaced() -> None:
    written = record_json(LEAST | {"instruction": "ça\udce9 日本"})

    assert "ça\ufffd 日本".encode() in written


def test_defaults_hold_no_null() -> None:
    assert b"null" not in record_json(LEAST)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"colour": "red"}, "no field colour"),
        ({"width": 1.5}, "width must be a finite int"),
        ({"width": True}, "width must be a finite int"),
        ({"width": None}, "width must be given"),
        ({"width": 1 << 63}, "width must be a finite int"),
        ({"motion": {"epsilon": math.nan}}, "motion.epsilon must be a finite float"),
        ({"motion": {"homographies": [math.inf]}}, "motion.homographies must be a finite float"),
        ({"marks": [{"id": 1, "x": 1.0, "y": "2"}]}, "marks.y must be a finite float"),
        ({"marks": {}}, "marks must be a list"),
        ({"instruction": 3}, "instruction must be a finite text"),
        ({"source": {"kind": "video"}}, "source.dataset must be given"),
    ],
)
def test_a_value_that_breaks_the_table_is_not_written(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        record_json(LEAST | changed)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda r: r | {"width": 64.0}, "width must be int, got float"),
        (lambda r: r | {"target_mark": None}, "target_mark must be int, got NoneType"),
        (lambda r: r | {"target_mark": True}, "target_mark must be int, got bool"),
        (lambda r: r | {"motion": r["motion"] | {"epsilon": 2}}, "motion.epsilon must be float, got int"),
        (lambda r: r | {"history": {}}, "history must be a list"),
        (lambda r: r | {"marks": [3]}, r"marks\[0\] must be object"),
        (lambda r: r | {"width": 1 << 70}, "width must fit in 64 bits"),
        (lambda r: dict(reversed(r.items())), "not the table's: order"),
        (lambda r: r | {"colour": "red"}, r"unknown \['colour'\]"),
        (lambda r: {k: v for k, v in r.items() if k != "task"}, r"missing \['task'\]"),
    ],
)
def test_a_record_that_breaks_the_table_is_not_read(change: Any, said: str) -> None:
    broken = json.dumps(change(complete_record(LEAST))).encode()

    with pytest.raises(DataError, match=said):
        parse_record(broken)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"\xff",
        b"{",
        b"[" * 100_000,
        b'{"a": NaN}',
        b'{"a": 1, "a": 1}',
        b"1" * 100_000,
        record_json(LEAST).replace(b'"width":64', b'"width":1e999'),
        record_json(LEAST).replace(b'"epsilon":-1.0', b'"epsilon":1e999'),
    ],
)
def test_bytes_that_are_no_record_are_one_data_error(data: bytes) -> None:
    with pytest.raises(DataError, match="bad_record"):
        parse_record(data)


def test_every_fault_of_a_record_is_named() -> None:
    record = complete_record(LEAST) | {"width": "64", "height": 1.0}

    assert len(list(record_faults(record))) == 2


def all_fields(fields: tuple[Field, ...]) -> list[Field]:
    return [one for field in fields for one in (field, *all_fields(field.fields))]


def test_the_documentation_names_every_field() -> None:
    text = (Path(__file__).parent.parent / "docs" / "shards.md").read_text()

    assert [field.name for field in all_fields(RECORD) if f"`{field.name}`" not in text] == []


def test_every_field_says_what_it_means() -> None:
    for field in all_fields(RECORD):
        assert field.meaning and field.kind in ("text", "int", "float", "bool", "object")
        assert (field.kind == "object") == bool(field.fields)
