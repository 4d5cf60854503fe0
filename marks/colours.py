"""Which colour a mark gets: told well from what lies under it, varied by its number, never by its motion."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, int, int]  # RGB

WHITE: Colour = (255, 255, 255)
BLACK: Colour = (0, 0, 0)


class Paint(NamedTuple):
    """A hue in two depths: `light` carries black digits, `deep` is told from white."""

    light: Colour
    deep: Colour


# Plates are light in every picture: digits in black on them were read back more often than white ones on
# dark plates (docs/marks.md), and the black ring tells a light plate from a light picture.
PAINTS: tuple[Paint, ...] = (
    Paint((255, 255, 255), (0, 0, 0)),
    Paint((255, 226, 40), (150, 70, 0)),
    Paint((120, 240, 255), (0, 70, 160)),
    Paint((150, 255, 130), (0, 100, 20)),
    Paint((255, 185, 225), (150, 0, 90)),
    Paint((205, 190, 255), (80, 30, 170)),
)
_APART = 130.0  # RGB distance between a plate and the picture's mean under it that is enough


def choose_paint(image: NDArray[np.uint8], rect: NDArray[np.int64], number: int) -> Paint:
    """Choose the paint for mark `number` whose label covers `rect` of the (H, W, 3) image."""
    height, width = image.shape[:2]
    x0, y0, x1, y1 = (int(v) for v in rect)
    edge = max(2, (y1 - y0) // 3)
    patch = image[max(y0 - edge, 0) : min(y1 + edge, height), max(x0 - edge, 0) : min(x1 + edge, width)]
    if patch.size == 0:
        return PAINTS[0]
    red, green, blue, _ = cv2.mean(patch)
    gaps = [
        ((red - r) ** 2 + (green - g) ** 2 + (blue - b) ** 2, paint)
        for paint in PAINTS
        for r, g, b in (paint.light,)
    ]
    good = [paint for gap, paint in gaps if gap >= _APART**2]
    return good[number % len(good)] if good else max(gaps)[1]


def frame_colour(image: NDArray[np.uint8], paint: Paint) -> Colour:
    """Choose the depth of the paint that is farther, in RGB, from the mean of the (H, W, 3) image."""
    if image.size == 0:
        return paint.light
    mean = cv2.mean(image)[:3]
    return max(paint, key=lambda colour: sum((a - b) ** 2 for a, b in zip(colour, mean, strict=True)))
