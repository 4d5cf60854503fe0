"""What the background does: which of the motions in a clip is the camera's.

A clip's tracks hold several motions: the background's, each object's, and things fixed to the picture
(a logo, a dashboard). Fitting the largest takes an object that covers half of the picture for the
camera. Here whole trajectories vote, and the picture's border counts more than its middle: objects
are looked at, the background is what surrounds them. "The camera stands still" is one more candidate.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from somtom.schemas.keys import generator_of
from somtom.tracking.homography import (
    apply_homographies,
    fit_homographies,
    is_plausible,
    points_suffice,
)

CANDIDATES = 160  # affine motions tried, each from three tracks
KEY_FRAMES = 5  # frames that the candidates are compared in
COMPARED_POINTS = 400  # points that the candidates are compared on
REFINED = 4  # best candidates that are fitted again before the last comparison
BORDER_WEIGHT = 3.0  # votes of a point at the border; one in the centre has 1
STILL_BONUS = 1.25  # a camera that stands still explains its points exactly and for free
EXACT_SHARE = 0.5  # "exactly": within this share of the inlier threshold


@dataclass(frozen=True)
class Camera:
    """The background's motion; fields as in `somtom.schemas.motion.Motion`.

    `background` (N,) says which points go with it.
    """

    background_motion: NDArray[np.float64]
    inlier_ratio: NDArray[np.float64]
    refused: NDArray[np.bool_]
    background: NDArray[np.bool_]
    is_still: bool


def still_camera(frames: int, points: int) -> Camera:
    """Return the camera that never moves, every point being background."""
    return Camera(
        np.tile(np.eye(3), (frames, 1, 1)),
        np.ones(frames),
        np.zeros(frames, bool),
        np.ones(points, bool),
        True,
    )


def border_votes(xy: NDArray[np.floating], width: int, height: int) -> NDArray[np.float64]:
    """Weigh points (N, 2): 1 in the centre to `BORDER_WEIGHT` at the border, rising with the square."""
    reach = np.abs(xy / np.array([max(width - 1, 1), max(height - 1, 1)]) * 2 - 1).max(axis=1)
    return np.asarray(1 + (BORDER_WEIGHT - 1) * np.clip(reach, 0, 1) ** 2)


def agreement(
    motion: NDArray[np.float64],
    start: NDArray[np.floating],
    xy: NDArray[np.floating],
    evidence: NDArray[np.bool_],
    threshold: float,
) -> NDArray[np.float64]:
    """Say how well each point goes with a motion: 1 exactly, 0 off by `threshold` pixels in every frame.

    `motion` is (..., T, 3, 3), `start` (N, 2), `xy` (T, N, 2), `evidence` (T, N); the result is (..., N).
    """
    error = ((apply_homographies(motion, start) - xy) ** 2).sum(axis=-1)
    vote = np.clip(1 - error / threshold**2, 0, 1) * evidence
    return np.asarray(vote.sum(axis=-2) / np.maximum(evidence.sum(axis=0), 1))


def _draw_candidates(
    start: NDArray[np.float64], xy: NDArray[np.float64], sure: NDArray[np.intp], key: str
) -> NDArray[np.float64]:
    """Make (CANDIDATES, T, 3, 3) affine motions, each from three points drawn from `sure`."""
    draw = generator_of(key, "camera")
    picks = sure[np.argsort(draw.random((CANDIDATES, len(sure))), axis=1)[:, :3]]
    ones = np.ones((CANDIDATES, 3, 1))
    corners = np.concatenate([start[picks], ones], axis=2)  # (C, 3 points, 3)
    area = np.abs(np.linalg.det(corners))
    corners[area < 1e-3 * np.median(area)] = np.eye(3)
    solved = np.linalg.inv(corners)[:, None] @ np.moveaxis(xy[:, picks], 0, 1)  # (C, T, 3, 2)
    motion = np.zeros((CANDIDATES, len(xy), 3, 3))
    motion[..., :2, :] = np.swapaxes(solved, -1, -2)
    motion[..., 2, 2] = 1
    return motion


def _fit_background(
    motion: NDArray[np.float64],
    start: NDArray[np.float64],
    xy: NDArray[np.float64],
    evidence: NDArray[np.bool_],
    thresholds: tuple[float, ...],
    size: tuple[int, int],
) -> NDArray[np.float64]:
    """Fit every frame's homography on the points that go with `motion`, with narrowing thresholds."""
    for threshold in thresholds:
        belongs = agreement(motion, start, xy, evidence, 2 * threshold)
        error = ((apply_homographies(motion, start) - xy) ** 2).sum(axis=-1)
        weights = evidence * belongs**2 / (1 + error / threshold**2) ** 2  # Geman-McClure
        motion = fit_homographies(start, xy, weights, *size)
    return motion


