import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from somtom.pipelines.config_rules import ConfigError
from somtom.pipelines.where import column_names, parse_where
from somtom.schemas.parquet import arrow_schema
from somtom.schemas.sample_rows import SAMPLE_COLUMNS

EMPTY = {"text": "", "int": 0, "float": 0.0, "bool": False}
ROWS = [
    {
        "key": "a",
        "task": "tom",
        "dataset": "x",
        "marks": 3,
        "camera_moved": True,
        "quality_mark_overlap": 0.05,
    },
    {
        "key": "b",
        "task": "ui",
        "dataset": "y",
        "marks": 9,
        "camera_moved": False,
        "quality_mark_overlap": 0.5,
    },
    {
        "key": "c",
        "task": "tom",
        "dataset": "z",
        "marks": 9,
        "camera_moved": False,
        "quality_mark_overlap": -1.0,
    },
]
TABLE = pa.Table.from_pylist(
    [{name: EMPTY[kind] for name, kind in SAMPLE_COLUMNS.items()} | row for row in ROWS],
    schema=arrow_schema(SAMPLE_COLUMNS),
)


def found(condition: str) -> str:
    return "".join(TABLE.filter(parse_where(condition))["key"].to_pylist())


@pytest.mark.parametrize(
    ("condition", "keys"),
    [
        ("task == 'tom' and mark_overlap < 0.1 and source in ('x', 'y')", "a"),
        ("quality_mark_overlap >= 0.05", "ab"),
        ("task != 'tom'", "b"),
        ("not task == 'tom' or marks == 3", "ab"),
        ("not (task == 'tom' or marks == 3)", "b"),
        ("camera_moved", "a"),
        ("not camera_moved and marks > 8.5", "bc"),
        ("camera_moved == false", "bc"),
        ("mark_overlap == -1.0", "c"),
        ("3 < marks <= 9", "bc"),
        ("9 > marks", "a"),
        ("dataset not in ['x', 'y']", "c"),
        ("key in ('a',) or key == 'c'", "ac"),
        ('task == "tom" and marks == 9', "c"),
        ("  marks == 9  ", "bc"),
    ],
)
def test_a_condition_finds_the_rows_that_meet_it(condition: str, keys: str) -> None:
    assert found(condition) == keys


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("taks == 'tom'", "did you mean task"),
        ("mark_overlp < 1", "did you mean mark_overlap"),
        ("task == tom", "a text stands in quotes"),
        ("task = 'tom'", "cannot be read"),
        ("task == 3", "task is text, 3 is not"),
        ("marks == 'three'", "marks is int"),
        ("marks == true", "marks is int"),
        ("camera_moved > 1", "has no order"),
        ("marks", "compare it"),
        ("task == dataset", "one column, one value"),
        ("1 == 1", "one column, one value"),
        ("task in 'tom'", "column in"),
        ("task in ()", "at least one value"),
        ("task in (dataset,)", "among the values"),
        ("task is 'tom'", "compare with"),
        ("marks + 1 == 3", "neither a column nor a value"),
        ("__import__('os').system('touch /tmp/x')", "no condition"),
        ("task.__class__ == 'tom'", "neither a column nor a value"),
        ("[k for k in key]", "no condition"),
        ("lambda: 1", "no condition"),
        ("(key := 'a') == 'a'", "neither a column nor a value"),
        ("marks == 1e999 or marks == 99999999999999999999", "is not"),
        ("", "cannot be read"),
        ("(" * 300 + "marks" + ")" * 300, "cannot be read"),
        ("not " * 2000 + "camera_moved", "cannot be read"),
        ("marks == " + "1" * 5000, "cannot be read"),
        ("marks == 1 or " * 1000 + "marks == 1", "too many"),
        ("task == 'a\x00'", "cannot be read"),
    ],
)
def test_what_is_wrong_is_said_in_a_line_and_nothing_is_run(condition: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as raised:
        parse_where(condition)

    assert "\n" not in str(raised.value) and len(str(raised.value)) < 400


@given(st.text(max_size=60) | st.text("()[]'=<>!, notinadrk1.-", max_size=40))
def test_any_text_is_a_condition_or_a_mistake_that_is_named(condition: str) -> None:
    try:
        parse_where(condition)
    except ConfigError as error:
        assert str(error).startswith("--where")


def test_every_column_of_the_table_has_its_name_and_scores_a_short_one() -> None:
    names = column_names()

    assert set(names.values()) == set(SAMPLE_COLUMNS)
    assert all(names[column] == column for column in SAMPLE_COLUMNS)
    assert (names["residual_px"], names["source"]) == ("quality_residual_px", "dataset")
