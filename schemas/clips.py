"""A clip's pixels."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from somtom.schemas.annotation import Annotation


@dataclass(frozen=True)
class Clip:
    """Decoded frames of one ref, upright, with square pixels, scaled down, never up.

    Args:
        frames: (T, H, W, 3) uint8 RGB; T = 1 for a screenshot or an image-text pair.
        times_s: (T,) float64, seconds in the input's own time of the frames taken.
        source_width, source_height: size of the upright picture in the input, in pixels.
        history: earlier pictures, oldest first, one for each of `annotation.past`; (h, w, 3) uint8 RGB,
            each of its own size.
        cameras: what further cameras show at the first frame, in their order; likewise.
        annotation: what the source says besides.
    """

    frames: NDArray[np.uint8]
    times_s: NDArray[np.float64]
    source_width: int
    source_height: int
    history: tuple[NDArray[np.uint8], ...] = ()
    cameras: tuple[NDArray[np.uint8], ...] = ()
    annotation: Annotation = field(default_factory=Annotation)

    def __post_init__(self) -> None:
        shape = self.frames.shape
        if len(shape) != 4 or shape[3] != 3 or self.frames.dtype != np.uint8:
            raise ValueError(f"frames must be (T, H, W, 3) uint8, got {shape} {self.frames.dtype}")
        if self.times_s.shape != (shape[0],):
            raise ValueError(f"times_s must be ({shape[0]},), got {self.times_s.shape}")
        if len(self.history) != len(self.annotation.past):
            raise ValueError(f"{len(self.history)} history pictures for {len(self.annotation.past)} steps")
        for picture in (*self.history, *self.cameras):
            if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
                raise ValueError(f"pictures must be (H, W, 3) uint8, got {picture.shape} {picture.dtype}")

    @property
    def height(self) -> int:
        """Height of the frames in pixels."""
        return int(self.frames.shape[1])

    @property
    def width(self) -> int:
        """Width of the frames in pixels."""
        return int(self.frames.shape[2])
