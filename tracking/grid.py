"""The query points of a clip."""

import numpy as np
from numpy.typing import NDArray


def grid_queries(width: int, height: int, size: int) -> NDArray[np.float32]:
    """Place size x size points on frame 0, each in the middle of its cell of the picture.

    Returns:
        (size * size, 3) float32: frame, x, y; row by row, in pixels of a `width` x `height` picture
        whose pixel (0, 0) is the centre of the top-left pixel.

    >>> grid_queries(4, 2, 2)[:, 1:].tolist()
    [[0.5, 0.0], [2.5, 0.0], [0.5, 1.0], [2.5, 1.0]]
    """
    if width < 1 or height < 1 or size < 0:
        raise ValueError(f"a grid needs a picture and a size of at least 0, got {width}x{height}, {size}")
    cells = (np.arange(size) + 0.5) / max(size, 1)
    x, y = np.meshgrid(cells * width - 0.5, cells * height - 0.5)
    return np.stack([np.zeros(size * size), x.ravel(), y.ravel()], axis=1).astype(np.float32)
