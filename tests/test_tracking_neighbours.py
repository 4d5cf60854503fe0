import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from somtom.tracking.grid import grid_queries
from somtom.tracking.neighbours import Neighbours


@given(st.floats(-3, 3), st.floats(0.6, 1.6), st.floats(-50, 50), st.floats(-50, 50))
def test_companions_put_a_point_where_a_similarity_takes_it(
    angle: float, zoom: float, dx: float, dy: float
) -> None:
    queries = grid_queries(700, 500, 7)
    turn = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    xy = (queries[:, 1:] @ turn.T + [dx, dy]).astype(np.float32)
    held = np.ones(49, bool)
    held[24] = False
    xy[24] = -999.0  # not known

    predicted = Neighbours(queries[:, 1:]).predict(xy, held)

    # The stiffness holds turning and scaling back a little; at the middle of the neighbours it cancels.
    assert np.abs(predicted.xy[24] - (queries[24, 1:] @ turn.T + [dx, dy])).max() < 0.5
    assert np.abs(predicted.warp[24] - turn).max() < 0.15
    assert predicted.supported[24]


def test_a_point_goes_with_those_it_moved_with_not_with_those_beside_it() -> None:
    # Every other row moves 3 px a frame to the right. The middle point is of such a row, then it is hidden.
    queries = grid_queries(140, 140, 7)
    step = np.where((np.arange(49) // 7 % 2 == 1)[:, None], [3, 0], [0, 0]).astype(np.float32)
    neighbours = Neighbours(queries[:, 1:])
    for _ in range(3):
        neighbours.learn(step, np.ones(49, bool))
    held = np.ones(49, bool)
    held[24] = False

    predicted = neighbours.predict(queries[:, 1:] + 10 * step, held)

    assert np.abs(predicted.xy[24] - queries[24, 1:] - [30, 0]).max() < 1.0


def test_a_lone_point_has_no_support() -> None:
    neighbours = Neighbours(np.float32([[5, 5]]))

    predicted = neighbours.predict(np.float32([[6, 6]]), np.array([True]))

    assert not predicted.supported[0]
    assert np.isfinite(predicted.xy).all()
    assert np.allclose(predicted.warp[0], np.eye(2))
