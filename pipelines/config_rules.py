"""Which values a configuration may hold: bounds, choices, and what must fit together."""

import dataclasses
import difflib
import math
import typing
from collections.abc import Mapping, Sequence

from somtom.marks.draw import STYLES, mark_style
from somtom.marks.pair_marks import FRAMES
from somtom.marks.read_back import is_installed
from somtom.schemas.settings import BuildSettings, ClipSettings, QualitySettings, TrackingSettings
from somtom.sources.llava import LlavaSource
from somtom.sources.screens import ScreenSource
from somtom.sources.source import Source
from somtom.tracking.trackers import TRACKERS, PointTracker, make_tracker, tracker_factory
from somtom.transforms.image_filter import image_filter

# Lowest and highest value of every numeric setting.
BOUNDS: dict[str, tuple[float, float]] = {
    "shots.threshold": (0.0, 255.0),
    "shots.min_length_s": (0.0, 3600.0),
    "clips.steps": (1, 1024),
    "clips.step_s": (0.001, 3600.0),
    "clips.stride": (0, 100_000),
    "clips.overlap": (0.0, 0.95),
    "clips.max_per_video": (0, 10**9),
    "clips.short_side": (32, 8192),
    "clips.jpeg_quality": (10, 100),
    "clips.min_side": (8, 8192),
    "clips.max_aspect": (1.0, 1000.0),
    "clips.max_pixels": (1024, 2**30),
    "clips.screen_short_side": (32, 8192),
    "clips.cameras": (0, 16),
    "clips.history": (0, 64),
    "clips.history_step_s": (0.001, 3600.0),
    "clips.action_chunk": (1, 1024),
    "tracking.grid": (2, 64),
    "tracking.short_side": (32, 8192),
    "tracking.iterations": (1, 24),
    "tracking.model_height": (64, 2048),
    "tracking.model_width": (64, 2048),
    "tracking.batch_clips": (0, 256),
    "tracking.chunk_frames": (2, 60),
    "tracking.rows_at_once": (1, 2**24),
    "tracking.threads": (1, 256),
    "motion.min_visible": (0.0, 1.0),
    "motion.eta": (0.0, 512.0),
    "motion.camera_share": (0.0, 1.0),
    "motion.reprojection_px": (0.1, 512.0),
    "motion.epsilon": (0.0, 512.0),
    "marks.foreground_min": (1, 64),
    "marks.foreground_max": (1, 64),
    "marks.background_min": (0, 64),
    "marks.background_max": (0, 64),
    "marks.min_points": (1, 4096),
    "marks.min_moving": (1, 4096),
    "marks.min_confidence": (0.0, 1.0),
    "marks.min_distance": (0.0, 1.0),
    "marks.max_cover": (0.0, 1.0),
    "robot.max_frozen": (0.0, 1.0),
    "robot.max_jump": (0.0, 1e9),
    "tracking.min_elements": (0, 10_000),
    "filter.near_bits": (0, 8),
    "ui.max_marks": (1, 2000),
    "ui.min_side": (1.0, 1000.0),
    "ui.max_area": (0.01, 1.0),
    "ui.merge_iou": (0.1, 1.0),
    "output.clips_per_shard": (1, 1_000_000),
    "output.clips_per_run": (1, 100_000),
    "output.val_fraction": (0.0, 0.9),
    "output.limit": (0, 10**12),
}
CHOICES: dict[str, tuple[str, ...]] = {
    "shots.detector": ("adaptive", "content", "none"),
    "tracking.detect": ("auto", "always", "never"),
    "motion.camera": ("auto", "always", "never"),
    "text.future": ("traces", "marks"),
    "filter.near_duplicates": ("off", "across_splits", "all"),
    "tracking.precision": ("float32", "bfloat16"),
    "tracking.device": ("auto", "cuda", "mps", "cpu"),
    "vl.boxes": ("keep", "marks"),
    "vl.box_frame": tuple(FRAMES),
}
# Pairs whose first may not exceed the second.
ORDERED = (
    ("marks.foreground_min", "marks.foreground_max"),
    ("marks.background_min", "marks.background_max"),
)


class ConfigError(ValueError):
    """A mistake in the configuration, said in one line."""


