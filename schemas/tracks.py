"""What a tracker returns, what is stored of it, and who made it."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

PROBABILITY_STEPS = 255  # probabilities are stored as uint8
MISS_STEPS_PER_PX = 32  # what a round trip misses is stored as uint8, too, up to 7.9 px ...
NO_STEP = 255  # ... and so, where no step was taken


@dataclass(frozen=True)
class TrackerInfo:
    """Identity of a tracker: lands in every record and in the track digest.

    `weights_sha256` and `weights_licence` are "" for a tracker without weights;
    `max_frames` is the longest clip it takes at once, 0 for any.
    """

    name: str
    version: str
    licence: str
    weights_sha256: str = ""
    weights_licence: str = ""
    max_frames: int = 0


@dataclass(frozen=True)
class Tracks:
    """Points followed through a clip, in pixels of the clip's frames, not stabilised.

    Args:
        queries: (N, 3) float32: frame, x, y.
        xy: (T, N, 2) float32; pixel (0, 0) is the centre of the top-left pixel; finite.
        visible: (T, N) float32 probability, 0 to 1, that the point is seen in the frame.
        confidence: (T, N) float32 probability, 0 to 1, that the position is right.
        round_trip: (T, N) float32 pixels: how far the step into the frame, from the one before on the way
            from the query, misses where it began when it is taken back again; -1.0 where the tracker took
            no such step, and everywhere for a tracker that leaves this out.
    """

    queries: NDArray[np.float32]
    xy: NDArray[np.float32]
    visible: NDArray[np.float32]
    confidence: NDArray[np.float32]
    round_trip: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0), np.float32))

    def __post_init__(self) -> None:
        if self.xy.ndim != 3 or self.xy.shape[2] != 2:
            raise ValueError(f"xy must be (T, N, 2), got {self.xy.shape}")
        frames, points = self.xy.shape[:2]
        if self.queries.shape != (points, 3):
            raise ValueError(f"queries must be ({points}, 3), got {self.queries.shape}")
        if self.round_trip.shape == (0, 0):
            object.__setattr__(self, "round_trip", np.full((frames, points), -1.0, np.float32))
        for name in ("visible", "confidence", "round_trip"):
            if getattr(self, name).shape != (frames, points):
                raise ValueError(f"{name} must be ({frames}, {points}), got {getattr(self, name).shape}")
        for name in ("queries", "xy", "visible", "confidence", "round_trip"):
            if getattr(self, name).dtype != np.float32:
                raise ValueError(f"{name} must be float32, got {getattr(self, name).dtype}")
        if not np.isfinite(self.xy).all():
            raise ValueError("xy must be finite")

    @property
    def seen(self) -> NDArray[np.bool_]:
        """(T, N) bool: visible with a probability of at least one half."""
        return self.visible >= 0.5


def encode_probabilities(probabilities: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Turn probabilities into the uint8 they are stored as."""
    return np.rint(np.clip(probabilities, 0.0, 1.0) * PROBABILITY_STEPS).astype(np.uint8)


def decode_probabilities(stored: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Turn stored uint8 back into probabilities."""
    return (stored.astype(np.float32) / np.float32(PROBABILITY_STEPS)).astype(np.float32)


def encode_round_trip(missed: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Turn what round trips miss, in pixels, into the uint8 it is stored as; what is too large is cut."""
    steps = np.clip(np.rint(missed * MISS_STEPS_PER_PX), 0, NO_STEP - 1)
    return np.where(missed < 0, NO_STEP, steps).astype(np.uint8)


def decode_round_trip(stored: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Turn stored uint8 back into pixels, -1.0 where there was no step."""
    return np.where(stored == NO_STEP, -1.0, stored / MISS_STEPS_PER_PX).astype(np.float32)


def as_stored(tracks: Tracks) -> Tracks:
    """Round the tracks to what tracks/ holds, so that labels of a fresh build equal those of a relabel."""
    return Tracks(
        queries=tracks.queries,
        xy=tracks.xy,
        visible=decode_probabilities(encode_probabilities(tracks.visible)),
        confidence=decode_probabilities(encode_probabilities(tracks.confidence)),
        round_trip=decode_round_trip(encode_round_trip(tracks.round_trip)),
    )
