"""What a picture looks like in 64 bits."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from somtom.schemas.picture_hash import picture_hash
from somtom.schemas.pictures import decode_jpeg, encode_jpeg

Picture = NDArray[np.uint8]
NEAR = 3


def scene(seed: int) -> Picture:
    """Discs, boxes and lines on a shaded ground."""
    random, width, height = np.random.default_rng(seed), 320, 240
    down, across = np.mgrid[:height, :width]
    ramp = (across * random.uniform(-0.3, 0.3) + down * random.uniform(-0.3, 0.3))[..., None]
    picture = np.clip(random.integers(60, 200, 3) + ramp, 0, 255).astype(np.uint8)
    for _ in range(12):
        x, y = int(random.integers(0, width)), int(random.integers(0, height))
        colour = tuple(random.integers(0, 256, 3).tolist())
        if random.random() < 0.5:
            cv2.circle(picture, (x, y), int(random.integers(8, 60)), colour, -1)
        else:
            w, h = random.integers(10, 110, 2).tolist()
            cv2.rectangle(picture, (x, y), (x + w, y + h), colour, -1)
    return picture


def apart(first: Picture, second: Picture) -> int:
    return (int(picture_hash(first), 16) ^ int(picture_hash(second), 16)).bit_count()


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("quality", [30, 60, 90])
def test_compressing_again_changes_a_hash_little(seed: int, quality: int) -> None:
    picture = scene(seed)
    assert apart(picture, decode_jpeg(encode_jpeg(picture, quality))) <= NEAR


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("factor", [0.25, 0.5, 0.77, 2.0])
def test_scaling_changes_a_hash_little(seed: int, factor: float) -> None:
    picture = scene(seed)
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    scaled = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=way)
    assert apart(picture, scaled.astype(np.uint8)) <= NEAR


def test_other_pictures_have_other_hashes() -> None:
    hashes = [int(picture_hash(scene(seed)), 16) for seed in range(60)]
    gaps = [(a ^ b).bit_count() for i, a in enumerate(hashes) for b in hashes[:i]]
    assert min(gaps) > 2 * NEAR


def test_a_brighter_picture_keeps_its_hash() -> None:
    picture = scene(3)
    assert apart(picture, (picture * 0.7 + 20).astype(np.uint8)) <= NEAR


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_a_flat_picture_has_no_hash(shade: int) -> None:
    flat = np.full((64, 64, 3), shade, np.uint8)
    assert picture_hash(flat) == picture_hash(decode_jpeg(encode_jpeg(flat, 50))) == ""


def test_a_hash_is_sixteen_hex_digits_with_as_many_ones_as_zeros() -> None:
    for seed in range(10):
        text = picture_hash(scene(seed))
        assert len(text) == 16
        assert int(text, 16).bit_count() == 32
