"""The flat areas of a screenshot: panels, buttons and fields are rectangles of one colour."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

MAX_RECTANGLES = 4000  # looked at, the largest ones first; bounds the time that a hostile picture takes
INK = 30  # levels from the background at which something is drawn on it
EDGE = 28  # levels from one pixel to the next at which a shape's outline counts
MAX_LOOKED_AT = 40  # times the picture's pixels: areas that lie in each other take time, too
STEP_EXACT = 2  # levels between neighbours that still are one colour, in a lossless picture
STEP_NOISY = 5  # likewise in a JPEG
NOISE = 6  # levels from an area's colour that are taken for a JPEG's noise
EVEN = 0.33  # median share of even pixels beside edges below which a picture is a JPEG
FILLED_ROUND = 0.74  # likewise of a disc, of which it is pi / 4
FILLED = 0.82  # share of its bounding box that a rectangle covers, its holes counted as covered


@dataclass(frozen=True)
class FlatAreas:
    """Connected pixels of one colour.

    Args:
        labels: (H, W) int32: number of the area a pixel lies in, 0 where the colour changes.
        boxes: (N, 4) int32: x0, y0, x1, y1 of each number.
        pixels: (N,) int32: of each number.
    """

    labels: NDArray[np.int32]
    boxes: NDArray[np.int32]
    pixels: NDArray[np.int32]


@dataclass(frozen=True)
class Rectangles:
    """Areas that are rectangles, the largest first.

    Args:
        boxes: (N, 4) int32 x0, y0, x1, y1, without their borders.
        radii: (N,) int32: how far their corners are rounded.
    """

    boxes: NDArray[np.int32]
    radii: NDArray[np.int32]


def steps(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W) uint8: largest difference of a pixel's colour to its right, left, upper and lower neighbour."""
    height, width = picture.shape[:2]
    largest = np.zeros((height, width), np.uint8)
    across = largest_difference(picture[:, 1:], picture[:, :-1])
    down = largest_difference(picture[1:], picture[:-1])
    for part, change in (
        (largest[:, 1:], across),
        (largest[:, :-1], across),
        (largest[1:], down),
        (largest[:-1], down),
    ):
        np.maximum(part, change, out=part)
    return largest


def _nearest_background(
    picture: NDArray[np.uint8], areas: FlatAreas, smallest_px: float
) -> NDArray[np.uint8] | None:
    """(H, W, 3) uint8: each pixel's colour, or of the nearest background where it is in none; None: no such.

    A background is an area whose shorter side is at least `smallest_px`.
    """
    sides = (areas.boxes[:, 2:] - areas.boxes[:, :2]).min(axis=1)
    large = (sides >= smallest_px) & (areas.pixels >= 4 * smallest_px * smallest_px)
    large[0] = False
    if not large.any():
        return None
    unlike = np.where(large[areas.labels], 0, 1).astype(np.uint8)
    _, nearest = cv2.distanceTransformWithLabels(unlike, cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL)
    # The four bytes of a pixel are moved as one number: thrice as fast.
    packed = cv2.cvtColor(picture, cv2.COLOR_RGB2RGBA).view(np.uint32)[..., 0]
    colours = np.zeros(int(nearest.max()) + 1, np.uint32)
    colours[nearest[unlike == 0]] = packed[unlike == 0]
    return np.asarray(cv2.cvtColor(colours[nearest][..., None].view(np.uint8), cv2.COLOR_RGBA2RGB), np.uint8)


