"""A data set to stumble over: screenshots alone in the first shards, then a robot, videos and pairs.

What the first samples lack (actions, states, homographies) comes later. Every sample has an earlier picture
and a second camera.
"""

from pathlib import Path
from typing import Any

from builds import build

from somtom.pipelines.config import parse_config
from somtom.pipelines.samples import write_samples


def draw_mixed_dataset(inputs: Path, out: Path) -> None:
    """Build `out` in two steps, as one does who adds sources later."""
    write_samples(inputs, count=2)
    screens = {
        "kind": "ui-jsonl",
        "path": str(inputs / "screens"),
        "annotations": str(inputs / "screens" / "tasks.jsonl"),
        "dataset": "tasks",
        "licence": "Apache-2.0",
    }
    later = [
        {"kind": "lerobot", "path": str(inputs / "robot"), "dataset": "arm", "licence": "CC0-1.0"},
        {"kind": "video", "path": str(inputs / "videos"), "dataset": "clips"},
        {"kind": "llava", "path": str(inputs / "pairs" / "pairs.json"), "dataset": "pairs"},
    ]
    tree: dict[str, Any] = {
        "clips": {"steps": 4, "short_side": 128, "screen_short_side": 360, "history": 1, "cameras": 1},
        "tracking": {"tracker": "lk", "grid": 6},
        "output": {"clips_per_shard": 6, "val_fraction": 0.2},
    }
    build(parse_config({"source": [screens], **tree}), out)
    build(parse_config({"source": [screens, *later], **tree}), out, append=True)
