import numpy as np
from numpy.typing import NDArray

from somtom.tracking.colours import LEAST, MOST, Colours
from somtom.tracking.grid import grid_queries

EVERY = np.arange(16)
WARPS = np.repeat(np.eye(2, dtype=np.float32)[None], 16, axis=0)


def patchwork() -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A picture of 4 x 4 squares of random colours, and a point in each."""
    generator = np.random.Generator(np.random.PCG64(4))
    squares = generator.integers(20, 200, (4, 4, 3), np.uint8)
    return np.repeat(np.repeat(squares, 20, axis=0), 20, axis=1), grid_queries(80, 80, 4)


def test_the_same_colours_agree_and_others_do_not() -> None:
    picture, queries = patchwork()
    colours = Colours(np.stack([picture, picture]), 0, queries[:, 1:])

    same = colours.agreement(1, EVERY, queries[:, 1:], WARPS)
    other = colours.agreement(1, EVERY, queries[::-1, 1:], WARPS)

    assert np.allclose(same, MOST)
    assert np.allclose(other, LEAST)


def test_a_change_of_the_light_is_learnt() -> None:
    picture, queries = patchwork()
    darker = (0.7 * picture + 15).astype(np.uint8)
    colours = Colours(np.stack([picture, darker]), 0, queries[:, 1:])

    before = colours.agreement(1, EVERY, queries[:, 1:], WARPS)
    colours.adapt(1, EVERY, queries[:, 1:], WARPS)
    after = colours.agreement(1, EVERY, queries[:, 1:], WARPS)

    assert before.mean() < 0
    assert (after > 0.2).all()


def test_few_points_do_not_teach_the_light() -> None:
    picture, queries = patchwork()
    colours = Colours(np.stack([picture, 255 - picture]), 0, queries[:, 1:])

    colours.adapt(1, EVERY[:3], queries[:3, 1:], WARPS[:3])

    assert (colours.agreement(1, EVERY, queries[:, 1:], WARPS) < 0).mean() > 0.5
