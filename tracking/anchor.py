"""Patches of the query frame, found again in later frames: stops drift, tells hidden from seen."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

RADIUS = 7  # a patch is 15 x 15 pixels
MIN_CONTRAST = 1.0  # grey levels; a patch with a smaller standard deviation holds nothing to find again
ITERATIONS = 8
_ROWS = 16_384  # cv2.remap takes pictures of fewer than 32,768 rows


def patch_offsets(radius: int = RADIUS) -> NDArray[np.float32]:
    """List the pixels of a patch as (P, 2) offsets x, y from its centre, row by row."""
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    return np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)


def sample(picture: NDArray[np.float32], positions: NDArray[np.float32]) -> NDArray[np.float32]:
    """Read a (H, W) picture at (N, P, 2) positions x, y, bilinear, the border repeated."""
    parts = [
        cv2.remap(
            picture,
            np.ascontiguousarray(positions[first : first + _ROWS, :, 0]),
            np.ascontiguousarray(positions[first : first + _ROWS, :, 1]),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        for first in range(0, len(positions), _ROWS)
    ]
    return np.concatenate(parts) if parts else np.zeros(positions.shape[:2], np.float32)


@dataclass(frozen=True)
class Anchors:
    """Normalised patches of N points and what is needed to fit them.

    Args:
        patch: (N, P) float32, mean 0, length 1.
        steepest: (N, P, 2) float32: the patch's gradient.
        inverse: (N, 2, 2) float32: inverse of the sum of the gradients' outer products, damped.
        textured: (N,) bool: the patch has contrast.
    """

    patch: NDArray[np.float32]
    steepest: NDArray[np.float32]
    inverse: NDArray[np.float32]
    textured: NDArray[np.bool_]


def make_anchors(pictures: list[NDArray[np.float32]], queries: NDArray[np.float32]) -> Anchors:
    """Cut the patches around (N, 3) queries (frame, x, y) of grey pictures."""
    offsets = patch_offsets()
    step = np.array([[0.5, 0.0], [0.0, 0.5]], np.float32)
    raw = np.zeros((len(queries), len(offsets)), np.float32)
    slope = np.zeros((len(queries), len(offsets), 2), np.float32)
    for frame in np.unique(queries[:, 0]):
        here = queries[:, 0] == frame
        picture = pictures[int(frame)]
        around = queries[here, None, 1:] + offsets[None]
        raw[here] = sample(picture, around)
        slope[here] = np.stack(
            [sample(picture, around + d) - sample(picture, around - d) for d in step], axis=2
        )
    centred = raw - raw.mean(axis=1, keepdims=True)
    length = np.maximum(np.linalg.norm(centred, axis=1), 1e-3)[:, None]
    steepest = slope / length[..., None]
    steepest -= steepest.mean(axis=1, keepdims=True)
    hessian = np.einsum("npi,npj->nij", steepest, steepest) + np.eye(2, dtype=np.float32) * 1e-4
    return Anchors(
        patch=centred / length,
        steepest=steepest,
        inverse=np.linalg.inv(hessian).astype(np.float32),
        textured=raw.std(axis=1) >= MIN_CONTRAST,
    )


def fit_anchors(
    anchors: Anchors, chosen: NDArray[np.intp], picture: NDArray[np.float32], xy: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Move the patches of `chosen` (M,) to where they fit best near `xy` (M, 2), to a fraction of a pixel.

    Inverse compositional Lucas-Kanade (Baker and Matthews 2004) on patches of mean 0 and length 1.

    Returns:
        positions (M, 2), normalised cross-correlation there (M,), -1 to 1.
    """
    offsets = patch_offsets()[None]
    patch, steepest, inverse = anchors.patch[chosen], anchors.steepest[chosen], anchors.inverse[chosen]
    position = xy.astype(np.float32).copy()
    for _ in range(ITERATIONS):
        difference = _normalised(sample(picture, position[:, None, :] + offsets)) - patch
        push = np.einsum("npi,np->ni", steepest, difference)
        step = np.einsum("nij,nj->ni", inverse, push)
        position = position - np.clip(step, -2.0, 2.0)
    found = _normalised(sample(picture, position[:, None, :] + offsets))
    return position, np.einsum("np,np->n", found, patch)


def _normalised(raw: NDArray[np.float32]) -> NDArray[np.float32]:
    centred = raw - raw.mean(axis=1, keepdims=True)
    length = np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-3)
    unit: NDArray[np.float32] = centred / length
    return unit
