"""Velocities told from history pictures: drawn things whose motion is known."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from somtom.trainer.velocity import background_motion, past_velocity

Picture = NDArray[np.uint8]


def texture(seed: int, height: int, width: int) -> Picture:
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    smooth = cv2.GaussianBlur(noise, (0, 0), 3)
    spread: Picture = cv2.normalize(smooth, np.empty_like(smooth), 0, 255, cv2.NORM_MINMAX)
    return spread


def film(speed: int, pan: int) -> list[Picture]:
    """Three pictures of 200 x 160: a thing moves `speed` px a picture to the right, the camera pans `pan`."""
    scene, thing = texture(0, 160, 260), texture(1, 36, 36)
    pictures = []
    for step in range(3):
        picture = scene[:, pan * step : pan * step + 200].copy()
        picture[60:96, 40 + speed * step : 76 + speed * step] = thing
        pictures.append(picture)
    return pictures


@pytest.mark.parametrize("pan", [0, 4])
@pytest.mark.parametrize("speed", [0, 3, 14])
def test_velocity_is_relative_to_the_background(speed: int, pan: int) -> None:
    pictures = film(speed, pan)
    points = np.array([[57.0 + 2 * speed, 77], [170, 30]])
    found = past_velocity(pictures[2], pictures[:2], [-0.2, -0.1], points)
    # The scene moves `pan` px to the left a picture, a tenth of a second.
    assert found == pytest.approx(np.array([[10.0 * (speed + pan), 0], [0, 0]]), abs=2.5)


def test_one_earlier_picture_is_enough() -> None:
    pictures = film(5, 0)
    found = past_velocity(pictures[1], pictures[:1], [-0.5], np.array([[62.0, 77]]))
    assert found == pytest.approx(np.array([[10.0, 0]]), abs=0.5)


def test_nothing_is_told_of_an_even_surface() -> None:
    even = np.full((80, 100, 3), 90, np.uint8)
    found = past_velocity(even, [even, even], [-0.2, -0.1], np.array([[50.0, 40], [0, 0]]))
    assert np.abs(found).max() < 1e-6


def test_unrelated_pictures_have_no_common_background() -> None:
    assert (background_motion(texture(2, 120, 160), texture(3, 120, 160)) == np.eye(3)).all()


def test_the_same_pictures_give_the_same_velocity() -> None:
    pictures, points = film(4, 3), np.array([[65.0, 77], [-3, 200]])
    first, second = (past_velocity(pictures[2], pictures[:2], [-0.2, -0.1], points) for _ in range(2))
    assert (first == second).all() and np.isfinite(first).all()
