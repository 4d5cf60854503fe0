"""CoTracker3 by its authors' package, where that is installed: to hold our own engine against.

Only the package's model is used, not what it calls a predictor, which thresholds the visibility, drops the
confidence, adds points of its own and, asked for both directions, tracks twice what this model has already
tracked both ways.
"""

import importlib.util

import numpy as np
from numpy.typing import NDArray

from somtom.schemas.settings import TrackingSettings
from somtom.schemas.tracks import TrackerInfo
from somtom.tracking.cotracker3 import WEIGHTS_LICENCE, CoTracker3Session, check_settings
from somtom.tracking.weights import find_weights

PACKAGE = "cotracker"
INSTALL = "pip install git+https://github.com/facebookresearch/co-tracker"
VERSION = "1"  # changes whenever outputs do


class CoTracker3Official:
    """The authors' offline model with the same weights, pictures and queries as our engine.

    It takes one clip at a time: the package fails on a batch of two.

    Raises:
        ValueError: in one line: torch, the package, the weights or the acceptance of their licence is
            missing, or what the package cannot do is asked for.
    """

    def __init__(self, settings: TrackingSettings) -> None:
        check_settings(settings)
        if importlib.util.find_spec(PACKAGE) is None:
            raise ValueError(
                f"the package {PACKAGE} is not installed: {INSTALL} (its licence, {WEIGHTS_LICENCE}, forbids "
                'commercial use); tracker "cotracker3" computes the same without it'
            )
        if settings.precision != "float32" or settings.compile:
            raise ValueError(
                'the package computes in float32, not compiled: set tracking.precision = "float32" and '
                "tracking.compile = false"
            )
        weights = find_weights(settings.weights, settings.weights_sha256)
        from somtom.tracking.cotracker3_official_engine import OfficialEngine

        self._engine = OfficialEngine(weights.path, settings)
        self.on_gpu = self._engine.device.type != "cpu"
        self.info = TrackerInfo(
            name="cotracker3-official",
            version=f"{VERSION}-{self._engine.package_version}",
            licence=WEIGHTS_LICENCE,
            weights_sha256=weights.sha256,
            weights_licence=WEIGHTS_LICENCE,
            max_frames=settings.chunk_frames,
        )

    def open(self, frames: NDArray[np.uint8]) -> CoTracker3Session:
        """Take a clip."""
        return CoTracker3Session(self._engine, [frames])
