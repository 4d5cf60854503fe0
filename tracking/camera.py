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

CANDIDATES = 100  # motions tried, each from two tracks
KEY_FRAMES = 8  # frames that the candidates are compared in
COMPARED_POINTS = 400  # points that the candidates are compared on
REFINED = 4  # best candidates that are fitted again before the last comparison
VOTER_FRAMES = 4  # a point votes when it is seen in frame 0 and three more
BORDER = 0.22  # of the half sides: how wide the border is; 38 % of the picture's area, with this
INNER_VOTE = 0.1  # votes of a point within; one on the border has 1
STILL_BONUS = 1.25  # a camera that stands still explains its points exactly and for free
EXACT_SHARE = 0.5  # "exactly": within this share of the inlier threshold
DEPTH_TOLERANCE = 2.0  # inlier thresholds that a point may stray over a clip and still be fitted: near and
# far things part when the camera travels, slowly; RANSAC's 4 px would take the nearest plane for the whole


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


def border_votes(xy: NDArray[np.floating]) -> NDArray[np.float64]:
    """Weigh points (N, 2): 1 on the border of the box that holds them all, `INNER_VOTE` within.

    The box is the points' and not the picture's, so that black bars do not count as the border.
    """
    low, high = xy.min(axis=0), xy.max(axis=0)
    reach = np.abs((xy - low) / np.maximum(high - low, 1) * 2 - 1).max(axis=1)
    return np.where(reach >= 1 - BORDER, 1.0, INNER_VOTE)


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
    start: NDArray[np.float64], xy: NDArray[np.float64], chances: NDArray[np.float64], key: str
) -> NDArray[np.float64]:
    """Make (CANDIDATES, T, 3, 3) motions, each from two points drawn with these chances (N,).

    They shift, turn and zoom, which is most of what cameras do, and two tracks of the background are
    found more easily than three or four.
    """
    draw = generator_of(key, "camera")
    waits = draw.exponential(size=(CANDIDATES, len(chances))) / np.maximum(chances, 1e-9)
    first, second = np.argsort(waits, axis=1)[:, :2].T  # the shortest waits: a draw without replacement
    # In complex numbers such a motion is z -> a z + b.
    start_z, z = start @ np.array([1, 1j]), (xy @ np.array([1, 1j])).T
    apart = start_z[second] - start_z[first]
    a = (z[second] - z[first]) / np.where(np.abs(apart) < 1, 1, apart)[:, None]
    b = z[first] - a * start_z[first, None]
    zero = np.zeros(a.shape)
    rows = [[a.real, -a.imag, b.real], [a.imag, a.real, b.imag], [zero, zero, zero + 1]]
    return np.moveaxis(np.array(rows), (0, 1), (2, 3))


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
    may_be_still: bool,
    key: str,
) -> Camera:
    """Find the background's motion in tracks.

    Args:
        xy: (T, N, 2) pixels.
        evidence: (T, N): the position is seen and believed.
        threshold: pixels between a track and the background's motion up to which it goes along.
        may_be_still: "the camera stands still" is one of the answers.
        key: the clip's key; seeds the draw.
    """
    frames, points = evidence.shape
    wide = xy.astype(np.float64)
    start = wide[0]
    both = evidence & evidence[:1]
    voters = np.flatnonzero(both.sum(axis=0) >= min(VOTER_FRAMES, frames))
    if frames < 2 or not points_suffice(start, _mask(voters, points), min(width, height)):
        camera = still_camera(frames, points)
        refused = np.arange(frames) > 0
        return Camera(camera.background_motion, (~refused).astype(float), refused, camera.background, False)
    if len(voters) > COMPARED_POINTS:
        draw = generator_of(key, "camera voters")
        voters = np.sort(draw.choice(voters, COMPARED_POINTS, replace=False))
    motion, is_still = _choose(start, wide, both, voters, (width, height), threshold, may_be_still, key)
    tolerance = DEPTH_TOLERANCE * threshold
    if is_still:
        belongs = agreement(motion, start, wide, both, 2 * threshold) > 0.5
        return Camera(motion, np.ones(frames), np.zeros(frames, bool), belongs, True)
    motion = _fit_background(motion, start, wide, both, (tolerance, tolerance / 2), (width, height))
    return _checked(motion, start, wide, both, width, height, threshold)


def _mask(indices: NDArray[np.intp], length: int) -> NDArray[np.bool_]:
    mask = np.zeros(length, bool)
    mask[indices] = True
    return mask


def _choose(
    start: NDArray[np.float64],
    xy: NDArray[np.float64],
    both: NDArray[np.bool_],
    voters: NDArray[np.intp],
    size: tuple[int, int],
    threshold: float,
    may_be_still: bool,
    key: str,
) -> tuple[NDArray[np.float64], bool]:
    """Return the motion (T, 3, 3) with most votes, and whether it is "the camera stands still"."""
    frames, tolerance = len(xy), DEPTH_TOLERANCE * threshold
    times = np.unique(np.linspace(1, frames - 1, KEY_FRAMES).round().astype(int))
    votes = border_votes(start[voters])
    here, seen = xy[times][:, voters], both[times][:, voters]
    candidates = _draw_candidates(start[voters], here, votes * seen.mean(axis=0) ** 2, key)
    scores = agreement(candidates, start[voters], here, seen, tolerance) @ votes
    still = np.tile(np.eye(3), (frames, 1, 1))
    best, best_score = still[times], -1.0
    # The best are fitted on all the points that go with them, and compared once more.
    for index in np.argsort(-scores, kind="stable")[:REFINED]:
        fitted = _fit_background(
            candidates[index], start[voters], here, seen, (tolerance, tolerance / 2), size
        )
        score = float(agreement(fitted, start[voters], here, seen, tolerance) @ votes)
        if score > best_score:
            best, best_score = fitted, score
    exact = agreement(still[times], start[voters], here, seen, threshold * EXACT_SHARE) @ votes
    if may_be_still and STILL_BONUS * float(exact) >= best_score:
        return still, True
    belongs = agreement(best, start, xy[times], both[times], 2 * tolerance)
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
