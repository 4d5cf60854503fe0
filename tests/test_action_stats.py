import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from somtom.schemas.action_stats import (
    ACTION_STATS,
    ActionStats,
    bins_of,
    ranges_of,
    read_action_stats,
    values_of,
    write_action_stats,
)
from somtom.schemas.reasons import DataError
from somtom.schemas.sketch import ActionSketch

UNIT = ActionStats(
    names=("dx", "gripper"),
    count=100,
    q01=(-1.0, 0.0),
    q99=(1.0, 0.0),
    min=(-2.0, 0.0),
    max=(2.0, 1.0),
    mean=(0.0, 0.001),
    std=(0.5, 0.03),
    origin="published",
)

numbers = st.floats(-1e100, 1e100)


def stats_of(low: float, high: float) -> ActionStats:
    one = (0.0,)
    return ActionStats(("dx",), 1, (low,), (high,), (low,), (high,), one, one, "measured")


def test_the_range_is_cut_into_256_equal_bins() -> None:
    values = [[-1.0, 0], [-0.9922, 0], [-0.9921, 0], [0.0, 0], [0.9921, 0], [0.9922, 0], [1.0, 0]]
    bins, clipped = bins_of(values, UNIT)
    assert bins[:, 0].tolist() == [0, 0, 1, 128, 254, 255, 255]
    assert not clipped.any()


def test_what_lies_outside_is_clipped_and_said() -> None:
    bins, clipped = bins_of([[-7.0, 0.0], [1.0000001, 0.0]], UNIT)
    assert bins[:, 0].tolist() == [0, 255]
    assert clipped.tolist() == [[True, False], [True, False]]


def test_a_dimension_without_a_range_lies_in_one_middle_bin() -> None:
    bins, clipped = bins_of([[0.0, 0.0], [0.0, 1.0], [0.0, -1.0]], UNIT)
    assert bins[:, 1].tolist() == [128, 128, 128]
    assert clipped[:, 1].tolist() == [False, True, True]
    assert values_of(bins, UNIT)[:, 1].tolist() == [0.0, 0.0, 0.0]


def test_a_jump_without_a_range_is_measured_by_the_extremes() -> None:
    assert ranges_of(UNIT).tolist() == [2.0, 1.0]
    assert ranges_of(replace(UNIT, max=(2.0, 0.0))).tolist() == [2.0, 1.0]
    assert ranges_of(replace(UNIT, min=(-2.0, -3.0))).tolist() == [2.0, 4.0]


@given(low=numbers, high=numbers, values=st.lists(numbers, min_size=1, max_size=20))
def test_the_centre_of_a_bin_is_at_most_half_a_bin_away(low: float, high: float, values: list[float]) -> None:
    low, high = min(low, high), max(low, high)
    inside = np.clip(np.array(values), low, high)[:, None]
    stats = stats_of(low, high)
    bins, clipped = bins_of(inside, stats)
    assert ((bins >= 0) & (bins <= 255)).all() and not clipped.any()
    rounding = 1e-14 * max(abs(low), abs(high))
    assert (np.abs(values_of(bins, stats) - inside) <= (high - low) / 512 + rounding).all()


@given(low=numbers, high=numbers, bins=st.lists(st.integers(0, 255), min_size=1))
def test_the_centre_of_a_bin_lies_in_that_bin(low: float, high: float, bins: list[int]) -> None:
    low, high = min(low, high), max(low, high)
    if high - low <= 1e-10 * max(abs(low), abs(high)):
        return
    stats = stats_of(low, high)
    column = np.array(bins)[:, None]
    assert np.array_equal(bins_of(values_of(column, stats), stats)[0], column)


@given(values=st.lists(numbers, min_size=2, max_size=30))
def test_bins_rise_with_the_values(values: list[float]) -> None:
    bins, _ = bins_of(np.sort(values)[:, None], stats_of(-3.0, 5.0))
    assert (np.diff(bins[:, 0]) >= 0).all()


def test_actions_of_another_width_are_refused() -> None:
    with pytest.raises(ValueError, match=r"actions must be \(C, 2\)"):
        bins_of([[1.0, 2.0, 3.0]], UNIT)
    with pytest.raises(ValueError, match=r"actions must be \(C, 2\)"):
        bins_of([1.0, 2.0], UNIT)


def test_a_sketch_gives_measured_statistics() -> None:
    sketch = ActionSketch(2)
    sketch.add([[0.0, 5.0], [1.0, 5.0], [np.nan, 0.0], [2.0, 5.0]])
    stats = ActionStats.of_sketch(("dx", "dy"), sketch)
    assert (stats.count, stats.not_finite, stats.origin) == (3, 1, "measured")
    assert stats.q01 == pytest.approx((0.02, 5.0)) and stats.q99 == pytest.approx((1.98, 5.0))
    assert (stats.min, stats.max, stats.mean) == ((0.0, 5.0), (2.0, 5.0), (1.0, 5.0))
    assert stats.std == pytest.approx((np.sqrt(2 / 3), 0.0))


def test_a_sketch_without_a_finite_action_gives_zeros() -> None:
    sketch = ActionSketch(1)
    sketch.add([[np.nan]])
    stats = ActionStats.of_sketch(("dx",), sketch)
    assert (stats.count, stats.not_finite, stats.q01, stats.q99) == (0, 1, (0.0,), (0.0,))


