"""The default tracker: dense DIS optical flow, chained, with anchors in the query frame."""

import cv2
import numpy as np
from numpy.typing import NDArray

from somtom.schemas.settings import TrackingSettings
from somtom.schemas.tracks import TrackerInfo, Tracks
from somtom.tracking.following import follow
from somtom.tracking.sampling import sample

VERSION = "7"  # changes whenever outputs do
MAX_FRAMES = 96  # the flow of a pair, both ways, takes about 4 MB
SMALLEST = 16  # pixels; OpenCV refuses smaller pictures


class DisTracker:
    """Dense inverse search (Kroeger et al. 2016), OpenCV's; no weights."""

    def __init__(self, settings: TrackingSettings | None = None) -> None:
        self.info = TrackerInfo(name="dis", version=VERSION, licence="Apache-2.0", max_frames=MAX_FRAMES)

    def open(self, frames: NDArray[np.uint8]) -> "DisSession":
        """Take a clip; its flow is computed when first wanted."""
        return DisSession(frames)


class DisSession:
    """Flow of every pair of neighbouring frames, computed once for all queries."""

    def __init__(self, frames: NDArray[np.uint8]) -> None:
        self.frames = frames
        self.grey: list[NDArray[np.uint8]] = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
        self._engine = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        # The anchors take care of the last half pixel. Against the preset as it is (stride 3, 25 steps,
        # 5 refinements), on the clips of docs/tracking.md: average Jaccard 81.0 for 81.1 in half of the time.
        self._engine.setPatchStride(4)
        self._engine.setGradientDescentIterations(12)
        self._engine.setVariationalRefinementIterations(0)
        self._flows: dict[tuple[int, int], NDArray[np.float32]] = {}

    def track(self, queries: NDArray[np.float32]) -> Tracks:
        """Follow `queries` (N, 3) through the clip."""
        return follow(self, queries)

    def move(
        self, source: int, target: int, xy: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Move (N, 2) points along the flow; and how far the flow back misses, in pixels."""
        moved = xy + self._read(source, target, xy)
        back = moved + self._read(target, source, moved)
        return moved, np.linalg.norm(back - xy, axis=1)

    def _read(self, source: int, target: int, xy: NDArray[np.float32]) -> NDArray[np.float32]:
        pair = (source, target)
        if pair not in self._flows:
            padded = [_at_least(self.grey[frame], SMALLEST) for frame in pair]
            self._flows[pair] = self._engine.calc(padded[0], padded[1], None)
        flow = self._flows[pair]
        return np.stack([sample(flow[..., axis], xy[:, None])[:, 0] for axis in (0, 1)], axis=1)


def _at_least(picture: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Pad a picture that is smaller than `side` at the right and the bottom."""
    height, width = picture.shape
    if min(height, width) >= side:
        return picture
    return np.pad(picture, ((0, max(0, side - height)), (0, max(0, side - width))), mode="edge")
