"""What the card says of how a data set was made, and of what it cannot be trusted with."""

import tomllib
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from somtom.pipelines.kinds import settings_of, toml_value
from somtom.schemas.folder import CONFIG, META, shard_path
from somtom.schemas.record import parse_record
from somtom.schemas.sample import JSON
from somtom.schemas.settings import (
    ClipSettings,
    MarkSettings,
    MotionSettings,
    OutputSettings,
    ShotSettings,
    TrackingSettings,
)
from somtom.schemas.tar import read_shard

# section of the configuration -> its class and the settings that the card shows
_SHOWN: dict[str, tuple[type, tuple[str, ...]]] = {
    "shots": (ShotSettings, ("detector",)),
    "clips": (ClipSettings, ("steps", "step_s", "stride", "short_side", "screen_short_side", "jpeg_quality")),
    "tracking": (TrackingSettings, ("tracker", "grid")),
    "motion": (MotionSettings, ("eta", "epsilon")),
    "marks": (MarkSettings, ("style",)),
    "output": (OutputSettings, ("val_fraction",)),
}

_CLIPS, _SCREENS = {"som", "tom", "robot"}, {"ui"}
# tasks -> a limit that holds where one of them is there; no tasks: everywhere
_LIMITS: tuple[tuple[set[str], str], ...] = (
    (
        _CLIPS,
        "Traces are what a tracker saw, not truth: it loses points behind others and slides along edges. "
        "`visible` is its own opinion; `visible_share`, `confidence`, `residual_px` in `quality` say more.",
    ),
    (
        _CLIPS,
        "The camera's motion is taken out by one homography a frame, which is exact for a far or flat scene "
        "alone: near things seem to move when the camera does. `motion.camera_moved` says where it was done.",
    ),
    (
        _CLIPS,
        "Whether a point moves is decided by one threshold (`motion.epsilon`, pixels per step); "
        "`quality.epsilon_margin` is the distance of the closest mark from it.",
    ),
    (
        _SCREENS,
        "Elements of a screenshot are those that its input lists, or, where it lists few, those found in its "
        "pixels: these have no text and no role, and some are missed.",
    ),
    (
        set(),
        "Positions in the conversations are cut into 256 bins and clamped to the picture; the exact ones are "
        "in `marks` and `traces.npy`.",
    ),
    (set(), "The questions are English templates; instructions and other texts are as the inputs had them."),
    (
        set(),
        "Pictures show what the inputs show, people and private data too, as far as nobody filtered them.",
    ),
    (
        set(),
        "Samples of one group share a split, but pictures of two groups that look the same may stand in two: "
        "`meta/duplicates.parquet` names them.",
    ),
)


def making_lines(folder: Path) -> list[list[str]]:
    """Give the rows (setting, value, meaning) of the settings that shape a data set most.

    They are read from meta/config.toml; a section that is not there, as in an empty file, gives no rows.
    """
    tree: Mapping[str, Any] = tomllib.loads((folder / META / CONFIG).read_text(encoding="utf-8"))
    return [
        [f"`{section}.{one.name}`", f"`{toml_value(tree[section][one.name])}`", one.meaning]
        for section, (cls, names) in _SHOWN.items()
        for one in settings_of(cls)
        if one.name in names and one.name in tree.get(section, {})
    ]


def limit_lines(tasks: Iterable[str]) -> list[str]:
    """Give the known limits of samples of these tasks, a line each."""
    there = set(tasks)
    return [f"- {limit}" for of_tasks, limit in _LIMITS if not of_tasks or of_tasks & there]


def describe_tracker(folder: Path, shard: str, key: str) -> tuple[str, str]:
    """Say version and licence of the tracker of one sample, as its record has them; "" for a screenshot.

    Raises:
        DataError: the shard is damaged.
    """
    for _, members in read_shard(
        shard_path(folder, shard), lambda one, suffix: one == key and suffix == JSON
    ):
        tracker = parse_record(members[JSON])["tracker"]
        return tracker["version"], tracker["licence"]
    return "", ""


def made_by() -> str:
    """Name what made the data set."""
    return f"somtom {version('somtom')}"
