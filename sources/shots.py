"""Where one shot ends and the next begins, found on small pictures as they are decoded."""

import difflib
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray
from scenedetect import FrameTimecode
from scenedetect.detector import SceneDetector
from scenedetect.detectors import AdaptiveDetector, ContentDetector

from somtom.schemas.settings import ShotSettings

SHORT_SIDE = 144  # pixels of the pictures looked at
ADAPTIVE_WINDOW = 2  # frames before and after that the adaptive detector averages

# name -> makes the detector from its threshold (0 = PySceneDetect's default). A cut that is suppressed would
# lie inside a clip, so each one is wanted (min_scene_len = 0).
DETECTORS: dict[str, Callable[[float], SceneDetector] | None] = {
    "adaptive": lambda threshold: AdaptiveDetector(
        adaptive_threshold=threshold or 3.0, min_scene_len=0, window_width=ADAPTIVE_WINDOW
    ),
    "content": lambda threshold: ContentDetector(threshold=threshold or 27.0, min_scene_len=0),
    "none": None,
}


def detector_maker(settings: ShotSettings) -> Callable[[], SceneDetector] | None:
    """Look up the detector that the settings name; None for "none".

    Raises:
        ValueError: there is no such detector.
    """
    if settings.detector not in DETECTORS:
        nearest = difflib.get_close_matches(settings.detector, DETECTORS, n=1, cutoff=0.0)[0]
        raise ValueError(f"unknown shots.detector {settings.detector!r}; did you mean {nearest!r}?")
    make = DETECTORS[settings.detector]
    return None if make is None else lambda: make(settings.threshold)


class CutFinder:
    """Finds the cuts in one stretch of frames; holds five scores and one picture, however long it is.

    The adaptive detector judges a frame by its neighbours on both sides, so it never reports a cut within two
    frames of either end, where a badly trimmed file has the last frame of another shot. The first and the
    last picture are therefore shown to it repeatedly.
    """

    def __init__(self, detector: SceneDetector) -> None:
        self._detector = detector
        self._shown = 0
        self._last: NDArray[np.uint8] | None = None

    def add(self, rgb: NDArray[np.uint8]) -> list[int]:
        """Look at the next picture, (H, W, 3); gives the cuts found by now, as indices of first frames."""
        bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR).astype(np.uint8, copy=False)
        found: list[int] = []
        for _ in range(ADAPTIVE_WINDOW + 1 if self._last is None else 1):
            found += self._show(bgr)
        self._last = bgr
        return found

    def finish(self) -> list[int]:
        """Give the cuts that the last pictures were waiting for."""
        if self._last is None:
            return []
        last = self._last
        return [cut for _ in range(ADAPTIVE_WINDOW) for cut in self._show(last)]

    def _show(self, bgr: NDArray[np.uint8]) -> list[int]:
        timecode = FrameTimecode(self._shown, fps=1.0)
        self._shown += 1
        cuts = self._detector.process_frame(timecode, bgr)
        return [cut.frame_num - ADAPTIVE_WINDOW for cut in cuts]
