import json
import math
from collections.abc import Sequence
from fractions import Fraction
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from somtom.schemas import sketch as sketch_file
from somtom.schemas.reasons import DataError
from somtom.schemas.sketch import RELATIVE_ERROR, ActionSketch

Rows = NDArray[np.float64]

# Ten thousands of different values a dimension, so that bins must be shared.
LARGE: dict[str, Rows] = {
    "normal": np.random.default_rng(0).normal(0, 0.02, (40_000, 2)),
    "offset": np.random.default_rng(1).normal(1.67, 0.01, (40_000, 2)),
    "wide": np.exp(np.random.default_rng(2).uniform(-40, 40, (40_000, 2))),
    "both signs": np.random.default_rng(3).standard_cauchy((40_000, 2)),
}


def sketch_of(*parts: Rows) -> ActionSketch:
    sketch = ActionSketch(parts[0].shape[1])
    for part in parts:
        sketch.add(part)
    return sketch


def merged(parts: Sequence[Rows]) -> ActionSketch:
    sketch = ActionSketch(parts[0].shape[1])
    for part in parts:
        sketch.merge(sketch_of(part))
    return sketch


@given(
    rows=st.lists(st.tuples(st.floats(), st.floats(allow_nan=False, allow_infinity=False)), max_size=60),
    cuts=st.lists(st.integers(0, 60), max_size=6),
    random=st.randoms(use_true_random=False),
)
def test_any_order_and_partition_of_any_rows_gives_the_same_bytes(
    rows: list[tuple[float, float]], cuts: list[int], random: Random
) -> None:
    values = np.array(rows, np.float64).reshape(-1, 2)
    order = list(range(len(rows)))
    random.shuffle(order)
    parts = np.split(values[order], sorted(min(cut, len(rows)) for cut in cuts))
    random.shuffle(parts)
    assert merged(parts).to_json() == sketch_of(*parts).to_json() == sketch_of(values).to_json()


@pytest.mark.parametrize("name", LARGE)
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), parts=st.integers(1, 40))
def test_any_order_and_partition_of_many_rows_gives_the_same_bytes(name: str, seed: int, parts: int) -> None:
    random = np.random.default_rng(seed)
    rows = LARGE[name]
    cuts = np.sort(random.integers(0, len(rows) + 1, parts))
    pieces = np.split(rows[random.permutation(len(rows))], cuts)
    assert merged(pieces).to_json() == sketch_of(rows).to_json()


@pytest.mark.parametrize("name", LARGE)
def test_quantiles_of_many_rows_are_within_the_stated_error(name: str) -> None:
    rows = LARGE[name]
    sketch = sketch_of(rows)
    ranked = np.sort(rows, axis=0)
    assert (sketch.errors > 0).all() and (sketch.errors <= RELATIVE_ERROR).all()
    for share in np.linspace(0, 1, 101):
        below = int(share * (len(rows) - 1))
        neighbours = np.abs(ranked[below : below + 2]).max(axis=0)
        off = np.abs(sketch.quantile(share) - np.quantile(rows, share, axis=0))
        assert (off <= sketch.errors * neighbours * (1 + 1e-9)).all()


def test_an_offset_costs_no_precision() -> None:
    # Joints move little around an angle: an error relative to the angle would be large beside the movement.
    assert (sketch_of(LARGE["offset"]).errors * 1.7 < 0.001 * 0.01).all()


@given(
    values=st.lists(st.floats(-1e12, 1e12).filter(lambda x: x == 0 or abs(x) > 1e-18), min_size=1),
    share=st.floats(0, 1),
)
def test_quantiles_of_few_values_are_those_of_numpy(values: list[float], share: float) -> None:
    rows = np.array(values)[:, None]
    sketch = sketch_of(rows)
    assert sketch.errors.tolist() == [0.0]
    wanted = np.quantile(rows, share, axis=0)
    np.testing.assert_allclose(sketch.quantile(share), wanted, rtol=1e-12, atol=1e-15 * np.abs(rows).max())


@given(values=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=40))
def test_extremes_mean_and_deviation_are_exact(values: list[float]) -> None:
    sketch = sketch_of(np.array(values)[:, None])
    assert (sketch.minimum[0], sketch.maximum[0]) == (min(values), max(values))
    exact = [Fraction(value) for value in values]
    mean = sum(exact) / len(exact)
    assert sketch.mean[0] == float(mean)
    variance = sum((value - mean) ** 2 for value in exact) / len(exact)
    wanted = Fraction(float(sketch.std[0])) ** 2
    assert wanted == variance or abs(wanted - variance) <= variance / 10**12 or sketch.std[0] < 1e-300


