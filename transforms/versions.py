"""What the two digests of a shard cover besides its refs."""

import dataclasses
from collections.abc import Sequence
from importlib.metadata import version

from somtom.schemas.settings import BuildSettings
from somtom.schemas.tracks import TrackerInfo
from somtom.sources.source import Source

# Settings of clips that stored pictures and annotations depend on; the others shape the refs.
_OF_PICTURES = (
    "short_side",
    "screen_short_side",
    "jpeg_quality",
    "cameras",
    "history",
    "action_chunk",
    "image_filter",
)
# Must change whenever decoding, resizing or JPEG encoding gives other bytes for the same input.
DECODING_VERSION = 1


def track_settings(
    settings: BuildSettings, tracker: TrackerInfo, sources: Sequence[Source]
) -> dict[str, object]:
    """Settings that stored tracks and clean pictures depend on."""
    return {
        "decoding": DECODING_VERSION,
        "decoders": sorted({f"{source.kind} {getattr(source, 'backend', '')}" for source in sources}),
        **{name: getattr(settings.clips, name) for name in _OF_PICTURES},
        "tracking": dataclasses.asdict(settings.tracking),
        "tracker": dataclasses.asdict(tracker),
    }


def label_settings(settings: BuildSettings) -> dict[str, object]:
    """Settings that labels depend on, and the version of this package."""
    return {
        "step_s": settings.clips.step_s,
        "motion": dataclasses.asdict(settings.motion),
        "marks": dataclasses.asdict(settings.marks),
        "text": dataclasses.asdict(settings.text),
        "robot": dataclasses.asdict(settings.robot),
        "ui": dataclasses.asdict(settings.ui),
        "vl": dataclasses.asdict(settings.vl),
        "quality": dataclasses.asdict(settings.quality),
        "filter": settings.filter.chosen(),
        "version": version("somtom"),
    }
