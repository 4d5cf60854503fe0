"""The numbered marks of one picture."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Mark:
    """One numbered place in a picture, in pixels.

    `x`, `y` is the point (a box's centre); `x0`, `y0`, `x1`, `y1` the box, all -1.0 for a bare point.
    `foreground`: it moves (video) or is what the instruction is about. `text`, `role`: a UI element's.
    """

    id: int
    x: float
    y: float
    x0: float = -1.0
    y0: float = -1.0
    x1: float = -1.0
    y1: float = -1.0
    foreground: bool = False
    text: str = ""
    role: str = ""

    @property
    def is_box(self) -> bool:
        """Whether the mark has an extent."""
        return self.x1 > self.x0 and self.y1 > self.y0


@dataclass(frozen=True)
class Marks:
    """The marks of one picture in the order of their numbers, with their traces.

    Args:
        marks: numbered densely from 1.
        traces: (T, K, 3) float32: x, y in pixels of the picture (stabilised to frame 0, not clamped),
            visible 0 or 1; `[:, k]` belongs to `marks[k]`; T = 1 for a screenshot.
    """

    marks: tuple[Mark, ...]
    traces: NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.traces.ndim != 3 or self.traces.shape[1:] != (len(self.marks), 3):
            raise ValueError(f"traces must be (T, {len(self.marks)}, 3), got {self.traces.shape}")
        if [mark.id for mark in self.marks] != list(range(1, len(self.marks) + 1)):
            raise ValueError(f"marks must be numbered from 1, got {[mark.id for mark in self.marks]}")
        if not np.isfinite(self.traces).all():
            raise ValueError("traces must be finite")
