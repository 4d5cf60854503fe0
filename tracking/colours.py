"""Whether a point still has the colour it had: an occluder seldom does."""

import numpy as np
from numpy.typing import NDArray

from somtom.tracking.sampling import patch_offsets, place_patches, sample

RADIUS = 2  # the 5 x 5 pixels around the point
LEAST_DIFFERENCE = 2.5  # grey levels; pixels of the same thing differ at least that much in video
TOLERANCE = 3.0  # times the usual difference: there colour speaks neither for nor against
WEIGHT = 0.4  # of colour, where a correlation has 1
MOST, LEAST = 0.3, -0.6  # what colour may add to a correlation
FEWEST = 8  # points from which a change of the light is estimated
OUTLIER = 6.0  # grey levels off the common change at which a point counts half
STIFFNESS = 100.0  # squared grey levels: points of one colour say little about contrast

_OFFSETS = patch_offsets(RADIUS)


class Colours:
    """The colours of N points in their query frame, and how the light changed since."""

    def __init__(self, frames: NDArray[np.uint8], home: int, xy: NDArray[np.float32]) -> None:
        self._frames = frames
        self._then = sample(frames[home], xy[:, None] + _OFFSETS).astype(np.float32)
        self._gain = np.ones(3, np.float32)
        self._shift = np.zeros(3, np.float32)
        self._usual = LEAST_DIFFERENCE

    def adapt(
        self,
        frame: int,
        chosen: NDArray[np.intp],
        xy: NDArray[np.float32],
        warp: NDArray[np.float32],
    ) -> None:
        """Learn gain and shift of each channel, and the usual difference, from points that are well seen."""
        if len(chosen) < FEWEST:
            return
        patches = sample(self._frames[frame], place_patches(xy, _OFFSETS, warp)).astype(np.float32)
        then, now = self._then[chosen].mean(axis=1), patches.mean(axis=1)
        for _ in range(3):
            weight = 1 / (1 + ((now - self._gain * then - self._shift) / OUTLIER) ** 2)
            total = weight.sum(axis=0)
            middle_then, middle_now = (weight * then).sum(axis=0) / total, (weight * now).sum(axis=0) / total
            off = then - middle_then
            stiffness = STIFFNESS * len(chosen)
            spread = (weight * off * off).sum(axis=0) + stiffness
            self._gain = ((weight * off * (now - middle_now)).sum(axis=0) + stiffness) / spread
            self._shift = middle_now - self._gain * middle_then
        self._usual = max(LEAST_DIFFERENCE, float(np.median(self._difference(patches, chosen))))

    def agreement(
        self,
        frame: int,
        chosen: NDArray[np.intp],
        xy: NDArray[np.float32],
        warp: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """Say how well the colours at `xy` (M, 2) fit points `chosen` (M,): from `LEAST` to `MOST`."""
        patches = sample(self._frames[frame], place_patches(xy, _OFFSETS, warp)).astype(np.float32)
        excess = self._difference(patches, chosen) / (TOLERANCE * self._usual)
        agreement: NDArray[np.float32] = np.clip(WEIGHT * (1 - excess), LEAST, MOST).astype(np.float32)
        return agreement

    def _difference(self, patches: NDArray[np.float32], chosen: NDArray[np.intp]) -> NDArray[np.float32]:
        expected = self._then[chosen] * self._gain + self._shift
        mean: NDArray[np.float32] = np.abs(patches - expected).mean(axis=(1, 2))
        return mean
