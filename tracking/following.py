"""From steps between neighbouring frames to long tracks: chain, check, and find again."""

import itertools
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from somtom.schemas.tracks import Tracks
from somtom.tracking.anchor import (
    MIN_CONTRAST,
    correlate_anchors,
    cut_patches,
    fit_anchors,
    make_anchors,
)
from somtom.tracking.colours import Colours
from somtom.tracking.grid import grid_queries
from somtom.tracking.neighbours import Neighbours, Prediction

SUPPORT_GRID = 8  # fewer queries on a frame than this squared get such a grid of companions
BLUR = 0.8  # pixels: standard deviation; takes noise out of the patches
MAX_DISAGREEMENT_PX = 0.5  # a step forward and back again must return this close
MAX_CORRECTION_PX = 3.0  # an anchor may move a point this far from where it was expected
MAX_DISSENT_PX = 3.0  # a doubtful point this far from where its companions put it slid onto something else

# A point's score is the correlation with its query patch, plus what colour says (-0.6 to 0.3).
STAY = 0.5  # the least for a point that was followed from the frame before
FOUND = 0.45  # ... for a lost one where its companions expect it
RETURN = 0.8  # ... for a lost one elsewhere: there, anything similar could be taken for it
CERTAIN = 1.0  # from here on a point is believed whatever its companions say
CLEAR = 0.7  # from this correlation on a point teaches how the light and its neighbours change

UNLIKE = 0.2  # agreement of colours (-0.6 to 0.3) below which a point may be somewhere else ...
MORE_LIKE = 0.1  # ... where they agree better by this much
MIN_MOVE_PX = 2.0  # places closer than this are the same place

WEAK_CONTRAST = 1.0  # grey levels: a position found with it deserves half the confidence
WEAK_CERTAINTY = 0.1  # of an anchor: without companions that agree, its position deserves half the confidence


