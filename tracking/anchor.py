"""Patches of the query frame, found again in later frames: they stop drift and tell seen from hidden."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from somtom.tracking.sampling import patch_offsets, place_patches, sample

RADIUS = 7  # a patch is 15 x 15 pixels ...
SIGMA = 5.0  # ... and its middle counts most, because its rim may lie on something else
ITERATIONS = 3
MAX_STEP_PX = 2.0  # an iteration moves a patch this far at most
MIN_CONTRAST = 1.0  # grey levels; a patch with less holds nothing that could be found again
# Grey levels. How much the place where a patch is expected counts: with this contrast as much as the patch
# itself were it all edges. Flat patches go where they are expected, instead of sliding about.
EXPECTATION = 1.5

_OFFSETS = patch_offsets(RADIUS)
_WEIGHTS = np.exp(-(_OFFSETS**2).sum(axis=1) / (2 * SIGMA**2))
_WEIGHTS = (_WEIGHTS / _WEIGHTS.sum()).astype(np.float32)
_ROOTS = np.sqrt(_WEIGHTS)


@dataclass(frozen=True)
class Anchors:
    """Normalised patches of N points and what is needed to fit them.

    Args:
        patch: (N, P) float32: weighted, mean 0, length 1.
        gradient: (N, P, 2) float32 of the patch.
        inverse: (N, 2, 2) float32: inverse of the Gauss-Newton matrix of a fit.
        pull: (N,) float32: weight of the expected place in a fit.
        contrast: (N,) float32: standard deviation in grey levels.
        certainty: (N,) float32, 0 to 1: how much of a fitted position is the patch's own doing, not the
            expected place's, in the direction in which the patch says least (along an edge).
    """

    patch: NDArray[np.float32]
    gradient: NDArray[np.float32]
    inverse: NDArray[np.float32]
    pull: NDArray[np.float32]
    contrast: NDArray[np.float32]
    certainty: NDArray[np.float32]


def make_anchors(raw: NDArray[np.float32], slope: NDArray[np.float32]) -> Anchors:
    """Turn patches as `cut_patches` reads them into anchors."""
    patch, contrast = _normalise(raw)
    gradient = (slope - (slope * _WEIGHTS[:, None]).sum(axis=1, keepdims=True)) * _ROOTS[:, None]
    gradient /= np.maximum(contrast, 1e-2)[:, None, None]
    pull = ((EXPECTATION / np.maximum(contrast, 0.1)) ** 2 + 1e-4).astype(np.float32)
    structure = gradient.transpose(0, 2, 1) @ gradient
    inverse = np.linalg.inv(structure + np.eye(2, dtype=np.float32) * pull[:, None, None])
    least = np.maximum(np.linalg.eigvalsh(structure)[:, 0], 0.0)
    certainty = (least / (least + pull)).astype(np.float32)
    return Anchors(patch, gradient, inverse.astype(np.float32), pull, contrast, certainty)


def cut_patches(
    picture: NDArray[np.float32], xy: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Read the patches around (N, 2) positions of a (H, W) picture: (N, P), and their slopes (N, P, 2)."""
    around = xy[:, None, :] + _OFFSETS
    half = np.float32(0.5)
    slope = [
        sample(picture, around + half * axis) - sample(picture, around - half * axis)
        for axis in np.eye(2, dtype=np.float32)
    ]
    return sample(picture, around), np.stack(slope, axis=2)


def fit_anchors(
    anchors: Anchors,
    chosen: NDArray[np.intp],
    picture: NDArray[np.float32],
    expected: NDArray[np.float32],
    warp: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Move patches to where they fit best near the expected place, to a fraction of a pixel.

    Inverse compositional Lucas-Kanade (Baker and Matthews, IJCV 2004) on normalised patches, so that
    brightness and contrast may change, with the expected place as a second measurement.

    Args:
        chosen: (M,) which anchors.
        picture: (H, W) grey.
        expected: (M, 2).
        warp: (M, 2, 2): turns and scales offsets in the query frame into offsets in `picture`.

    Returns:
        positions (M, 2), and the normalised cross-correlation there (M,), -1 to 1.
    """
    patch, gradient = anchors.patch[chosen], anchors.gradient[chosen]
    inverse, pull = anchors.inverse[chosen], anchors.pull[chosen, None]
    xy = expected
    for _ in range(ITERATIONS):
        difference = _normalise(sample(picture, place_patches(xy, _OFFSETS, warp)))[0] - patch
        push = (difference[:, None, :] @ gradient)[:, 0] + pull * _times(
            warp.transpose(0, 2, 1), xy - expected
        )
        step = np.clip(_times(inverse, push), -MAX_STEP_PX, MAX_STEP_PX)
        xy = xy - _times(warp, step)
    return xy, correlate_anchors(anchors, chosen, picture, xy, warp)


def correlate_anchors(
    anchors: Anchors,
    chosen: NDArray[np.intp],
    picture: NDArray[np.float32],
    xy: NDArray[np.float32],
    warp: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Compare patches with the picture where they are put: normalised cross-correlation (M,), -1 to 1."""
    found, _ = _normalise(sample(picture, place_patches(xy, _OFFSETS, warp)))
    alike: NDArray[np.float32] = (found * anchors.patch[chosen]).sum(axis=1)
    return alike


def _normalise(raw: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weigh (N, P) patches and bring them to mean 0 and length 1; and their contrast (N,)."""
    centred = (raw - (raw @ _WEIGHTS)[:, None]) * _ROOTS
    contrast = np.sqrt((centred * centred).sum(axis=1))
    return centred / np.maximum(contrast, 1e-2)[:, None], contrast


def _times(matrices: NDArray[np.float32], vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    product: NDArray[np.float32] = (matrices @ vectors[..., None])[..., 0]
    return product
