"""From steps between neighbouring frames to long tracks: chain, coast, anchor."""

import itertools
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from somtom.schemas.tracks import Tracks
from somtom.tracking.anchor import Anchors, fit_anchors, make_anchors

MAX_DISAGREEMENT_PX = 1.0  # forward then backward must return this close
MAX_CORRECTION_PX = 3.0  # an anchor may move a point that is being followed this far
MAX_RETURN_PX = 12.0  # ... and one that was lost this far
STAY = 0.5  # correlation with the query patch that a point needs to stay visible
RETURN = 0.75  # ... and to come back
NEIGHBOURS = 8  # good points that tell a lost one where to go


class Steps(Protocol):
    """How points move between two neighbouring frames of a clip, and the clip in grey."""

    grey: list[NDArray[np.float32]]

    def move(
        self, source: int, target: int, xy: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Move (N, 2) points of frame `source` to `target`; and (N,) by how many pixels going back misses."""
        ...


def follow(steps: Steps, queries: NDArray[np.float32]) -> Tracks:
    """Follow (N, 3) queries through all frames, onward and, where a query is not on frame 0, backward."""
    length, points = len(steps.grey), len(queries)
    home = queries[:, 0].astype(np.int64)
    xy = np.repeat(queries[None, :, 1:], length, axis=0).astype(np.float32)
    visible = np.ones((length, points), np.float32)
    confidence = np.ones((length, points), np.float32)
    tracks = Tracks(queries=queries, xy=xy, visible=visible, confidence=confidence)
    anchors = make_anchors(steps.grey, queries)
    order = list(range(length))
    _pass(steps, anchors, tracks, home, order)
    if home.any():
        _pass(steps, anchors, tracks, home, order[::-1])
    confidence[:, ~anchors.textured] = 0.0
    return tracks


def _pass(steps: Steps, anchors: Anchors, tracks: Tracks, home: NDArray[np.int64], order: list[int]) -> None:
    """Fill `tracks` in the direction of `order`, frame by frame, starting each point at its query."""
    height, width = steps.grey[0].shape
    forward = order[0] < order[-1]
    position = tracks.queries[:, 1:].copy()
    velocity = np.zeros_like(position)
    lost = np.zeros(len(home), bool)
    for source, target in itertools.pairwise(order):
        active = np.flatnonzero(home <= source if forward else home >= source)
        if not len(active):
            continue
        start = position[active]
        moved, missed = steps.move(source, target, start)
        inside = _inside(start, width, height) & _inside(moved, width, height)
        good = inside & (missed < MAX_DISAGREEMENT_PX) & ~lost[active]
        coasted = start + coast(start, moved - start, velocity[active], good)
        guess = np.where(good[:, None], moved, coasted).astype(np.float32)
        fitted, alike = fit_anchors(anchors, active, steps.grey[target], guess)
        reach = np.linalg.norm(fitted - guess, axis=1)
        was_lost = lost[active]
        near = reach < np.where(was_lost | ~good, MAX_RETURN_PX, MAX_CORRECTION_PX)
        enough = alike >= np.where(was_lost, RETURN, STAY)
        held = near & enough & _inside(fitted, width, height) & anchors.textured[active]
        now = np.where(held[:, None], fitted, guess).astype(np.float32)
        seen = held
        velocity[active] = np.where(held[:, None], now - start, velocity[active])
        position[active] = now
        lost[active] = ~seen
        tracks.xy[target, active] = now
        tracks.visible[target, active] = np.where(seen, 0.5 + 0.5 * alike, 0.5 * np.clip(alike, 0, 0.98))
        tracks.confidence[target, active] = np.clip(alike, 0, 1)


def coast(
    xy: NDArray[np.float32],
    motion: NDArray[np.float32],
    velocity: NDArray[np.float32],
    good: NDArray[np.bool_],
) -> NDArray[np.float32]:
    """Guess the (N, 2) motion of points that cannot be followed from their good neighbours' and their own."""
    if not good.any():
        return velocity
    square = ((xy[:, None, :] - xy[None, good, :]) ** 2).sum(axis=2)
    nearest = np.argsort(square, axis=1, kind="stable")[:, :NEIGHBOURS]
    around: NDArray[np.float32] = np.median(motion[good][nearest], axis=1)
    return (0.5 * (around + velocity)).astype(np.float32)


def _inside(xy: NDArray[np.float32], width: int, height: int) -> NDArray[np.bool_]:
    x, y = xy[:, 0], xy[:, 1]
    return (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)
