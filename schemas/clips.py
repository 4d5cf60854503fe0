"""A clip's pixels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Clip:
    """Decoded frames of one ref, upright, with square pixels, scaled down, never up.

    Args:
        frames: (T, H, W, 3) uint8 RGB.
        times_s: (T,) float64, seconds in the input's own time of the frames taken.
        source_width, source_height: size of the upright picture in the input, in pixels.
    """

    frames: NDArray[np.uint8]
    times_s: NDArray[np.float64]
    source_width: int
    source_height: int

    def __post_init__(self) -> None:
        shape = self.frames.shape
        if len(shape) != 4 or shape[3] != 3 or self.frames.dtype != np.uint8:
            raise ValueError(f"frames must be (T, H, W, 3) uint8, got {shape} {self.frames.dtype}")
        if self.times_s.shape != (shape[0],):
            raise ValueError(f"times_s must be ({shape[0]},), got {self.times_s.shape}")

    @property
    def height(self) -> int:
        """Height of the frames in pixels."""
        return int(self.frames.shape[1])

    @property
    def width(self) -> int:
        """Width of the frames in pixels."""
        return int(self.frames.shape[2])
