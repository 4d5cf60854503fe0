"""Reading pictures between their pixels, many small patches at once."""

from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

_ROWS = 16_384  # cv2.remap takes maps of fewer than 32,768 rows

Sampled = TypeVar("Sampled", np.float32, np.uint8)


def patch_offsets(radius: int) -> NDArray[np.float32]:
    """List the pixels of a square patch as (P, 2) offsets x, y from its centre, row by row.

    >>> patch_offsets(1)[:4].tolist()
    [[-1.0, -1.0], [0.0, -1.0], [1.0, -1.0], [-1.0, 0.0]]
    """
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    return np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)


def place_patches(
    xy: NDArray[np.float32], offsets: NDArray[np.float32], warp: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Put a patch of (P, 2) offsets, each turned and scaled by its (N, 2, 2) warp, at (N, 2): (N, P, 2)."""
    placed: NDArray[np.float32] = xy[:, None, :] + offsets @ warp.transpose(0, 2, 1)
    return placed


def sample(picture: NDArray[Sampled], positions: NDArray[np.float32]) -> NDArray[Sampled]:
    """Read a (H, W) or (H, W, C) picture at (N, P, 2) positions x, y: bilinear, the border repeated."""
    x, y = (np.ascontiguousarray(positions[..., axis], np.float32) for axis in (0, 1))
    parts = [
        cv2.remap(
            picture,
            x[first : first + _ROWS],
            y[first : first + _ROWS],
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        for first in range(0, len(positions), _ROWS)
    ]
    read = np.concatenate(parts) if parts else np.zeros(0, picture.dtype)
    sampled: NDArray[Sampled] = read.reshape(*positions.shape[:2], *picture.shape[2:])
    return sampled
