"""Where one shot ends and the next begins, found on small pictures as they are decoded."""

import difflib
from collections import deque
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
    """Finds the cuts in one stretch of frames; holds five scores and three pictures, however long it is.

    The adaptive detector judges a frame by its neighbours on both sides, so it never reports a cut within two
    frames of either end, where a badly trimmed file has a frame of another shot. So it is shown the pictures
    mirrored at both ends: 2 1 0 1 2 3 ... n-2 n-1 n-2 n-3.
    """

    def __init__(self, detector: SceneDetector) -> None:
        self._detector = detector
        self._shown = 0
        self._recent: deque[NDArray[np.uint8]] = deque(maxlen=ADAPTIVE_WINDOW + 1)

    def add(self, rgb: NDArray[np.uint8]) -> list[int]:
        """Look at the next picture, (H, W, 3); gives cuts found by now: numbers of first frames of shots.

        Numbers outside the stretch are reflections and mean nothing.
        """
        self._recent.append(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR).astype(np.uint8, copy=False))
        if self._shown:
            return self._show([self._recent[-1]])
        if len(self._recent) <= ADAPTIVE_WINDOW:
            return []
        return self._show([*reversed(self._recent), *list(self._recent)[1:]])

    def finish(self) -> list[int]:
        """Give the cuts that the last pictures were waiting for."""
        return self._show(list(self._recent)[-2::-1]) if self._shown else []

    def _show(self, pictures: list[NDArray[np.uint8]]) -> list[int]:
        found: list[int] = []
        for picture in pictures:
            cuts = self._detector.process_frame(FrameTimecode(self._shown, fps=1.0), picture)
            found += [cut.frame_num - ADAPTIVE_WINDOW for cut in cuts]
            self._shown += 1
        return found
