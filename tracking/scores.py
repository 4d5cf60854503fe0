"""How good tracks are, and how well moving points were told from static ones."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

THRESHOLDS_PX = (1.0, 2.0, 4.0, 8.0, 16.0)  # at SCORE_SIDE x SCORE_SIDE
SCORE_SIDE = 256


@dataclass(frozen=True)
class TapVidScores:
    """Scores of one clip, 0 to 1: share of seen points within the thresholds (mean over them), share of
    frames with the right visibility, and the mean Jaccard index of both together."""

    delta_avg: float
    occlusion_accuracy: float
    average_jaccard: float


def tap_vid_scores(
    queries: NDArray[np.float32],
    true_xy: NDArray[np.float32],
    true_visible: NDArray[np.bool_],
    xy: NDArray[np.float32],
    visible: NDArray[np.bool_],
    width: int,
    height: int,
) -> TapVidScores:
    """Score tracks as TAP-Vid's "query first" does (Doersch et al., arXiv 2211.03726, section 3.3).

    Only frames after a point's query frame count. Positions are scaled to 256 x 256 first, each axis by
    its own factor, so on a 512 x 384 clip 1 px means 2 px along x and 1.5 px along y. All points of the
    clip are pooled; a mean over clips is the mean of these scores. A clip in which nothing is to be
    scored gets 0.

    Args:
        queries: (N, 3): frame, x, y.
        true_xy, xy: (T, N, 2) in pixels of a `width` x `height` picture.
        true_visible, visible: (T, N) bool.
    """
    frames = np.arange(true_xy.shape[0])[:, None]
    scored = frames > queries[None, :, 0]
    scale = np.array([SCORE_SIDE / width, SCORE_SIDE / height])
    offset = (xy.astype(np.float64) - true_xy) * scale
    square_distance = (offset**2).sum(axis=2)
    seen = scored & true_visible
    claimed = scored & visible
    within, jaccard = [], []
    for threshold in THRESHOLDS_PX:
        close = square_distance < threshold**2
        hits = int((close & seen & claimed).sum())
        # A claimed point that is hidden, or too far away, is a false positive.
        false_positives = int((claimed & ~(close & seen)).sum())
        within.append(_share(int((close & seen).sum()), int(seen.sum())))
        jaccard.append(_share(hits, int(seen.sum()) + false_positives))
    right = int(((visible == true_visible) & scored).sum())
    return TapVidScores(
        delta_avg=float(np.mean(within)),
        occlusion_accuracy=_share(right, int(scored.sum())),
        average_jaccard=float(np.mean(jaccard)),
    )


@dataclass(frozen=True)
class MovingScores:
    """How well moving points were found, 0 to 1."""

    precision: float
    recall: float
    f1: float


def moving_scores(
    predicted: NDArray[np.bool_], truth: NDArray[np.bool_], ignored: NDArray[np.bool_]
) -> MovingScores:
    """Score a split into moving (True) and static points; `ignored` points do not count. All are (N,)."""
    predicted, truth = predicted[~ignored], truth[~ignored]
    hits = int((predicted & truth).sum())
    return MovingScores(
        precision=_share(hits, int(predicted.sum())),
        recall=_share(hits, int(truth.sum())),
        f1=_share(2 * hits, int(predicted.sum()) + int(truth.sum())),
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
