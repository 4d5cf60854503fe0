"""Homographies: exact fits, robust weights, and what is refused."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from somtom.tracking.homography import apply_homographies, fit_homographies, is_plausible, points_suffice

WIDTH, HEIGHT = 320, 240


@settings(max_examples=40, deadline=None)
@given(
    linear=st.lists(st.floats(-0.2, 0.2), min_size=4, max_size=4),
    shift=st.lists(st.floats(-60, 60), min_size=2, max_size=2),
    seed=st.integers(0, 10_000),
)
def test_an_affine_motion_is_found_exactly(linear: list[float], shift: list[float], seed: int) -> None:
    truth = np.eye(3)
    truth[:2, :2] += np.array(linear).reshape(2, 2)
    truth[:2, 2] = shift
    source = np.random.default_rng(seed).uniform([0, 0], [WIDTH, HEIGHT], (40, 2))
    target = apply_homographies(truth, source)
    fitted = fit_homographies(source, target[None], np.ones((1, 40)), WIDTH, HEIGHT)[0]
    assert np.abs(apply_homographies(fitted, source) - target).max() < 1e-3


def test_perspective_is_found_when_the_points_show_it() -> None:
    truth = np.array([[1.05, 0.02, 5], [0.01, 0.97, -3], [2e-4, -1e-4, 1]])
    source = np.random.default_rng(0).uniform([0, 0], [WIDTH, HEIGHT], (200, 2))
    target = apply_homographies(truth, source)
    fitted = fit_homographies(source, target[None], np.ones((1, 200)), WIDTH, HEIGHT)[0]
    assert np.abs(apply_homographies(fitted, source) - target).max() < 1.0


def test_points_of_no_weight_do_not_count() -> None:
    source = np.random.default_rng(1).uniform([0, 0], [WIDTH, HEIGHT], (40, 2))
    target = source + 4.0
    target[:10] += 90.0
    weights = np.ones((1, 40))
    weights[0, :10] = 0
    fitted = fit_homographies(source, target[None], weights, WIDTH, HEIGHT)[0]
    assert np.allclose(apply_homographies(fitted, source[10:]), target[10:], atol=1e-3)


def test_few_points_and_points_on_a_line_do_not_suffice() -> None:
    line = np.stack([np.linspace(0, 300, 30), np.linspace(0, 200, 30)], axis=1)
    everywhere = np.random.default_rng(2).uniform(0, 200, (30, 2))
    assert not points_suffice(line, np.ones(30, bool), 240)
    assert not points_suffice(everywhere, np.arange(30) < 5, 240)
    assert points_suffice(everywhere, np.ones(30, bool), 240)


def test_a_folded_mirrored_crushed_or_torn_picture_is_refused() -> None:
    assert is_plausible(np.eye(3), WIDTH, HEIGHT)
    folded = np.array([[1, 0, 0], [0, 1, 0], [-0.005, 0, 1.0]])
    mirrored = np.diag([-1.0, 1.0, 1.0])
    crushed = np.diag([0.2, 0.2, 1.0])
    stretched = np.diag([1.8, 0.7, 1.0])
    gone = np.array([[1.0, 0, 900], [0, 1, 0], [0, 0, 1]])
    unknown = np.full((3, 3), np.nan)
    for matrix in (folded, mirrored, crushed, stretched, gone, unknown):
        assert not is_plausible(matrix, WIDTH, HEIGHT)