def check_values(settings: BuildSettings) -> None:
    """Hold every setting against its bounds and choices.

    Raises:
        ConfigError: one is outside of them.
    """
    flat = flat_settings(settings)
    check_bounds(flat, BOUNDS, CHOICES)
    for low_key, high_key in ORDERED:
        if typing.cast(float, flat[low_key]) > typing.cast(float, flat[high_key]):
            raise ConfigError(f"{low_key} = {flat[low_key]}: must not exceed {high_key} = {flat[high_key]}")
    for score, ends in settings.filter.limits().items():
        _check_limits(f"filter.{score}", ends)
    if settings.filter.marks_read and not settings.quality.read_marks:
        raise ConfigError("filter.marks_read: nothing is read; set quality.read_marks = true")
    for key, known, find in (
        ("tracking.tracker", TRACKERS, tracker_factory),
        ("marks.style", STYLES, mark_style),
    ):
        try:
            find(str(flat[key]))
        except ValueError as error:
            raise ConfigError(
                f"{key} = {flat[key]!r}: {error} (known: {', '.join(sorted(known))})"
            ) from error


def _check_limits(key: str, ends: Mapping[str, float]) -> None:
    for name in ends:
        if name not in ("min", "max"):
            raise ConfigError(
                f"{key}.{name} = {ends[name]!r}: unknown; write {key} = {{min = ..., max = ...}}"
            )
    low, high = ends.get("min", -math.inf), ends.get("max", math.inf)
    if not low <= high:  # also refuses NaN
        raise ConfigError(f"{key}: min = {low} must not exceed max = {high}")


def flat_settings(settings: object) -> dict[str, object]:
    """Every setting as "section.key": value."""
    return {
        f"{section}.{name}": value
        for section, values in dataclasses.asdict(typing.cast(typing.Any, settings)).items()
        for name, value in values.items()
    }


def check_bounds(
    flat: Mapping[str, object],
    bounds: Mapping[str, tuple[float, float]],
    choices: Mapping[str, Sequence[str]],
) -> None:
    """Hold settings, "section.key": value, against bounds and choices; of a list each value.

    Raises:
        ConfigError: one is outside of them.
    """
    for key, (low, high) in bounds.items():
        for value in _each(flat[key]):
            number = typing.cast(float, value)
            if not low <= number <= high:  # also refuses NaN
                nearest = high if number > high else low
                raise ConfigError(f"{key} = {value!r}: must be {low} to {high}; the nearest is {nearest}")
    for key, known in choices.items():
        for value in _each(flat[key]):
            if value not in known:
                close = difflib.get_close_matches(str(value), known, n=1, cutoff=0.0)
                raise ConfigError(
                    f"{key} = {value!r}: must be one of {', '.join(known)}; did you mean {close[0]!r}?"
                )


def _each(value: object) -> Sequence[object]:
    return value if isinstance(value, tuple) else (value,)


def check_tracker(settings: TrackingSettings) -> PointTracker:
    """Make the tracker once: its package, its weights and their licence must be there before work begins.

    Raises:
        ConfigError: one of them is not.
    """
    try:
        return make_tracker(settings)
    except ValueError as error:
        raise ConfigError(f"tracking.tracker = {settings.tracker!r}: {error}") from error


def check_reader(settings: QualitySettings) -> None:
    """Look for the program that reads marks before work begins, if the settings ask for it.

    Raises:
        ConfigError: it is not installed.
    """
    if settings.read_marks and not is_installed():
        raise ConfigError(
            "quality.read_marks = true: tesseract is not installed (Debian's package tesseract-ocr)"
        )


def check_image_filter(settings: ClipSettings) -> None:
    """Import the user's own filter of pictures, if there is one, before work begins.

    Raises:
        ConfigError: it cannot be imported.
    """
    if settings.image_filter:
        try:
            image_filter(settings.image_filter)
        except ValueError as error:
            raise ConfigError(f"clips.image_filter = {settings.image_filter!r}: {error}") from error


def check_cameras(sources: Sequence[Source], settings: BuildSettings) -> None:
    """Refuse a list of cameras of which some would be left out: every sample has as many pictures.

    Raises:
        ConfigError: that is so.
    """
    for number, source in enumerate(sources):
        further = len(getattr(source, "cameras", ())) - 1
        if further > settings.clips.cameras:
            raise ConfigError(
                f"source[{number}].cameras: lists {further} further cameras, but clips.cameras = "
                f"{settings.clips.cameras}: set clips.cameras = {further}"
            )


def check_numbers(sources: Sequence[Source], settings: BuildSettings) -> None:
    """Refuse numbers in the text that the picture does not show, and inputs that cannot do without them.

    Raises:
        ConfigError: that is so.
    """
    if settings.text.numbers:
        if settings.marks.style == "none":
            raise ConfigError(
                "marks.style = 'none': the text may not name numbers then: set text.numbers = false too"
            )
        return
    for number, source in enumerate(sources):
        if isinstance(source, ScreenSource) or (
            isinstance(source, LlavaSource) and settings.vl.boxes == "marks"
        ):
            raise ConfigError(
                f"source[{number}].kind = {source.kind!r}: text.numbers = false is for clips; the marks of "
                "screenshots and pairs have numbers: build them apart"
            )
