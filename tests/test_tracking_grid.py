import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from somtom.tracking.grid import grid_queries


@given(st.integers(1, 2000), st.integers(1, 2000), st.integers(0, 30))
def test_grid_points_lie_inside_with_half_a_cell_to_the_border(width: int, height: int, size: int) -> None:
    queries = grid_queries(width, height, size)

    assert queries.shape == (size * size, 3)
    assert queries.dtype == np.float32
    assert not queries[:, 0].any()
    if size:
        for values, side in ((queries[:, 1], width), (queries[:, 2], height)):
            assert np.isclose(values.min() + 0.5, side / size / 2, rtol=1e-3, atol=1e-3)
            assert np.isclose(side - (values.max() + 0.5), side / size / 2, rtol=1e-3, atol=1e-3)


def test_grid_goes_row_by_row() -> None:
    queries = grid_queries(300, 200, 3)

    assert queries[:3, 1].tolist() == [49.5, 149.5, 249.5]
    assert len(set(queries[:3, 2].tolist())) == 1
