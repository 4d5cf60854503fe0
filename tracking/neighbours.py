"""What the points around a point say about its motion."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

COUNT = 16  # nearest points in the query frame that are asked
ALIKE_PX = 0.5  # pixels a frame by which points on one thing may differ ...
ALIKE_PER_PX = 0.01  # ... and for each pixel between them (things turn, bend and have depth)
OUTLIER_PX = 2.0  # a neighbour this far off the common motion counts half
# Squared pixels: neighbours closer together than about 20 px say little about turning and scaling.
STIFFNESS = 400.0
ENOUGH = 1.0  # neighbours of full weight that a prediction needs to be trusted


@dataclass(frozen=True)
class Prediction:
    """Where neighbours put N points in a frame.

    Args:
        xy: (N, 2) float32.
        warp: (N, 2, 2) float32: how the surroundings turned and scaled since the query frame.
        supported: (N,) bool: enough neighbours that move like the point say so.
    """

    xy: NDArray[np.float32]
    warp: NDArray[np.float32]
    supported: NDArray[np.bool_]


class Neighbours:
    """The nearest points of each point, and how differently each has moved so far.

    Points on one thing move together, so a hidden point is where its companions put it. Who they are is
    learnt from the steps in which both were seen: the point's neighbour in the picture may be on another
    thing.

    Attributes:
        index: (N, K) the neighbours, nearest first.
        apart: (N, K, 2) float32: from the point to its neighbour in the query frame.
    """

    def __init__(self, xy: NDArray[np.float32]) -> None:
        square = ((xy[:, None] - xy[None]) ** 2).sum(axis=2)
        np.fill_diagonal(square, np.inf)
        self.index = np.argsort(square, axis=1, kind="stable")[:, : min(COUNT, len(xy) - 1)]
        self.apart = xy[self.index] - xy[:, None]
        self._allowed = ALIKE_PX + ALIKE_PER_PX * np.linalg.norm(self.apart, axis=2)
        self._difference = np.zeros(self.index.shape, np.float32)  # summed over the steps seen together
        self._steps = np.zeros(self.index.shape, np.float32)

    def learn(self, step: NDArray[np.float32], seen: NDArray[np.bool_]) -> None:
        """Take note of one frame's (N, 2) motion of the points `seen` at both ends of it."""
        together = seen[:, None] & seen[self.index]
        self._difference += together * np.linalg.norm(step[:, None] - step[self.index], axis=2)
        self._steps += together

    def predict(self, xy: NDArray[np.float32], held: NDArray[np.bool_]) -> Prediction:
        """Fit the similarity that takes each point's neighbours to where the `held` ones are now (N, 2).

        Weighted least squares in closed form, twice: the second time with outliers weighted down.
        """
        # Before anything is known, a neighbour counts as half a step that differed by what is allowed.
        mean = (self._difference + 0.5 * ALIKE_PX) / (self._steps + 0.5)
        weight = np.exp(-((mean / self._allowed) ** 2)) * held[self.index]
        now = xy[self.index]
        for last in (False, True):
            total = weight.sum(axis=1)
            share = (weight / np.maximum(total, 1e-6)[:, None])[..., None]
            middle_then, middle_now = (self.apart * share).sum(axis=1), (now * share).sum(axis=1)
            then, moved = self.apart - middle_then[:, None], now - middle_now[:, None]
            spread = (weight * (then**2).sum(axis=2)).sum(axis=1) + STIFFNESS
            along = ((weight * (then * moved).sum(axis=2)).sum(axis=1) + STIFFNESS) / spread
            across = then[..., 0] * moved[..., 1] - then[..., 1] * moved[..., 0]
            turn = (weight * across).sum(axis=1) / spread
            warp = np.stack([along, -turn, turn, along], axis=1).reshape(-1, 2, 2)
            if not last:
                off = np.linalg.norm(moved - then @ warp.transpose(0, 2, 1), axis=2)
                weight = weight / (1 + (off / OUTLIER_PX) ** 2)
        place = middle_now - (warp @ middle_then[..., None])[..., 0]
        return Prediction(place.astype(np.float32), warp.astype(np.float32), total > ENOUGH)
