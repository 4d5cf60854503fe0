"""Leaving samples out by their scores."""

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from somtom.pipelines.config import dump_config, load_config, parse_config
from somtom.pipelines.config_rules import ConfigError
from somtom.schemas.reasons import FILTERED, REASONS, DataError
from somtom.schemas.record_fields import RECORD
from somtom.schemas.settings import FilterSettings
from somtom.transforms.filters import refuse_scores

SCORES = [field.name for field in next(one for one in RECORD if one.name == "quality").fields]
UNMEASURED = dict.fromkeys(SCORES, -1.0)
SOURCE = {"source": [{"kind": "video", "path": "clips/"}]}


def test_every_score_can_be_filtered_by_and_has_its_reason() -> None:
    names = [field.name for field in dataclasses.fields(FilterSettings)]
    assert names == [*SCORES, "near_duplicates", "near_bits"]
    for name in SCORES:
        assert REASONS[f"filter_{name}"][0] == FILTERED


@pytest.mark.parametrize("name", SCORES)
def test_a_score_outside_of_its_limits_is_refused_by_name(name: str) -> None:
    limits = FilterSettings(**{name: {"min": 0.25, "max": 0.5}})
    for inside in (0.25, 0.3, 0.5, -1.0):
        refuse_scores({**UNMEASURED, name: inside}, limits)
    for outside, word in ((0.2, "min = 0.25"), (0.6, "max = 0.5")):
        with pytest.raises(DataError, match=f"{name} is {outside}; filter.{name} has {word}") as caught:
            refuse_scores({**UNMEASURED, name: outside}, limits)
        assert caught.value.reason == f"filter_{name}"


@given(st.dictionaries(st.sampled_from(SCORES), st.floats(0, 1e6)))
def test_no_limits_refuse_nothing(scores: dict[str, float]) -> None:
    refuse_scores({**UNMEASURED, **scores}, FilterSettings())


def test_limits_are_read_and_written_as_toml() -> None:
    config = parse_config({**SOURCE, "filter": {"mark_overlap": {"max": 0}, "action_jump": {"min": 1}}})
    assert config.settings.filter.mark_overlap == {"max": 0.0}
    text = dump_config(config)
    assert "[filter.mark_overlap]\nmax = 0.0\n" in text
    assert "visible_share" not in text


def test_what_is_as_by_default_is_not_written() -> None:
    plain = parse_config({**SOURCE, "filter": {"near_duplicates": "off", "near_bits": 4, "confidence": {}}})
    assert plain.as_dict()["filter"] == {}
    config = parse_config({**SOURCE, "filter": {"near_duplicates": "all", "near_bits": 0}})
    assert config.as_dict()["filter"] == {"near_duplicates": "all", "near_bits": 0}
    assert config.settings.filter.limits() == {}


def test_limits_can_be_set_on_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[[source]]\nkind = "video"\npath = "clips/"\n')
    config = load_config(path, ["filter.visible_share={min = 0.5}"])
    assert config.settings.filter.visible_share == {"min": 0.5}


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"mark_overlp": {"max": 0.1}}, "did you mean filter.mark_overlap?"),
        ({"mark_overlap": 0.1}, "filter.mark_overlap = 0.1: must be a table"),
        (
            {"mark_overlap": {"most": 0.1}},
            "filter.mark_overlap.most = 0.1: unknown; write filter.mark_overlap",
        ),
        ({"mark_overlap": {"max": "low"}}, "filter.mark_overlap.max = 'low': must be a number"),
        (
            {"mark_overlap": {"min": 0.5, "max": 0.1}},
            "filter.mark_overlap: min = 0.5 must not exceed max = 0.1",
        ),
        ({"mark_overlap": {"min": float("nan")}}, "must not exceed"),
        ({"near_duplicates": "al"}, "must be one of off, across_splits, all; did you mean 'all'?"),
        ({"near_bits": 9}, "filter.near_bits = 9: must be 0 to 8"),
        ({"marks_read": {"min": 0.9}}, "set quality.read_marks = true"),
    ],
)
def test_wrong_limits_are_said(section: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config({**SOURCE, "filter": section})
    assert message in str(caught.value)
