"""The fast tracker: pyramidal Lucas-Kanade, chained, with anchors in the query frame."""

import cv2
import numpy as np
from numpy.typing import NDArray

from somtom.schemas.settings import TrackingSettings
from somtom.schemas.tracks import TrackerInfo, Tracks
from somtom.tracking.following import follow

VERSION = "7"  # changes whenever outputs do
WINDOW = (17, 17)  # pixels
LEVELS = 4  # halvings: a step of about 100 pixels can be found


class LkTracker:
    """Sparse pyramidal Lucas-Kanade (Bouguet 2000), OpenCV's; no weights."""

    def __init__(self, settings: TrackingSettings | None = None) -> None:
        self.info = TrackerInfo(name="lk", version=VERSION, licence="Apache-2.0")

    def open(self, frames: NDArray[np.uint8]) -> "LkSession":
        """Take a clip."""
        return LkSession(frames)


class LkSession:
    """A clip in grey."""

    def __init__(self, frames: NDArray[np.uint8]) -> None:
        self.frames = frames
        self.grey: list[NDArray[np.uint8]] = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]

    def track(self, queries: NDArray[np.float32]) -> Tracks:
        """Follow `queries` (N, 3) through the clip."""
        return follow(self, queries)

    def move(
        self, source: int, target: int, xy: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Move (N, 2) points; and how far, in pixels, moving back misses (infinite where LK gave up)."""
        if not len(xy):
            return xy, np.zeros(0, np.float32)
        moved, found = self._search(source, target, xy)
        back, found_back = self._search(target, source, moved)
        missed = np.linalg.norm(back - xy, axis=1)
        return moved, np.where(found & found_back, missed, np.inf).astype(np.float32)

    def _search(
        self, source: int, target: int, xy: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        # OpenCV 5 refuses the pyramids that its own buildOpticalFlowPyramid makes: pass pictures.
        moved, status, _ = cv2.calcOpticalFlowPyrLK(
            self.grey[source], self.grey[target], xy[:, None], None, winSize=WINDOW, maxLevel=LEVELS
        )
        found = status[:, 0].astype(bool) & np.isfinite(moved[:, 0]).all(axis=1)
        return np.where(found[:, None], moved[:, 0], xy), found
