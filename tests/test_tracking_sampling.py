import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from somtom.tracking.sampling import patch_offsets, place_patches, sample


@given(st.floats(2, 12), st.floats(2, 8))
def test_a_ramp_is_read_exactly_between_its_pixels(x: float, y: float) -> None:
    rows, columns = np.mgrid[:12, :16].astype(np.float32)
    ramp = 3 * columns + 5 * rows

    read = sample(ramp, np.float32([[[x, y], [x + 1, y]]]))

    # OpenCV places samples on a grid of 1/32 of a pixel.
    assert np.allclose(read, [[3 * x + 5 * y, 3 * x + 3 + 5 * y]], atol=8 / 32)


def test_outside_the_picture_its_border_goes_on() -> None:
    picture = np.float32([[1, 2], [3, 4]])

    assert sample(picture, np.float32([[[-9, -9], [50, 0], [0, 70]]])).tolist() == [[1.0, 2.0, 3.0]]


def test_more_patches_than_opencv_takes_at_once_are_read() -> None:
    positions = np.zeros((40_000, 1, 2), np.float32)
    positions[:, 0, 0] = np.arange(40_000) % 4

    read = sample(np.arange(4, dtype=np.float32)[None], positions)

    assert np.array_equal(read[:, 0], np.arange(40_000) % 4)


def test_colours_are_read_channel_by_channel_and_nothing_gives_nothing() -> None:
    picture = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)

    assert sample(picture, np.float32([[[1, 0]]])).tolist() == [[[3, 4, 5]]]
    assert sample(picture, np.zeros((0, 9, 2), np.float32)).shape == (0, 9, 3)


def test_a_quarter_turn_puts_what_was_right_below() -> None:
    turn = np.float32([[[0, -1], [1, 0]]])

    placed = place_patches(np.float32([[10, 20]]), patch_offsets(1), turn)

    right = int(np.flatnonzero((patch_offsets(1) == [1, 0]).all(axis=1))[0])
    assert placed[0, right].tolist() == [10.0, 21.0]
