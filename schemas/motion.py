"""Camera motion of a clip and what moves in it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Motion:
    """What is known of a clip's motion once its tracks are looked at.

    Args:
        camera_moved: the tracks were stabilised.
        background_motion: (T, 3, 3) float64: maps a background point of frame 0 to frame k, in pixels,
            [2, 2] = 1; a refused frame holds its nearest believed frame's.
        inlier_ratio: (T,) float64: share of the fitted points within the threshold; 1.0 for frame 0
            and wherever nothing was fitted because the camera stood still.
        refused: (T,) bool: a homography was wanted for the frame but refused; steps that begin or end
            there are not judged.
        xy: (T, N, 2) float32: tracks stabilised to frame 0; finite.
        kept: (N,) bool: visible in enough frames to be judged.
        displacement: (N,) float32: mean displacement in pixels per sampled step after stabilisation,
            over steps whose two ends are visible; 0.0 where there is no such step.
        moving: (N,) bool: kept and faster than epsilon.
        epsilon: pixels per sampled step of this picture above which a point moves.
    """

    camera_moved: bool
    background_motion: NDArray[np.float64]
    inlier_ratio: NDArray[np.float64]
    refused: NDArray[np.bool_]
    xy: NDArray[np.float32]
    kept: NDArray[np.bool_]
    displacement: NDArray[np.float32]
    moving: NDArray[np.bool_]
    epsilon: float

    def __post_init__(self) -> None:
        frames, points = self.xy.shape[:2]
        expected: dict[str, tuple[int, ...]] = {
            "background_motion": (frames, 3, 3),
            "inlier_ratio": (frames,),
            "refused": (frames,),
            "xy": (frames, points, 2),
            "kept": (points,),
            "displacement": (points,),
            "moving": (points,),
        }
        for name, shape in expected.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} must be {shape}, got {getattr(self, name).shape}")
