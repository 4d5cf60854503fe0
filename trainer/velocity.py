"""How marks moved before, told from the history pictures alone: what "constant velocity" goes on with."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from somtom.schemas.pictures import decode_jpeg
from somtom.schemas.sample import Sample, extra_names

Picture = NDArray[np.uint8]
Points = NDArray[np.float64]

PICTURES = 2  # history pictures that are looked at: the latest
_PATCH = 0.05  # share of the shorter side: half of the square that is looked for around a point
_SEARCH = (
    0.2  # share of the shorter side that a point may move, beyond what is expected, from one to the next
)
_REST = 0.02  # squared grey levels a squared pixel: what is expected wins where nothing tells places apart
_GRID = 16  # points a side that the camera's motion is estimated from
_REPROJECTION_PX = 2.0
_BACKGROUND = 0.5  # share of those points that must follow one homography for the camera's motion to be known


def past_velocity(
    present: Picture, earlier: Sequence[Picture], times_s: Sequence[float], points: Points
) -> Points:
    """Estimate each point's velocity up to now, relative to the background.

    Each point's surroundings are looked for in the latest earlier picture, around where the background came
    from, and in the one before, around where the point would have been at the same velocity. The
    places found are mapped to the present picture by the background's homography, as traces are, and a line
    through the present point is fitted to them by least squares.

    Args:
        present: (H, W, 3) RGB, without marks.
        earlier: one picture or more of the same size, oldest first; the last `PICTURES` are used.
        times_s: their times in seconds before the present, negative and rising.
        points: (K, 2) pixels of the present picture.

    Returns:
        (K, 2) pixels a second.
    """
    weighted, weights = np.zeros(points.shape), 0.0
    for picture, time_s in list(zip(earlier, times_s, strict=True))[: -PICTURES - 1 : -1]:
        to_present = background_motion(picture, present)
        expected = points + (weighted / weights if weights else 0.0) * time_s
        guesses = _mapped(expected, np.linalg.inv(to_present).astype(np.float64))
        found = np.array([_find(present, picture, *pair) for pair in zip(points, guesses, strict=True)])
        moved = _mapped(found.reshape(-1, 2), to_present) - points
        weighted += time_s * moved
        weights += time_s * time_s
    return weighted / weights


def background_motion(picture: Picture, present: Picture) -> NDArray[np.float64]:
    """Estimate the (3, 3) homography from a picture to the present one that the background follows.

    It is fitted to the optical flow (DIS) at the points of a grid; the identity where fewer than half of
    them agree.
    """
    height, width = present.shape[:2]
    shares = (np.arange(_GRID) + 0.5) / _GRID
    x, y = np.meshgrid(shares * width - 0.5, shares * height - 0.5)
    grid = np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)
    flow_of = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow = flow_of.calc(_grey(present), _grey(picture), None)
    places = grid + cv2.remap(flow, grid[:, None, 0], grid[:, None, 1], cv2.INTER_LINEAR)[:, 0]
    cv2.setRNGSeed(0)
    homography, inliers = cv2.findHomography(places, grid, cv2.RANSAC, _REPROJECTION_PX)
    if homography is None or inliers.mean() < _BACKGROUND or abs(np.linalg.det(homography)) < 1e-3:
        return np.eye(3)
    found: NDArray[np.float64] = homography
    return found


def _grey(picture: Picture) -> Picture:
    grey: Picture = cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY)
    return grey


def _mapped(points: Points, homography: NDArray[np.float64]) -> Points:
    mapped: Points = cv2.perspectiveTransform(points[None].astype(np.float64), homography)[0]
    return mapped


def _find(present: Picture, picture: Picture, point: Points, guess: Points) -> Points:
    """Find what surrounds the present picture's point near the guess in the other, to parts of a pixel."""
    height, width = present.shape[:2]
    side = min(height, width)
    guess = np.clip(guess, 0, [width - 1, height - 1])
    half, reach = max(3, round(_PATCH * side)), max(2, round(_SEARCH * side))
    patch = _cut(present, point, half)
    window = _cut(picture, guess, half + reach)
    bell = cv2.getGaussianKernel(2 * half + 1, half / 2, cv2.CV_32F)
    weight = np.repeat((bell @ bell.T)[..., None], 3, axis=2)
    offsets = np.arange(-reach, reach + 1)
    differences = cv2.matchTemplate(window, patch, cv2.TM_SQDIFF, mask=weight) / float((weight**2).sum())
    cost = differences + _REST * (offsets[:, None] ** 2 + offsets**2)
    row, column = np.unravel_index(int(cost.argmin()), cost.shape)
    across = offsets[column] + _part(cost[row], int(column))
    down = offsets[row] + _part(cost[:, column], int(row))
    return np.array([guess[0] + across, guess[1] + down])


def _cut(picture: Picture, middle: Points, half: int) -> NDArray[np.float32]:
    """The square around a place, between pixels too; the border's pixels go on outside."""
    size = (2 * half + 1, 2 * half + 1)
    at = (float(middle[0]), float(middle[1]))
    cut: NDArray[np.float32] = cv2.getRectSubPix(picture, size, at, patchType=cv2.CV_32F)
    return cut


def _part(cost: NDArray[np.float64], lowest: int) -> float:
    """Where the parabola through the lowest cost and its neighbours is lowest: -0.5 to 0.5 from there."""
    if not 0 < lowest < len(cost) - 1:
        return 0.0
    before, here, after = (float(one) for one in cost[lowest - 1 : lowest + 2])
    bend = before - 2 * here + after
    return 0.5 * (before - after) / bend if bend > 0 else 0.0


def history_steps(sample: Sample) -> NDArray[np.float64] | None:
    """Tell from a clip's history pictures how far each of its marks moves in one sampled step.

    Returns:
        (K, 2) pixels; None where the sample is no clip or no earlier picture of it is known.
    """
    record, pictures = sample.record, dict(sample.extra)
    known = [
        (pictures[name], step["t_s"])
        for name, step in zip(extra_names(len(record["history"]), 0), record["history"], strict=True)
        if step["known"] and step["t_s"] < 0 and name in pictures
    ][-PICTURES:]
    step_s = record["source"]["step_s"]
    if not known or step_s <= 0 or len(sample.traces) < 2 or not record["marks"]:
        return None
    present = decode_jpeg(sample.clean_jpeg)
    earlier = [decode_jpeg(data) for data, _ in known]
    if any(picture.shape != present.shape for picture in earlier):
        return None
    points = np.array([(mark["x"], mark["y"]) for mark in record["marks"]])
    return past_velocity(present, earlier, [t_s for _, t_s in known], points) * float(step_s)
