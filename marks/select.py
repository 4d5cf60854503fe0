"""Which traces of a clip get a number: one of each cluster of moving and of static traces."""

import cv2
import numpy as np
from numpy.typing import NDArray

from somtom.marks.draw import digit_height
from somtom.marks.sprites import label_size
from somtom.schemas.keys import generator_of, seed_of
from somtom.schemas.marks import Mark, Marks
from somtom.schemas.motion import Motion
from somtom.schemas.reasons import DataError
from somtom.schemas.settings import MarkSettings
from somtom.schemas.tracks import Tracks

_CRITERIA = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 30, 0.1)
_TRUST_WEIGHT = 1.5  # a trace that is never sure counts like one 1.5 cluster radii off the centre


def select_marks(
    tracks: Tracks, motion: Motion, width: int, height: int, settings: MarkSettings, key: str
) -> Marks:
    """Cluster the moving and the static traces apart and number one trace of each cluster.

    Only kept traces that are seen inside the picture on frame 0 and that the tracker trusts take part.
    Of each cluster that trace is taken which is nearest to the cluster's centre and best trusted,
    among those at least `min_distance` away from the marks taken before (the farthest one, if none is).
    Moving traces choose first. Numbers are shuffled over all marks, so that they say nothing of motion.

    Raises:
        DataError: `no_texture` when no trace is trusted, `too_few_points` when fewer than
            `min_points` traces can take part.
    """
    xy, seen = motion.xy, tracks.seen
    # The first frame says nothing: every query stands on its point there.
    later = slice(1, None) if len(xy) > 1 else slice(None)
    trust = (tracks.confidence[later] * seen[later]).mean(axis=0)
    if not (trust >= settings.min_confidence).any():
        raise DataError("no_texture", "no point could be tracked with any confidence (flat or black picture)")
    inside = ((xy[0] > -0.5) & (xy[0] < np.array([width, height]) - 0.5)).all(axis=1)
    usable = motion.kept & seen[0] & inside & (trust >= settings.min_confidence)
    moving, static = np.flatnonzero(usable & motion.moving), np.flatnonzero(usable & ~motion.moving)
    if len(moving) < settings.min_moving:
        moving = moving[:0]
    left = len(moving) + len(static)
    if left < settings.min_points:
        raise DataError("too_few_points", f"{left} usable points are left, {settings.min_points} are needed")

    random = generator_of(key, "marks.select")
    clusters = int(random.integers(settings.foreground_min, settings.foreground_max + 1))
    background = int(random.integers(settings.background_min, settings.background_max + 1))
    room = most_marks(width, height, settings.max_cover)
    clusters = min(clusters, max(1, room // 2))
    background = min(background, room - min(clusters, len(moving)))
    margin = np.array([width, height], dtype=np.float32)
    features = np.clip(xy, -margin, 2 * margin).transpose(1, 0, 2).reshape(xy.shape[1], -1)
    apart = settings.min_distance * min(width, height)
    chosen: list[int] = []
    for name, members, count in (("moving", moving, clusters), ("static", static, background)):
        labels = _cluster(features[members], count, seed_of(key, f"marks.{name}"))
        for label in range(labels.max(initial=-1) + 1):
            of_cluster = members[labels == label]
            if len(of_cluster):
                chosen.append(_pick(of_cluster, features, trust, xy[0], chosen, apart))
    if not chosen:
        raise DataError("too_few_points", "nothing moves, and the settings ask for no background marks")
    order = random.permutation(chosen)
    traces = np.concatenate([xy[:, order], seen[:, order, None]], axis=2).astype(np.float32)
    marks = tuple(
        Mark(number, float(xy[0, index, 0]), float(xy[0, index, 1]), foreground=bool(motion.moving[index]))
        for number, index in enumerate(order, start=1)
    )
    return Marks(marks, traces)


def most_marks(width: int, height: int, cover: float) -> int:
    """How many labels of one digit fit on that share of a picture; 2 at least.

    >>> most_marks(64, 64, 0.3), most_marks(128, 128, 0.3), most_marks(512, 384, 0.3)
    (5, 21, 94)
    """
    label = label_size("8", digit_height(width, height, ()), "disc")
    return max(2, int(cover * width * height / (label[0] * label[1])))


def _cluster(features: NDArray[np.float32], count: int, seed: int) -> NDArray[np.int32]:
    """Label (N, D) rows with at most `count` clusters, the same for the same seed; -1 where there is none."""
    count = min(count, len(features))
    if count <= 1:
        return np.full(len(features), count - 1, dtype=np.int32)
    cv2.setRNGSeed(seed % 2**31)
    rows = np.ascontiguousarray(features)
    _, labels, _ = cv2.kmeans(rows, count, None, _CRITERIA, 3, cv2.KMEANS_PP_CENTERS)
    return np.asarray(labels, dtype=np.int32).reshape(-1)


def _pick(
    members: NDArray[np.int64],
    features: NDArray[np.float32],
    trust: NDArray[np.float32],
    points: NDArray[np.float32],
    chosen: list[int],
    apart: float,
) -> int:
    """Take the trace that stands best for its cluster and is not on top of a mark chosen before."""
    offsets = np.linalg.norm(features[members] - features[members].mean(axis=0), axis=1)
    cost = offsets / max(float(offsets.mean()), 1e-6) + _TRUST_WEIGHT * (1 - trust[members])
    if chosen:
        gaps = np.linalg.norm(points[members, None] - points[chosen], axis=2).min(axis=1)
        free = gaps >= apart
        cost = np.where(free, cost, np.inf) if free.any() else -gaps
    return int(members[np.argmin(cost)])