@pytest.mark.parametrize("name", LARGE)
def test_mean_and_deviation_of_many_rows_are_right(name: str) -> None:
    rows = LARGE[name]
    sketch = sketch_of(rows)
    for column, mean, std in zip(rows.T, sketch.mean, sketch.std, strict=True):
        assert mean == pytest.approx(math.fsum(column) / len(column), rel=1e-12)
        assert std == pytest.approx(math.sqrt(math.fsum((column - mean) ** 2) / len(column)), rel=1e-12)


def test_rows_that_are_not_finite_are_only_counted() -> None:
    sketch = sketch_of(np.array([[1.0, 2.0], [np.nan, 0.0], [3.0, -np.inf], [5.0, 4.0]]))
    assert (sketch.rows, sketch.bad_rows) == (2, 2)
    assert sketch.minimum.tolist() == [1.0, 2.0]


def test_bins_stay_bounded_whatever_comes() -> None:
    random = np.random.default_rng(4)
    sketch = ActionSketch(1)
    for _ in range(20):
        bits = random.integers(0, 0x7FF << 52, 20_000)
        sketch.add((bits.view(np.float64) * random.choice([-1.0, 1.0], 20_000))[:, None])
    bins = json.loads(sketch.to_json())["columns"][0]["counts"]
    assert len(bins) <= 65_539
    assert sketch.errors[0] == RELATIVE_ERROR


def test_zero_is_zero_whatever_its_sign() -> None:
    assert sketch_of(np.array([[0.0], [-0.0]])).to_json() == sketch_of(np.array([[-0.0], [0.0]])).to_json()


def test_the_smallest_and_largest_numbers_are_held_by_the_extremes() -> None:
    sketch = sketch_of(np.array([[5e-324], [1.7e308], [-1.7e308]]))
    assert (sketch.quantile(0)[0], sketch.quantile(1)[0]) == (-(2.0**64), 2.0**64)
    assert (sketch.minimum[0], sketch.maximum[0]) == (-1.7e308, 1.7e308)
    assert sketch_of(np.array([[5e-324]])).quantile(0.5)[0] == 5e-324


@given(rows=st.lists(st.tuples(st.floats(), st.floats()), max_size=30))
def test_a_sketch_is_read_back_as_it_was_written(rows: list[tuple[float, float]]) -> None:
    sketch = sketch_of(np.array(rows, np.float64).reshape(-1, 2))
    again = ActionSketch.from_json(sketch.to_json())
    assert again.to_json() == sketch.to_json()
    again.merge(sketch)
    assert again.rows == 2 * sketch.rows


def test_rows_of_another_width_are_refused() -> None:
    with pytest.raises(ValueError, match=r"rows must be \(n, 2\), got \(3, 1\)"):
        ActionSketch(2).add(np.zeros((3, 1)))
    with pytest.raises(ValueError, match="cannot merge"):
        ActionSketch(2).merge(ActionSketch(3))


GOOD = sketch_of(np.array([[1.0], [2.0], [4.0]])).to_json()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"rows":0,"bad_rows":0,"columns":[]}',
        "[" * 100_000,
        GOOD.replace('"rows":3', '"rows":4'),
        GOOD.replace('"rows":3', '"rows":-3'),
        GOOD.replace('"rows":3', '"rows":3.0'),
        GOOD.replace('"shift":0', '"shift":50'),
        GOOD.replace('"counts":[1,1,1]', '"counts":[1,2]'),
        GOOD.replace('"counts":[1,1,1]', '"counts":[1,1,9223372036854775808]'),
        GOOD.replace('"extremes":[1.0,4.0]', '"extremes":[4.0,1.0]'),
        GOOD.replace('"extremes":[1.0,4.0]', '"extremes":[NaN,4.0]'),
        GOOD.replace('"squares":"', '"squares":"-'),
        GOOD.replace('"total":"', '"total":"x'),
    ],
)
def test_a_damaged_sketch_is_refused(text: str) -> None:
    assert text != GOOD
    with pytest.raises(DataError) as caught:
        ActionSketch.from_json(text)
    assert caught.value.reason == "unreadable"


def test_rows_are_taken_in_block_by_block() -> None:
    rows = LARGE["normal"]
    assert len(rows) > 2 * sketch_file._BLOCK_ROWS
    assert sketch_of(*np.split(rows, 8)).to_json() == sketch_of(rows).to_json()


def test_the_share_outside_of_a_range_is_counted() -> None:
    sketch = ActionSketch(2)
    sketch.add(np.stack([np.arange(100.0), np.zeros(100)], axis=1))

    assert sketch.share_outside([10.0, 0.0], [89.0, 0.0]).tolist() == [0.2, 0.0]
    assert sketch.share_outside(-np.ones(2), -np.ones(2)).tolist() == [1.0, 1.0]
