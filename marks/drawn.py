"""Whether anything is drawn where an element is said to be: closed menus have boxes on empty places."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from somtom.schemas.annotation import Element

# Levels: standard deviation of the grey values in a box up to which it is one flat colour. JPEG at
# quality 90 leaves flat places flat; one letter of 12 px in a box of 200 x 40 gives more than 10.
FLAT = 1.0


def is_drawn(picture: NDArray[np.uint8], elements: Sequence[Element]) -> NDArray[np.bool_]:
    """Tell for each element whether its box in the (H, W, 3) picture holds more than one flat colour.

    Boxes are in pixels of the picture; what lies outside of it holds nothing.
    """
    height, width = picture.shape[:2]
    grey = cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY)
    sums, squares = cv2.integral2(grey, sdepth=cv2.CV_64F, sqdepth=cv2.CV_64F)
    boxes = np.array([(one.x0, one.y0, one.x1, one.y1) for one in elements]).reshape(-1, 4)
    cut = np.clip(np.rint(boxes), 0, [width, height, width, height]).astype(np.int64)
    x0, y0, x1, y1 = cut.T
    area = np.maximum((x1 - x0) * (y1 - y0), 1)

    def total(table: NDArray[np.float64]) -> NDArray[np.float64]:
        inside: NDArray[np.float64] = table[y1, x1] - table[y0, x1] - table[y1, x0] + table[y0, x0]
        return inside

    variance = total(squares) / area - (total(sums) / area) ** 2
    return np.asarray(variance > FLAT**2)
