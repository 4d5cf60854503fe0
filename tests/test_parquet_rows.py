from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from somtom.schemas.reasons import DataError
from somtom.sources.parquet_rows import MAX_STEPS, EpisodeRows, as_matrix, open_parquet, reading_faults


def write(path: Path, columns: dict[str, Any], **options: Any) -> str:
    pq.write_table(pa.table(columns), path, **options)
    return str(path)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 4) | st.none(), min_size=1, max_size=60),
    st.integers(1, 30),
    st.integers(0, 4),
    st.none() | st.tuples(st.integers(0, 80), st.integers(0, 80)),
    st.data(),
)
def test_the_rows_of_an_episode_are_those_with_its_number(
    tmp_path_factory: pytest.TempPathFactory,
    episodes: list[int | None],
    group: int,
    episode: int,
    lie: tuple[int, int] | None,
    data: st.DataObject,
) -> None:
    columns = {
        "x": [[float(row), 0.5] for row in range(len(episodes))],
        "name": [str(row) for row in range(len(episodes))],
        "episode_index": pa.array(episodes, pa.int64()),
        "index": [row + 7 for row in range(len(episodes))],
    }
    name = write(
        tmp_path_factory.mktemp("rows") / "a.parquet",
        columns,
        row_group_size=group,
    )
    expected = [row for row, number in enumerate(episodes) if number == episode]

    with open_parquet(name) as file:
        if not expected:
            with pytest.raises(DataError, match="no row"):
                EpisodeRows(file, episode, lie)
            return
        if lie is not None:  # whatever is said of its place, only its own rows are found
            rows = EpisodeRows(file, episode, lie)
            claimed = list(range(lie[0] - 7, lie[1] - 7))
            places = as_matrix(rows.read(file, ["x"])["x"], "x", "bad_action")[:, 0].tolist()
            assert places in (expected, claimed)
            assert set(places) <= set(expected)
        rows = EpisodeRows(file, episode)
        found = rows.read(file, ["x", "absent", "x"])
        steps = sorted(data.draw(st.sets(st.sampled_from(range(len(expected))))))
        names = list(rows.values(file, "name", steps))

    assert list(found) == ["x"]
    assert as_matrix(found["x"], "x", "bad_action").tolist() == [[float(row), 0.5] for row in expected]
    assert names == [str(expected[step]) for step in steps]


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (pa.array([1, 2], pa.uint8()), [[1.0], [2.0]]),
        (pa.array([True, False]), [[1.0], [0.0]]),
        (pa.array([1.5, -2], pa.float16()), [[1.5], [-2.0]]),
        (pa.array([[1, 2], [3, 4]], pa.list_(pa.int64(), 2)), [[1.0, 2.0], [3.0, 4.0]]),
        (pa.array([[[1, 2], [3, 4]]], pa.large_list(pa.list_(pa.float32()))), [[1.0, 2.0, 3.0, 4.0]]),
        (pa.array([2**62 + 1], pa.int64()), [[float(2**62)]]),
    ],
)
def test_numbers_of_any_type_make_a_matrix(array: Any, expected: list[list[float]]) -> None:
    matrix = as_matrix(pa.chunked_array([array]), "x", "bad_action")

    assert matrix.dtype == np.float64
    assert matrix.tolist() == expected


def test_nulls_are_not_a_number() -> None:
    for array in (pa.array([1, None], pa.int32()), pa.array([True, None]), pa.array([[1.0], [None]])):
        matrix = as_matrix(pa.chunked_array([array[:1], array[1:]]), "x", "bad_action")
        assert np.isnan(matrix).ravel().tolist() == [False, True]


def test_more_steps_than_an_episode_can_have_are_refused_before_they_are_read(tmp_path: Path) -> None:
    numbers = np.zeros(MAX_STEPS + 1, np.int8)
    name = write(tmp_path / "a.parquet", {"episode_index": numbers.astype(np.int64), "x": numbers})

    with open_parquet(name) as file:
        for episode in (None, 0):
            with pytest.raises(DataError, match=f"more than {MAX_STEPS}"):
                EpisodeRows(file, episode)


def test_what_a_store_raises_is_passed_on_and_what_pyarrow_raises_becomes_a_reject() -> None:
    for store in (PermissionError(13, "no"), TimeoutError("late"), ConnectionResetError("gone")):
        with pytest.raises(type(store)), reading_faults("a"):
            raise store
    for damage in (OSError("Unexpected end of stream\x0f"), pa.ArrowInvalid("bad")):
        with pytest.raises(DataError) as caught, reading_faults("a"):
            raise damage
        assert caught.value.reason == "unreadable"
        assert caught.value.message.isprintable()