def find_camera(
    xy: NDArray[np.floating],
    evidence: NDArray[np.bool_],
    width: int,
    height: int,
    threshold: float,
    key: str,
) -> Camera:
    """Find the background's motion in tracks.

    Args:
        xy: (T, N, 2) pixels.
        evidence: (T, N): the position is seen and believed.
        threshold: pixels between a track and the background's motion up to which it goes along.
        key: the clip's key; seeds the draw.
    """
    frames, points = evidence.shape
    wide = xy.astype(np.float64)
    start = wide[0]
    both = evidence & evidence[:1]
    sure = np.flatnonzero(both.sum(axis=0) * 2 > frames)  # a candidate needs tracks that last
    if frames < 2 or not points_suffice(start, _mask(sure, points), min(width, height)):
        camera = still_camera(frames, points)
        refused = np.arange(frames) > 0
        return Camera(camera.background_motion, (~refused).astype(float), refused, camera.background, False)
    if len(sure) > COMPARED_POINTS:
        sure = np.sort(generator_of(key, "camera points").choice(sure, COMPARED_POINTS, replace=False))
    motion, is_still = _choose(start, wide, both, sure, (width, height), threshold, key)
    if is_still:
        belongs = agreement(motion, start, wide, both, 2 * threshold) > 0.5
        return Camera(motion, np.ones(frames), np.zeros(frames, bool), belongs, True)
    motion = _fit_background(
        motion, start, wide, both, (threshold, threshold / 2, threshold / 4), (width, height)
    )
    return _checked(motion, start, wide, both, width, height, threshold)


def _mask(indices: NDArray[np.intp], length: int) -> NDArray[np.bool_]:
    mask = np.zeros(length, bool)
    mask[indices] = True
    return mask


def _choose(
    start: NDArray[np.float64],
    xy: NDArray[np.float64],
    both: NDArray[np.bool_],
    sure: NDArray[np.intp],
    size: tuple[int, int],
    threshold: float,
    key: str,
) -> tuple[NDArray[np.float64], bool]:
    """Return the motion (T, 3, 3) with most votes, and whether it is "the camera stands still"."""
    frames = len(xy)
    times = np.unique(np.linspace(0, frames - 1, KEY_FRAMES + 1).round().astype(int)[1:])
    votes = border_votes(start[sure], *size)
    still = np.tile(np.eye(3), (frames, 1, 1))
    candidates = _draw_candidates(start, xy[times], sure, key)
    scores = agreement(candidates, start[sure], xy[times][:, sure], both[times][:, sure], threshold) @ votes
    # scores (C,): the best are fitted on all the points that go with them, then compared once more
    best_motion, best_score = still, -1.0
    for index in np.argsort(-scores, kind="stable")[:REFINED]:
        at_times = _fit_background(
            candidates[index],
            start[sure],
            xy[times][:, sure],
            both[times][:, sure],
            (threshold, threshold / 2),
            size,
        )
        score = float(
            agreement(at_times, start[sure], xy[times][:, sure], both[times][:, sure], threshold) @ votes
        )
        if score > best_score:
            best_motion, best_score = at_times, score
    exact = agreement(still, start[sure], xy[:, sure], both[:, sure], threshold * EXACT_SHARE) @ votes
    if STILL_BONUS * float(exact) >= best_score:
        return still, True
    belongs = agreement(best_motion, start, xy[times], both[times], 2 * threshold)
    return fit_homographies(start, xy, both * belongs**4, *size), False


def _checked(
    motion: NDArray[np.float64],
    start: NDArray[np.float64],
    xy: NDArray[np.floating],
    both: NDArray[np.bool_],
    width: int,
    height: int,
    threshold: float,
) -> Camera:
    """Refuse the frames whose homography cannot be believed; they hold the nearest believed one."""
    error = np.sqrt(((apply_homographies(motion, start) - xy) ** 2).sum(axis=-1))
    inlier = both & (error <= threshold)
    ratio = inlier.sum(axis=1) / np.maximum(both.sum(axis=1), 1)
    refused = np.zeros(len(xy), bool)
    for frame in range(1, len(xy)):
        refused[frame] = not (
            points_suffice(start, inlier[frame], min(width, height))
            and is_plausible(motion[frame], width, height)
        )
    motion[0], ratio[0] = np.eye(3), 1.0
    believed = np.flatnonzero(~refused)
    nearest = believed[np.abs(np.arange(len(xy))[:, None] - believed).argmin(axis=1)]
    belongs = agreement(motion[believed], start, xy[believed], both[believed], 2 * threshold) > 0.5
    return Camera(motion[nearest], ratio, refused, belongs, False)
