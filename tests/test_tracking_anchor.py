import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from somtom.tracking.anchor import correlate_anchors, cut_patches, fit_anchors, make_anchors

CENTRE = np.float32([[40, 40]])
EYE = np.eye(2, dtype=np.float32)[None]
ONE = np.zeros(1, np.intp)


def waves(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.asarray(128 + 40 * np.sin(x / 2.9 + y / 7.1) + 40 * np.cos(y / 3.3 - x / 9.7), np.float32)


def drawn(shift: tuple[float, float] = (0, 0), angle: float = 0.0, zoom: float = 1.0) -> NDArray[np.float32]:
    """The waves, turned and scaled about the centre, then shifted."""
    y, x = np.mgrid[:81, :81].astype(np.float64)
    u, v = x - 40 - shift[0], y - 40 - shift[1]
    cos, sin = np.cos(angle) / zoom, np.sin(angle) / zoom
    return waves(40 + cos * u + sin * v, 40 - sin * u + cos * v)


@settings(deadline=None)
@given(st.floats(-1.5, 1.5), st.floats(-1.5, 1.5))
def test_a_shift_of_a_fraction_of_a_pixel_is_found(dx: float, dy: float) -> None:
    anchors = make_anchors(*cut_patches(drawn(), CENTRE))

    found, alike = fit_anchors(anchors, ONE, drawn((dx, dy)), CENTRE, EYE)

    assert np.abs(found[0] - CENTRE[0] - [dx, dy]).max() < 0.1
    assert alike[0] > 0.98


def test_a_turned_patch_is_only_alike_under_its_warp() -> None:
    anchors = make_anchors(*cut_patches(drawn(), CENTRE))
    angle, zoom = 0.7, 1.3
    warp = zoom * np.float32([[[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]])
    turned = drawn((1.0, -0.5), angle, zoom)

    found, alike = fit_anchors(anchors, ONE, turned, CENTRE, warp)

    assert np.abs(found[0] - [41.0, 39.5]).max() < 0.1
    assert alike[0] > 0.97
    assert correlate_anchors(anchors, ONE, turned, found, EYE)[0] < 0.8


def test_brightness_and_contrast_make_no_difference() -> None:
    anchors = make_anchors(*cut_patches(drawn(), CENTRE))

    _, alike = fit_anchors(anchors, ONE, 20 + 0.4 * drawn(), CENTRE, EYE)

    assert alike[0] == pytest.approx(1.0, abs=1e-3)


def test_a_flat_patch_stays_where_it_is_expected_and_is_not_certain() -> None:
    noise = np.random.Generator(np.random.PCG64(1)).normal(100, 0.3, (2, 81, 81)).astype(np.float32)
    flat = make_anchors(*cut_patches(noise[0], CENTRE))
    edged = make_anchors(*cut_patches(drawn(), CENTRE))

    found, _ = fit_anchors(flat, ONE, noise[1], CENTRE, EYE)

    assert np.abs(found - CENTRE).max() < 0.3
    assert flat.certainty[0] < 0.1 < 0.9 < edged.certainty[0]
    assert flat.contrast[0] < 1 < edged.contrast[0]


def test_a_straight_edge_is_not_certain() -> None:
    y, x = np.mgrid[:81, :81]
    edge = np.where(x + 0 * y < 40, 50, 200).astype(np.float32)

    assert make_anchors(*cut_patches(edge, CENTRE)).certainty[0] < 0.01