class Steps(Protocol):
    """A clip, and how points move between two neighbouring frames of it.

    Attributes:
        frames: (T, H, W, 3) uint8 RGB.
        grey: T pictures (H, W) uint8.
    """

    frames: NDArray[np.uint8]
    grey: list[NDArray[np.uint8]]

    def move(
        self, source: int, target: int, xy: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Move (N, 2) points of frame `source` to `target`; and (N,) by how many pixels going back misses."""
        ...


def follow(steps: Steps, queries: NDArray[np.float32]) -> Tracks:
    """Follow (N, 3) queries through all frames, onward and backward from their query frames."""
    length, points = len(steps.grey), len(queries)
    height, width = steps.grey[0].shape
    xy = np.zeros((length, points, 2), np.float32)
    visible, confidence = np.zeros((2, length, points), np.float32)
    round_trip = np.full((length, points), -1.0, np.float32)
    support = grid_queries(width, height, SUPPORT_GRID)[:, 1:]
    for home in np.unique(queries[:, 0]):
        mine = np.flatnonzero(queries[:, 0] == home)
        start = queries[mine, 1:]
        if len(mine) < len(support):
            start = np.concatenate([start, support])
        follower = _Follower(steps, int(home), start)
        follower.run(range(int(home), length))
        follower.run(range(int(home), -1, -1))
        xy[:, mine] = follower.xy[:, : len(mine)]
        round_trip[:, mine] = follower.round_trip[:, : len(mine)]
        visible[:, mine], confidence[:, mine] = (part[:, : len(mine)] for part in follower.probabilities())
    return Tracks(queries, xy, visible, confidence, round_trip)


class _Follower:
    """The state of all points of one query frame: where they are, whether they are held, and how well."""

    def __init__(self, steps: Steps, home: int, start: NDArray[np.float32]) -> None:
        length, points = len(steps.grey), len(start)
        self.steps, self.home, self.start = steps, home, start
        self.height, self.width = steps.grey[0].shape
        self.anchors = make_anchors(*cut_patches(self._picture(home), start))
        self.xy = np.repeat(start[None], length, axis=0)
        self.score = np.zeros((length, points), np.float32)
        self.held = np.zeros((length, points), bool)
        self.round_trip = np.full((length, points), -1.0, np.float32)
        self.supported = np.ones((length, points), bool)  # companions say where the point is
        self.score[home] = 1.0
        self.held[home] = self.anchors.contrast >= MIN_CONTRAST

    def run(self, order: range) -> None:
        """Go through the frames in `order`, which begins with the query frame."""
        points = len(self.start)
        neighbours, colours = Neighbours(self.start), Colours(self.steps.frames, self.home, self.start)
        warp = np.repeat(np.eye(2, dtype=np.float32)[None], points, axis=0)
        velocity = np.zeros((points, 2), np.float32)
        for source, target in itertools.pairwise(order):
            picture = self._picture(target)
            self._continue(source, target, picture, colours, warp)
            predicted = neighbours.predict(self.xy[target], self.held[target])
            lost = np.flatnonzero(~self.held[target])
            if len(lost):
                coasted = self.xy[source] + velocity
                self._find(lost, target, picture, colours, neighbours, predicted, warp, coasted)
                predicted = neighbours.predict(self.xy[target], self.held[target])
            self._reconsider(target, picture, colours, neighbours, predicted, warp)
            self.supported[target] = predicted.supported
            off = np.linalg.norm(self.xy[target] - predicted.xy, axis=1)
            doubtful = self.held[target] & (self.score[target] < CERTAIN)
            dissent = doubtful & predicted.supported & (off > MAX_DISSENT_PX)
            self.held[target, dissent] = False
            self.xy[target, dissent] = predicted.xy[dissent]

            step = self.xy[target] - self.xy[source]
            clear = self.held[source] & self.held[target] & (self.score[target] > CLEAR)
            neighbours.learn(step, clear)
            smooth = np.float32(1.0 if source == self.home else 0.5)
            velocity = np.where(clear[:, None], velocity + smooth * (step - velocity), velocity)
            warp = np.where(predicted.supported[:, None, None], predicted.warp, warp)

    def probabilities(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Turn scores into (T, N) probabilities: seen, and in the right place."""
        score = np.clip(self.score, 0.0, 1.0)
        contrast, certainty = self.anchors.contrast, self.anchors.certainty
        trust = np.where(contrast >= MIN_CONTRAST, contrast**2 / (contrast**2 + WEAK_CONTRAST**2), 0.0)
        # On a flat thing a lone patch fits anywhere, with a high score.
        trust = trust * np.where(self.supported, 1.0, certainty / (certainty + WEAK_CERTAINTY))
        visible = np.where(self.held, 0.5 + 0.5 * score, 0.49 * score)
        return visible.astype(np.float32), (score * trust).astype(np.float32)

    def _continue(
        self,
        source: int,
        target: int,
        picture: NDArray[np.float32],
        colours: Colours,
        warp: NDArray[np.float32],
    ) -> None:
        """Follow the points that were held in the frame before."""
        chosen = np.flatnonzero(self.held[source])
        moved, missed = self.steps.move(source, target, self.xy[source, chosen])
        self.round_trip[target, chosen] = np.where(np.isfinite(missed), missed, -1.0)
        good = (missed < MAX_DISAGREEMENT_PX) & self._inside(moved)
        chosen, moved = chosen[good], moved[good]
        if not len(chosen):
            return
        fitted, alike = fit_anchors(self.anchors, chosen, picture, moved, warp[chosen])
        clear = alike >= CLEAR
        colours.adapt(target, chosen[clear], fitted[clear], warp[chosen[clear]])
        score = alike + colours.agreement(target, chosen, fitted, warp[chosen])
        self._record(target, chosen, moved, fitted, score, score >= STAY)

    def _find(
        self,
        lost: NDArray[np.intp],
        target: int,
        picture: NDArray[np.float32],
        colours: Colours,
        neighbours: Neighbours,
        predicted: Prediction,
        warp: NDArray[np.float32],
        coasted: NDArray[np.float32],
    ) -> None:
        """Look for lost points where their companions, their own motion or else any neighbour puts them."""
        supported = predicted.supported[lost]
        expected = np.where(supported[:, None], predicted.xy[lost], coasted[lost])
        turned = np.where(supported[:, None, None], predicted.warp[lost], warp[lost])
        fitted, alike = fit_anchors(self.anchors, lost, picture, expected, turned)
        score = alike + colours.agreement(target, lost, fitted, turned)
        self._record(target, lost, expected, fitted, score, score >= np.where(supported, FOUND, RETURN))

        # What was hidden before its companions were known may be on the same thing as any neighbour.
        alone = lost[~supported & ~self.held[target, lost]]
        if not len(alone):
            return
        places, turned, usable = self._places_beside(alone, target, neighbours, predicted)
        row, column = np.nonzero(usable)
        if not len(row):
            return
        guess, turn = places[row, column], turned[row, column]
        scores = np.full(usable.shape, -np.inf, np.float32)
        scores[row, column] = correlate_anchors(self.anchors, alone[row], picture, guess, turn)
        scores[row, column] += colours.agreement(target, alone[row], guess, turn)
        best, rows = scores.argmax(axis=1), np.flatnonzero(usable.any(axis=1))
        guess, turn = places[rows, best[rows]], turned[rows, best[rows]]
        fitted, alike = fit_anchors(self.anchors, alone[rows], picture, guess, turn)
        score = alike + colours.agreement(target, alone[rows], fitted, turn)
        better = score >= RETURN
        rows, guess, fitted, score = alone[rows[better]], guess[better], fitted[better], score[better]
        self._record(target, rows, guess, fitted, score, np.ones(len(rows), bool))

    def _reconsider(
        self,
        target: int,
        picture: NDArray[np.float32],
        colours: Colours,
        neighbours: Neighbours,
        predicted: Prediction,
        warp: NDArray[np.float32],
    ) -> None:
        """Take points to where a neighbour would put them if their colours are there and not where they are.

        Beside the edge of something that moves, most of a patch is that thing, and drags the point along.
        """
        held = np.flatnonzero(self.held[target])
        fits = colours.agreement(target, held, self.xy[target, held], warp[held])
        held, fits = held[fits < UNLIKE], fits[fits < UNLIKE]
        places, turned, usable = self._places_beside(held, target, neighbours, predicted)
        usable &= np.linalg.norm(places - self.xy[target, held, None], axis=2) > MIN_MOVE_PX
        row, column = np.nonzero(usable)
        if not len(row):
            return
        fits_there = np.full(usable.shape, -np.inf, np.float32)
        fits_there[row, column] = colours.agreement(
            target, held[row], places[row, column], turned[row, column]
        )
        rows = np.flatnonzero(fits_there.max(axis=1) > fits + MORE_LIKE)
        best = fits_there[rows].argmax(axis=1)
        chosen, place, turn = held[rows], places[rows, best], turned[rows, best]
        score = correlate_anchors(self.anchors, chosen, picture, place, turn) + fits_there[rows, best]
        sure = score >= RETURN
        chosen, place, score = chosen[sure], place[sure], score[sure]
        self._record(target, chosen, place, place, score, np.ones(len(chosen), bool))

    def _places_beside(
        self,
        chosen: NDArray[np.intp],
        target: int,
        neighbours: Neighbours,
        predicted: Prediction,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
        """List where each neighbour (M, K) would put points, were they on the same thing.

        Returns:
            places (M, K, 2), warps there (M, K, 2, 2), and which are held and inside (M, K).
        """
        beside = neighbours.index[chosen]
        turned = np.where(
            predicted.supported[beside][..., None, None], predicted.warp[beside], np.eye(2, dtype=np.float32)
        )
        places = self.xy[target, beside] - (turned @ neighbours.apart[chosen][..., None])[..., 0]
        return places, turned, self.held[target, beside] & self._inside(places)

    def _record(
        self,
        target: int,
        chosen: NDArray[np.intp],
        expected: NDArray[np.float32],
        fitted: NDArray[np.float32],
        score: NDArray[np.float32],
        enough: NDArray[np.bool_],
    ) -> None:
        """Hold the points whose score is enough where they were fitted, leave the others where expected."""
        near = np.linalg.norm(fitted - expected, axis=1) < MAX_CORRECTION_PX
        held = enough & near & self._inside(fitted)
        self.xy[target, chosen] = np.where(held[:, None], fitted, expected)
        self.held[target, chosen] = held
        self.score[target, chosen] = score

    def _picture(self, frame: int) -> NDArray[np.float32]:
        smooth: NDArray[np.float32] = cv2.GaussianBlur(
            self.steps.grey[frame].astype(np.float32), (0, 0), BLUR
        )
        return smooth

    def _inside(self, xy: NDArray[np.float32]) -> NDArray[np.bool_]:
        x, y = xy[..., 0], xy[..., 1]
        inside: NDArray[np.bool_] = (
            (x >= -0.5) & (x <= self.width - 0.5) & (y >= -0.5) & (y <= self.height - 0.5)
        )
        return inside
