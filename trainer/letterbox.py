"""A picture scaled into the encoder's square, the cells that show it, and where in the picture they lie."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

FILL = (124, 116, 104)  # RGB of what the picture does not cover: the mean that the model subtracts


@dataclass(frozen=True)
class View:
    """How pictures are shown: scaled into `image_size` x `image_size` pixels, in cells of `stride` pixels."""

    image_size: int
    stride: int

    @property
    def cells_a_side(self) -> int:
        """G: the square has G x G cells; a rest of pixels is not seen."""
        return self.image_size // self.stride


@dataclass(frozen=True)
class Shown:
    """A picture as the encoder gets it.

    Args:
        pixels: (3, S, S) uint8 RGB.
        cells: (M,) int64: the cells that show it, counted row by row; a row or column less than half covered
            is left out.
        places: (M, 2) float32: x, y of each cell's centre in the picture, 0 to 1 over its width and height.
    """

    pixels: NDArray[np.uint8]
    cells: NDArray[np.int64]
    places: NDArray[np.float32]


def show_picture(picture: NDArray[np.uint8], view: View) -> Shown:
    """Scale (H, W, 3) so that its longer side fills the square, and put it into the top left corner.

    Coordinates in texts count in bins of the picture's own width and height. They stay as they are: what
    tells the decoder where a cell lies, `places`, has the same frame.
    """
    height, width = picture.shape[:2]
    scale = view.image_size / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    scaled = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    square = np.empty((view.image_size, view.image_size, 3), np.uint8)
    square[:] = FILL
    square[: size[1], : size[0]] = scaled
    columns, rows = (_cells_along(side, view) for side in size)
    row, column = np.divmod(np.arange(rows * columns), columns)
    centres = (np.stack([column, row], axis=1) + 0.5) * view.stride / size
    pixels = np.ascontiguousarray(square.transpose(2, 0, 1))
    return Shown(pixels, row * view.cells_a_side + column, centres.astype(np.float32))


def _cells_along(side: int, view: View) -> int:
    return min(max(1, round(side / view.stride)), view.cells_a_side)
