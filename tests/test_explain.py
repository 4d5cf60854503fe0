from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from somtom.pipelines.config_rules import ConfigError
from somtom.pipelines.explain import explain_lines
from somtom.pipelines.output import OutputError
from somtom.schemas.folder import META, manifest_path, plan_path
from somtom.schemas.parquet import find_rows, write_rows
from somtom.schemas.plan_table import read_plan


@pytest.fixture
def dataset(small_dataset: Path) -> Path:
    (small_dataset / META / "config.toml").write_text('[[source]]\nkind = "video"\npath = "toys/"\n')
    return small_dataset


def keys_of(folder: Path) -> dict[str, list[str]]:
    keys: dict[str, list[str]] = {}
    for spec in read_plan(plan_path(folder)):
        for ref in spec.refs:
            keys.setdefault(ref.uri, []).append(ref.key)
    return keys


def test_a_kept_clip_is_explained_with_every_trace_against_epsilon(dataset: Path) -> None:
    text = "\n".join(explain_lines(dataset, keys_of(dataset)["a.mp4"][1]))

    assert "toys: a.mp4" in text and "0.200 to 0.400 s, 3 frames" in text
    assert "64 x 48, in the input 128 x 96" in text
    assert "kept      as a sample in shards/train-000000.tar" in text
    assert "camera    stood still" in text
    # epsilon: 2 for 512 pixels, 48 / 512 of that here, and the clip's step is 1.5 times the one asked for
    assert "epsilon   0.281 px a step" in text
    rows = [line.split() for line in text.splitlines() if line.split()[-1:] in (["moving"], ["static"])]
    assert [row[1:3] + row[5:6] + row[7:8] for row in rows] == [
        ["10.0", "12.0", "3.000", "moving"],
        ["30.0", "24.0", "0.000", "static"],
        ["50.0", "36.0", "0.000", "static"],
    ]
    assert rows[0][6] == "10.67x"


def test_the_first_characters_of_a_key_are_enough(dataset: Path) -> None:
    keys = [key for some in keys_of(dataset).values() for key in some]
    wanted = keys[0]
    short = next(wanted[:end] for end in range(1, 99) if sum(k.startswith(wanted[:end]) for k in keys) == 1)

    assert next(explain_lines(dataset, short)) == wanted


def test_a_clip_that_was_never_tracked_says_why(dataset: Path) -> None:
    text = "\n".join(explain_lines(dataset, keys_of(dataset)["b.mp4"][1]))

    assert "failed    crashed: the process died twice" in text and "drawn so" in text
    assert "epsilon" not in text


def test_a_filtered_clip_gives_its_reason_and_its_traces(dataset: Path) -> None:
    text = "\n".join(explain_lines(dataset, keys_of(dataset)["b.mp4"][0]))

    assert "filtered  too_few_points" in text and "epsilon" in text


def test_a_whole_input_gives_its_reject_or_its_clips(dataset: Path) -> None:
    rejected = "\n".join(explain_lines(dataset, "notes.txt"))
    used = "\n".join(explain_lines(dataset, "b.mp4"))

    assert "filtered  not_video" in rejected and "it is text" in rejected
    assert [line.split()[-1] for line in used.splitlines()[2:]] == ["too_few_points", "crashed"]


@pytest.mark.parametrize("key", ["video-", "nothing-like-it", ""])
def test_an_ambiguous_or_unknown_key_is_one_clear_line(dataset: Path, key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        list(explain_lines(dataset, key))

    assert "\n" not in str(caught.value) and (key in str(caught.value))


def test_a_clip_of_a_shard_that_is_not_built_yet_is_told_so(dataset: Path) -> None:
    manifest_path(dataset, "val-000000").unlink()

    with pytest.raises(OutputError, match="not built yet"):
        list(explain_lines(dataset, keys_of(dataset)["c.mp4"][0]))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(st.text("ab", max_size=3), max_size=9), prefix=st.text("ab", max_size=2))
def test_rows_found_by_prefix_are_those_a_full_read_would_keep(
    tmp_path: Path, names: list[str], prefix: str
) -> None:
    columns = {"at": "int", "name": "text"}
    rows = [{"at": at, "name": name} for at, name in enumerate(names)]
    write_rows(tmp_path / "t.parquet", columns, rows, rows_per_group=2)

    found = list(find_rows(tmp_path / "t.parquet", columns, "name", prefix))

    assert found == [row for row in rows if str(row["name"]).startswith(prefix)]