def test_statistics_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    other = replace(UNIT, names=("机械手", "γ"), count=-1, origin="measured", not_finite=3, q01=(-0.1, 0.0))
    stats = {"toys": UNIT, "kitchen": other}
    write_action_stats(tmp_path, stats)
    assert read_action_stats(tmp_path) == stats
    assert list(json.loads((tmp_path / "meta" / ACTION_STATS).read_bytes())) == ["kitchen", "toys"]


def test_a_data_set_without_the_file_has_no_statistics(tmp_path: Path) -> None:
    assert read_action_stats(tmp_path) == {}


GOOD = {
    "names": ["dx"],
    "count": 3,
    "q01": [0.0],
    "q99": [1.0],
    "min": [0.0],
    "max": [1.0],
    "mean": [0.5],
    "std": [0.1],
    "origin": "measured",
    "not_finite": 0,
}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"toys": 5}',
        '{"toys": {}}',
        "[" * 100_000,
        json.dumps({"toys": GOOD | {"q01": [0.0, 1.0]}}),
        json.dumps({"toys": GOOD | {"q01": [2.0]}}),
        json.dumps({"toys": GOOD | {"q01": [float("nan")]}}),
        json.dumps({"toys": GOOD | {"q01": [-1e308], "q99": [1e308]}}),
        json.dumps({"toys": GOOD | {"std": [10**400]}}),
        json.dumps({"toys": GOOD | {"std": ["a"]}}),
        json.dumps({"toys": GOOD | {"names": []}}),
        json.dumps({"toys": GOOD | {"names": "d"}}),
        json.dumps({"toys": GOOD | {"count": 1.5}}),
        json.dumps({"toys": GOOD | {"count": -2}}),
        json.dumps({"toys": GOOD | {"origin": "dreamt"}}),
        json.dumps({"toys": GOOD | {"colour": "red"}}),
        json.dumps({"toys": GOOD}) * 2,
    ],
)
def test_damaged_statistics_are_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / ACTION_STATS).write_text(text)
    with pytest.raises(DataError) as caught:
        read_action_stats(tmp_path)
    assert caught.value.reason == "unreadable"
    assert caught.value.message.startswith("meta/action_stats.json is damaged: ")


@pytest.fixture(scope="module")
def gr1_actions(test_data: Path) -> tuple[np.ndarray, dict[str, list[float]], ActionSketch]:
    """All actions of a real data set, its published statistics, and a sketch merged episode by episode."""
    folder = test_data / "robot" / "lerobot_v20_gr1_sim"
    sketch = ActionSketch(44)
    episodes = []
    for path in sorted(folder.glob("data/chunk-000/*.parquet"), reverse=True):
        column = pyarrow.parquet.read_table(path, columns=["action"])["action"]
        episodes.append(np.array(column.to_pylist(), np.float64))
        part = ActionSketch(44)
        part.add(episodes[-1])
        sketch.merge(ActionSketch.from_json(part.to_json()))
    published = json.loads((folder / "meta" / "stats.json").read_bytes())["action"]
    return np.concatenate(episodes), published, sketch


def test_real_actions_are_summed_up_within_the_stated_error(
    gr1_actions: tuple[np.ndarray, dict[str, list[float]], ActionSketch],
) -> None:
    actions, _, sketch = gr1_actions
    stats = ActionStats.of_sketch(tuple(f"motor_{i}" for i in range(44)), sketch)
    assert stats.count == len(actions) == 2096
    ranked = np.abs(np.sort(actions, axis=0))
    for share, found in ((0.01, stats.q01), (0.99, stats.q99)):
        below = int(share * (len(actions) - 1))
        bound = sketch.errors * ranked[below : below + 2].max(axis=0)
        assert (np.abs(found - np.quantile(actions, share, axis=0)) <= bound + 1e-15).all()
    assert np.array_equal(stats.min, actions.min(axis=0)) and np.array_equal(stats.max, actions.max(axis=0))
    np.testing.assert_allclose(stats.mean, actions.mean(axis=0), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(stats.std, actions.std(axis=0), rtol=1e-9, atol=1e-15)


def test_real_published_statistics_are_those_measured(
    gr1_actions: tuple[np.ndarray, dict[str, list[float]], ActionSketch],
) -> None:
    _, published, sketch = gr1_actions
    stats = ActionStats.of_sketch(tuple(f"motor_{i}" for i in range(44)), sketch)
    # They were published in float32, and the means summed up in it.
    for name, tolerance in (("q01", 1e-6), ("q99", 1e-6), ("min", 1e-6), ("max", 1e-6), ("mean", 1e-5)):
        np.testing.assert_allclose(getattr(stats, name), published[name], rtol=0, atol=tolerance)
    np.testing.assert_allclose(stats.std, published["std"], rtol=0, atol=1e-5)


def test_real_actions_come_back_within_half_a_bin(
    gr1_actions: tuple[np.ndarray, dict[str, list[float]], ActionSketch],
) -> None:
    actions, _, sketch = gr1_actions
    stats = ActionStats.of_sketch(tuple(f"motor_{i}" for i in range(44)), sketch)
    bins, clipped = bins_of(actions, stats)
    off = np.abs(values_of(bins, stats) - actions)
    half = np.broadcast_to((np.array(stats.q99) - stats.q01) / 512, off.shape)
    assert (off[~clipped] <= half[~clipped] + 1e-12).all()
    assert 0.0 < clipped.mean() < 0.021