def largest_difference(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W) uint8: how far two (H, W, 3) pictures are apart in the channel in which they are most so."""
    red, green, blue = cv2.split(cv2.absdiff(one, other))
    return np.asarray(cv2.max(cv2.max(red, green), blue), np.uint8)


def find_ink(
    picture: NDArray[np.uint8], areas: FlatAreas, rectangles: Rectangles, smallest_px: float
) -> NDArray[np.bool_]:
    """(H, W) bool: what is drawn on the flat areas: pixels unlike the nearest area that is a background.

    Args:
        picture: (H, W, 3) uint8 RGB.
        areas: what `find_areas` gives for it.
        rectangles: what `find_rectangles` gives; their borders are left out.
        smallest_px: shorter side of the smallest background; what is smaller is itself drawn on another.
    """
    back = _nearest_background(picture, areas, smallest_px)
    if back is None:
        return np.zeros(areas.labels.shape, np.bool_)
    ink = (largest_difference(picture, back) > INK).astype(np.uint8)
    for (x0, y0, x1, y1), radius in zip(rectangles.boxes.tolist(), rectangles.radii.tolist(), strict=True):
        if max(x1 - x0, y1 - y0) >= 2 * smallest_px and min(x1 - x0, y1 - y0) >= smallest_px:
            cv2.rectangle(ink, (x0 - 1, y0 - 1), (x1, y1), 0, thickness=3)  # its border
            _clear_corners(ink[y0:y1, x0:x1], radius)
    return np.asarray(ink > 0)


def is_noisy(change: NDArray[np.uint8]) -> bool:
    """Whether a picture went through a JPEG; `change` is what `steps` gives.

    A JPEG's noise fills the blocks of 8 x 8 pixels in which there is an edge. Drawn pages have even pixels
    there: a median share of 0.39 to 0.75 on the pages of docs/screens.md, up to 0.11 as JPEGs of quality 90.
    """
    rows, columns = change.shape[0] // 8, change.shape[1] // 8
    blocks = change[: rows * 8, : columns * 8].reshape(rows, 8, columns, 8)
    edges = blocks.max(axis=(1, 3), initial=0) >= 2 * EDGE
    if not edges.any():
        return False
    even = (blocks <= 1).sum(axis=(1, 3), dtype=np.int64) / 64
    return bool(np.median(even[edges]) < EVEN)


def find_areas(change: NDArray[np.uint8], noisy: bool) -> FlatAreas:
    """Find the areas of one colour; `change` is what `steps` gives."""
    flat = (change <= (STEP_NOISY if noisy else STEP_EXACT)).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(flat, connectivity=4, ltype=cv2.CV_32S)
    boxes = stats[:, :4].astype(np.int32)
    boxes[:, 2:] += boxes[:, :2]
    return FlatAreas(np.asarray(labels, np.int32), boxes, stats[:, cv2.CC_STAT_AREA].astype(np.int32))


def without_noise(picture: NDArray[np.uint8], areas: FlatAreas, smallest_px: float) -> NDArray[np.uint8]:
    """The (H, W, 3) uint8 picture with what differs little from the nearest background made like it."""
    back = _nearest_background(picture, areas, smallest_px)
    if back is None:
        return picture
    # Areas of a JPEG are smooth, not of one colour: a blurred background has no noise of its own.
    back = np.asarray(cv2.blur(back, (5, 5)), np.uint8)
    like = (largest_difference(picture, back) <= NOISE).astype(np.uint8)
    return np.asarray(cv2.copyTo(back, like, picture.copy()), np.uint8)


def _clear_corners(ink: NDArray[np.uint8], radius: int) -> None:
    """Leave out what lies on or outside of the round corners of a rectangle; changes `ink`."""
    if radius < 2:
        return
    outwards = np.arange(radius, 0, -1)
    outside = np.hypot(outwards, outwards[:, None]) > radius - 3
    ink[:radius, :radius][outside] = 0
    ink[:radius, -radius:][outside[:, ::-1]] = 0
    ink[-radius:, :radius][outside[::-1]] = 0
    ink[-radius:, -radius:][outside[::-1, ::-1]] = 0


def find_rectangles(areas: FlatAreas, smallest_px: int) -> Rectangles:
    """Find the areas that are rectangles; `smallest_px` is the shorter side of the smallest one."""
    height, width = areas.labels.shape
    sides = areas.boxes[:, 2:] - areas.boxes[:, :2]
    fits = (sides.min(axis=1) >= smallest_px) & (np.arange(len(sides)) > 0)
    fits &= sides.prod(axis=1, dtype=np.int64) < 0.6 * height * width
    numbers = np.flatnonzero(fits)
    numbers = numbers[np.argsort(-areas.pixels[numbers], kind="stable")][:MAX_RECTANGLES]
    found, radii = [], []
    left = MAX_LOOKED_AT * areas.labels.size
    for number in numbers:
        x0, y0, x1, y1 = (int(value) for value in areas.boxes[number])
        left -= (x1 - x0) * (y1 - y0)
        if left < 0:
            break
        round_one = 0.8 <= (x1 - x0) / (y1 - y0) <= 1.25
        mask = areas.labels[y0:y1, x0:x1] == number
        if _filled(mask) >= (FILLED_ROUND if round_one else FILLED):
            # The outermost pixels of a colour differ from their neighbours: they are in no area.
            found.append((max(x0 - 1, 0), max(y0 - 1, 0), min(x1 + 1, width), min(y1 + 1, height)))
            corner = max(int(mask[0].argmax()), int(mask[:, 0].argmax()), int(mask[0, ::-1].argmax()))
            radii.append(min(corner + 1 if corner > 1 else 0, (x1 - x0) // 2, (y1 - y0) // 2))
    return Rectangles(np.array(found, np.int32).reshape(-1, 4), np.array(radii, np.int32))


def _filled(mask: NDArray[np.bool_]) -> float:
    """Share of the box that lies between the first and last pixel of its row, or of its column if more.

    The larger of both, since a line of text may cut an area from its upper to its lower side.
    """
    height, width = mask.shape
    rows, columns = mask.any(axis=1), mask.any(axis=0)
    by_row = width - mask.argmax(axis=1) - mask[:, ::-1].argmax(axis=1)
    by_column = height - mask.argmax(axis=0) - mask[::-1].argmax(axis=0)
    return float(max((by_row * rows).sum(), (by_column * columns).sum()) / mask.size)
