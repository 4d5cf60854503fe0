"""Homographies of many frames at once: fit, apply, and reasons to refuse one.

The fit is linear least squares on weighted points in normalised coordinates (Hartley, "In defense of
the eight-point algorithm", 1997), repeated with weights that turn the algebraic error into pixels.
It is written out instead of calling `cv2.findHomography` because it fits every frame of a clip in
one call, takes weights, and gives the same result without a seed.
"""

import numpy as np
from numpy.typing import NDArray

MIN_POINTS = 8  # four define a homography; below eight one wrong track bends it
MIN_SPREAD = 0.04  # of the shorter side: standard deviation across the narrow axis; less is "collinear"
MAX_AREA_RATIO = 6.0  # a picture that grows or shrinks more than this within a clip is not believed
MAX_STRETCH = 2.0  # ratio of the two axes' scale; a camera turning or zooming stays near 1
PERSPECTIVE_RIDGE = 1e-2  # per point: keeps the two perspective terms at 0 unless the points insist


def apply_homographies(matrices: NDArray[np.float64], xy: NDArray[np.floating]) -> NDArray[np.float64]:
    """Map points with the homography of their frame.

    `matrices` is (..., 3, 3), `xy` (..., N, 2) pixels, the result has the broadcast shape (..., N, 2).
    A point on the line that goes to infinity is mapped far away, never to nan.
    """
    mapped = xy @ np.swapaxes(matrices[..., :2, :2], -1, -2) + matrices[..., None, :2, 2]
    depth = (xy * matrices[..., None, 2, :2]).sum(axis=-1) + matrices[..., None, 2, 2]
    depth = np.where(np.abs(depth) < 1e-6, 1e-6, depth)
    return np.asarray(mapped / depth[..., None], np.float64)


def normalisation(width: int, height: int) -> NDArray[np.float64]:
    """Return the matrix that takes pixels to coordinates between about -1 and 1."""
    half = max(width, height) / 2
    return np.array(
        [[1 / half, 0, -(width - 1) / 2 / half], [0, 1 / half, -(height - 1) / 2 / half], [0, 0, 1]]
    )


def fit_homographies(
    source: NDArray[np.floating],
    target: NDArray[np.floating],
    weights: NDArray[np.floating],
    width: int,
    height: int,
) -> NDArray[np.float64]:
    """Fit, for every frame, the homography that takes `source` to `target`.

    Args:
        source: (N, 2) or (T, N, 2) pixels.
        target: (T, N, 2) pixels.
        weights: (T, N), 0 for points that must not count.

    Returns:
        (T, 3, 3) with [2, 2] = 1 in pixels; the identity is approached where the points say nothing.
    """
    frames, points = weights.shape
    scale = normalisation(width, height)
    centre = np.linalg.inv(scale)
    from_xy = np.broadcast_to(apply_homographies(scale, source), (frames, points, 2))
    to_xy = apply_homographies(scale, target)
    x, y = from_xy[..., 0], from_xy[..., 1]
    rows = np.zeros((frames, points, 2, 8))
    rows[..., 0, 0], rows[..., 0, 1], rows[..., 0, 2] = x, y, 1
    rows[..., 1, 3], rows[..., 1, 4], rows[..., 1, 5] = x, y, 1
    rows[..., 6] = -to_xy * x[..., None]
    rows[..., 7] = -to_xy * y[..., None]
    identity = np.array([1.0, 0, 0, 0, 1, 0, 0, 0])
    total = weights.sum(axis=1)
    ridge = np.full((frames, 8), 1e-9)
    ridge[:, 6:] = PERSPECTIVE_RIDGE
    ridge = ridge * np.maximum(total, 1.0)[:, None]
    equations = rows.reshape(frames, 2 * points, 8)
    wanted = to_xy.reshape(frames, 2 * points, 1)
    depth = np.ones((frames, points))
    for _ in range(2):  # the second round divides by the depth found in the first: pixels, not algebra
        scaled = equations * np.repeat(weights / depth**2, 2, axis=1)[..., None]
        left = np.swapaxes(scaled, 1, 2) @ equations
        right = (np.swapaxes(scaled, 1, 2) @ wanted)[..., 0]
        left += ridge[:, :, None] * np.eye(8)
        right += ridge * identity
        solved = np.linalg.solve(left, right[..., None])[..., 0]
        depth = np.maximum(1 + solved[:, 6:7] * x + solved[:, 7:8] * y, 0.1)
    fitted = np.concatenate([solved, np.ones((frames, 1))], axis=1).reshape(frames, 3, 3)
    pixels = centre @ fitted @ scale
    return np.asarray(pixels / pixels[:, 2:, 2:], np.float64)


def points_suffice(source: NDArray[np.floating], used: NDArray[np.bool_], short_side: float) -> bool:
    """Say whether the points (N, 2) that are `used` (N,) are enough, and not all on one line."""
    if int(used.sum()) < MIN_POINTS:
        return False
    spread = np.linalg.eigvalsh(np.cov(source[used].T.astype(np.float64)))
    return bool(np.sqrt(max(float(spread[0]), 0.0)) >= MIN_SPREAD * short_side)


def is_plausible(matrix: NDArray[np.float64], width: int, height: int) -> bool:
    """Say whether a camera can have moved so: the picture is not folded, mirrored, crushed or torn.

    `matrix` (3, 3) maps pixels of a `width` x `height` picture; it is looked at in the corners and
    the centre: depth and area must stay positive and the scale within `MAX_AREA_RATIO` and `MAX_STRETCH`,
    and the centre may not go farther than the picture's diagonal.
    """
    if not np.isfinite(matrix).all():
        return False
    right, bottom = width - 1.0, height - 1.0
    places = np.array([[0, 0], [right, 0], [right, bottom], [0, bottom], [right / 2, bottom / 2]])
    depth = places @ matrix[2, :2] + matrix[2, 2]
    if (depth < 0.2).any() or (depth > 5).any():
        return False
    mapped = apply_homographies(matrix, places)
    jacobian = (matrix[None, :2, :2] - mapped[:, :, None] * matrix[None, None, 2, :2]) / depth[:, None, None]
    area = np.linalg.det(jacobian)
    if (area < 1 / MAX_AREA_RATIO).any() or (area > MAX_AREA_RATIO).any():
        return False
    stretch = np.linalg.svd(jacobian, compute_uv=False)
    if (stretch[:, 0] > MAX_STRETCH * stretch[:, 1]).any():
        return False
    return bool(np.hypot(*(mapped[4] - places[4])) <= np.hypot(width, height))
