"""The flat areas of a screenshot: panels, buttons and fields are rectangles of one colour."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

MAX_SURFACES = 4000  # looked at, the largest ones first; bounds the time that a hostile picture takes
STEP_EXACT = 2  # levels between neighbours that still are one colour, in a lossless picture
STEP_NOISY = 10  # likewise in a JPEG
EXACT_SHARE = 0.35  # of the pixels equal their neighbours where the picture is no JPEG and no photo
FILLED = 0.9  # share of its bounding box that a rectangle covers, its holes counted as covered


@dataclass(frozen=True)
class Surfaces:
    """Rectangles of one colour, the largest first.

    Args:
        boxes: (N, 4) int32 x0, y0, x1, y1, the borders not included.
        labels: (H, W) int32: number of the flat area a pixel lies in, 0 where the colour changes.
        numbers: (N,) int32: what each rectangle is called in `labels`.
    """

    boxes: NDArray[np.int32]
    labels: NDArray[np.int32]
    numbers: NDArray[np.int32]


def steps(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W) uint8: largest difference of a pixel's colour to its right, left, upper and lower neighbour."""
    height, width = picture.shape[:2]
    largest = np.zeros((height, width), np.uint8)
    across = cv2.absdiff(picture[:, 1:], picture[:, :-1]).max(axis=2, initial=0)
    down = cv2.absdiff(picture[1:], picture[:-1]).max(axis=2, initial=0)
    for part, change in (
        (largest[:, 1:], across),
        (largest[:, :-1], across),
        (largest[1:], down),
        (largest[:-1], down),
    ):
        np.maximum(part, change, out=part)
    return largest


def find_surfaces(change: NDArray[np.uint8], smallest_px: int) -> Surfaces:
    """Find the rectangles of one colour.

    Args:
        change: what `steps` gives.
        smallest_px: shorter side of the smallest rectangle.
    """
    height, width = change.shape
    exact = np.count_nonzero(change <= 1) >= EXACT_SHARE * change.size
    flat = (change <= (STEP_EXACT if exact else STEP_NOISY)).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(flat, connectivity=4, ltype=cv2.CV_32S)
    sides = stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]]
    fits = (sides.min(axis=1) >= smallest_px) & (np.arange(count) > 0)
    fits &= sides.prod(axis=1, dtype=np.int64) < 0.6 * height * width
    numbers = np.flatnonzero(fits)
    numbers = numbers[np.argsort(-stats[numbers, cv2.CC_STAT_AREA], kind="stable")][:MAX_SURFACES]
    boxes, kept = [], []
    for number in numbers:
        x, y, w, h = (int(value) for value in stats[number, :4])
        if _filled(labels[y : y + h, x : x + w] == number) >= FILLED:
            # The outermost pixels of a colour differ from their neighbours: they are no part of `flat`.
            boxes.append((max(x - 1, 0), max(y - 1, 0), min(x + w + 1, width), min(y + h + 1, height)))
            kept.append(number)
    return Surfaces(np.array(boxes, np.int32).reshape(-1, 4), labels, np.array(kept, np.int32))


def _filled(mask: NDArray[np.bool_]) -> float:
    """Share of the box that lies between the first and last pixel of its row, or of its column if less."""
    height, width = mask.shape
    rows, columns = mask.any(axis=1), mask.any(axis=0)
    by_row = width - mask.argmax(axis=1) - mask[:, ::-1].argmax(axis=1)
    by_column = height - mask.argmax(axis=0) - mask[::-1].argmax(axis=0)
    return float(min((by_row * rows).sum(), (by_column * columns).sum()) / mask.size)
