"""Filters of pictures as a user may write them."""

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]


def blacken_left(picture: Picture) -> Picture:
    """Hide the left half."""
    picture[:, : picture.shape[1] // 2] = 0
    return picture


class DropEverything:
    """Made once, called for each picture."""

    def __call__(self, picture: Picture) -> None:
        return None


def crop(picture: Picture) -> Picture:
    """What a filter may not do."""
    return picture[1:]


NUMBER = 7
