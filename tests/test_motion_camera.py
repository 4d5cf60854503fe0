"""Which of the motions in a clip is taken for the camera's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from somtom.tracking.camera import Camera, agreement, border_votes, find_camera
from somtom.tracking.grid import grid_queries

WIDTH, HEIGHT, FRAMES, THRESHOLD = 400, 300, 17, 3.0
GRID = grid_queries(WIDTH, HEIGHT, 15)[:, 1:].astype(np.float64)


def shift(x_step: float, y_step: float = 0.0) -> NDArray[np.float64]:
    """Return how far (T, 1, 2) a plane has gone in each frame."""
    return np.arange(FRAMES)[:, None, None] * np.array([x_step, y_step])


def find(
    xy: NDArray[np.float64], evidence: NDArray[np.bool_] | None = None, may_be_still: bool = True
) -> Camera:
    seen = np.ones(xy.shape[:2], bool) if evidence is None else evidence
    return find_camera(xy, seen, WIDTH, HEIGHT, THRESHOLD, may_be_still, "video-1")


def box(half_width: float, half_height: float) -> NDArray[np.bool_]:
    """Say which grid points lie in a centred box, given in half pictures."""
    share = np.abs(GRID / [WIDTH, HEIGHT] * 2 - 1)
    return (share[:, 0] < half_width) & (share[:, 1] < half_height)


def test_votes_are_the_borders_of_the_points_not_of_the_picture() -> None:
    within = GRID[box(1.0, 0.6)]  # black bars above and below
    votes = border_votes(within)
    assert votes[np.argmin(within[:, 1])] == 1
    assert votes[np.abs(within - [WIDTH / 2, HEIGHT / 2]).sum(axis=1).argmin()] < 0.5


def test_agreement_is_1_on_the_motion_and_0_away_from_it() -> None:
    xy = GRID + shift(2.0)
    xy[:, 0] += 50
    motion = np.tile(np.eye(3), (FRAMES, 1, 1))
    motion[:, 0, 2] = shift(2.0)[:, 0, 0]
    agrees = agreement(motion, GRID, xy, np.ones((FRAMES, 225), bool), THRESHOLD)
    assert agrees[0] == 0
    assert agrees[1:] == pytest.approx(1.0)


def test_a_still_camera_is_an_answer_only_where_it_may_be() -> None:
    xy = GRID + shift(0.05)
    assert find(xy).is_still
    camera = find(xy, may_be_still=False)
    assert not camera.is_still
    assert camera.background_motion[-1, 0, 2] == pytest.approx(0.8, abs=0.02)


def test_background_that_the_object_covers_little_by_little_still_wins() -> None:
    large = box(0.78, 0.78)
    xy = np.where(large[:, None], GRID + shift(-3.0), GRID + shift(2.0))
    seen = np.ones((FRAMES, 225), bool)
    edge = GRID[large][:, 0].min() + shift(-3.0)[:, :, 0]  # what the object has reached on its left
    seen &= large | (xy[..., 0] < edge) | (GRID[:, 1] < 40) | (GRID[:, 1] > 260) | (GRID[:, 0] > 200)
    seen &= (xy[..., 0] >= 0) & (xy[..., 0] <= WIDTH - 1)
    camera = find(xy, seen)
    assert np.allclose(camera.background_motion[:, 0, 2], shift(2.0)[:, 0, 0], atol=0.1)
    assert not camera.background[large].any()


@settings(max_examples=20, deadline=None)
@given(angle=st.floats(0, 6.28), speed=st.floats(2, 6), seed=st.integers(0, 1000))
def test_neither_noise_nor_an_object_in_the_middle_moves_the_background(
    angle: float, speed: float, seed: int
) -> None:
    draw = np.random.default_rng(seed)
    middle = box(0.7, 0.7)
    xy = GRID + shift(speed * np.cos(angle), speed * np.sin(angle)) + draw.normal(0, 0.3, (FRAMES, 225, 2))
    xy[0] = GRID
    xy[:, middle] = GRID[middle] - shift(speed * np.cos(angle), speed * np.sin(angle))
    camera = find(xy)
    corners = np.array([[0, 0, 1], [WIDTH, 0, 1], [0, HEIGHT, 1], [WIDTH, HEIGHT, 1]])
    ended = corners @ camera.background_motion[-1].T
    moved = ended[:, :2] / ended[:, 2:] - corners[:, :2]
    assert np.abs(moved - shift(speed * np.cos(angle), speed * np.sin(angle))[-1]).max() < 1.5
