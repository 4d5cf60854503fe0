"""The tracker with learnt weights: CoTracker3 (Karaev et al., arXiv 2410.11831), in an engine of our own.

Torch is imported when the tracker is made, and nowhere else: a build with another tracker needs none.
"""

import importlib.util
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from somtom.schemas.reasons import DataError
from somtom.schemas.settings import TrackingSettings
from somtom.schemas.tracks import TrackerInfo, Tracks
from somtom.tracking.weights import find_weights

if TYPE_CHECKING:
    from somtom.tracking.cotracker3_engine import Estimate

TORCH = "torch"
VERSION = "1"  # changes whenever outputs do
WEIGHTS_LICENCE = "CC-BY-NC-4.0"
SIDE_MULTIPLE = 16  # pixels; the features' coarsest stage has a sixteenth of the picture's size
SOURCE = "scaled_offline.pth of facebook/cotracker3 on Hugging Face"


class CoTracker3:
    """CoTracker3, offline: all frames and points of a clip inform each other.

    Raises:
        ValueError: in one line: torch, the weights or the acceptance of their licence is missing.
    """

    def __init__(self, settings: TrackingSettings) -> None:
        check_settings(settings)
        weights = find_weights(settings.weights, settings.weights_sha256)
        from somtom.tracking.cotracker3_engine import Engine

        self._engine = Engine(weights.path, settings)
        self.on_gpu = self._engine.device.type != "cpu"
        self.info = TrackerInfo(
            name="cotracker3",
            version=VERSION if settings.precision == "float32" else f"{VERSION}-{settings.precision}",
            licence="Apache-2.0",
            weights_sha256=weights.sha256,
            weights_licence=WEIGHTS_LICENCE,
            max_frames=settings.chunk_frames,
        )

    def open(self, frames: NDArray[np.uint8]) -> "CoTracker3Session":
        """Take a clip."""
        return CoTracker3Session(self._engine, [frames])

    def open_batch(self, clips: Sequence[NDArray[np.uint8]]) -> "CoTracker3Session":
        """Take several clips of as many frames each, whose pictures may differ in size."""
        return CoTracker3Session(self._engine, clips)


def check_settings(settings: TrackingSettings) -> None:
    """Look for what needs neither the model nor its weights.

    Raises:
        ValueError: in one line: torch, the weights' place or the acceptance of their licence is missing.
    """
    if importlib.util.find_spec(TORCH) is None:
        raise ValueError('torch is not installed: pip install "somtom[cotracker]"')
    if not settings.weights:
        raise ValueError(
            f"tracking.weights is not set: give the path or URI of {SOURCE} (licence {WEIGHTS_LICENCE})"
        )
    if settings.accept_licence != WEIGHTS_LICENCE:
        raise ValueError(
            f"the weights' licence, {WEIGHTS_LICENCE}, forbids commercial use: if you accept it, set "
            f'tracking.accept_licence = "{WEIGHTS_LICENCE}" (it is {settings.accept_licence!r})'
        )
    for name in ("model_height", "model_width"):
        if getattr(settings, name) % SIDE_MULTIPLE:
            raise ValueError(
                f"tracking.{name} = {getattr(settings, name)}: must be a multiple of {SIDE_MULTIPLE}"
            )


class CoTracker3Engine(Protocol):
    """What computes for a session: our engine, or the authors' model."""

    settings: TrackingSettings

    def extract(self, clips: Sequence[NDArray[np.uint8]]) -> Any:
        """Compute what all queries share of clips, each (T, H, W, 3) uint8 RGB, all of the same T."""
        ...

    def track(self, features: Any, queries: NDArray[np.float32]) -> "Estimate":
        """Track queries (B, N, 3: frame, x, y in pixels of the model's pictures)."""
        ...


class CoTracker3Session:
    """The features of a batch of clips, shared by all queries."""

    def __init__(self, engine: CoTracker3Engine, clips: Sequence[NDArray[np.uint8]]) -> None:
        if len({len(clip) for clip in clips}) != 1:
            raise ValueError(f"clips of one batch must be equally long, got {[len(clip) for clip in clips]}")
        self._engine = engine
        self._features = engine.extract(clips)
        settings = engine.settings
        model = np.array([settings.model_width, settings.model_height], np.float32) - 1
        sides = np.array([[clip.shape[2], clip.shape[1]] for clip in clips], np.float32) - 1
        # The pictures' corner pixels are the model's, as in what it was trained on.
        self._to_model = model / np.maximum(sides, 1)
        self._to_picture = sides / model

    def track(self, queries: NDArray[np.float32]) -> Tracks:
        """Follow `queries` (N, 3) through the session's one clip."""
        return self.track_batch([queries])[0]

    def track_batch(self, queries: Sequence[NDArray[np.float32]]) -> list[Tracks]:
        """Follow as many queries in each clip, (N, 3) each."""
        asked = np.stack(queries).astype(np.float32)
        asked[..., 1:] *= self._to_model[:, None]
        found = self._engine.track(self._features, asked)
        if not np.isfinite(found.xy).all():
            raise DataError(
                "tracker_failed", "CoTracker3 gave positions that are not finite; try precision float32"
            )
        return [
            Tracks(
                queries=np.asarray(of_clip, np.float32),
                xy=(found.xy[number] * self._to_picture[number]).astype(np.float32),
                visible=found.visible[number],
                confidence=found.confidence[number],
            )
            for number, of_clip in enumerate(queries)
        ]
