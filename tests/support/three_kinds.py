"""Videos, a robot and screenshots, few and small, that give a dozen shards and more."""

import json
from pathlib import Path
from typing import Any

from drawn_videos import draw_videos
from lerobot_folders import write_v21
from PIL import Image, ImageDraw

from somtom.pipelines.config import BuildConfig, parse_config
from somtom.schemas.action_stats import read_action_stats
from somtom.transforms.label_shard import LabelShards
from somtom.transforms.place import InFolder


def draw_three_kinds(root: Path) -> Path:
    """Draw the inputs of `three_kinds`."""
    draw_videos(root / "videos", 2)
    write_v21(root / "robot", {0: 24, 1: 30})
    records = []
    for number in range(4):
        image = Image.new("RGB", (160, 120), "white")
        box = (10 + 20 * number, 20, 60 + 20 * number, 50)
        ImageDraw.Draw(image).rectangle(box, fill="lightgrey", outline="black")
        path = root / "screens" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path)
        element = {"box": list(box), "text": f"button {number}", "role": "button"}
        records.append({"image": path.name, "instruction": "press it", "elements": [element], "target": 0})
    (root / "screens" / "records.jsonl").write_text("\n".join(map(json.dumps, records)))
    return root


def tree_of_three_kinds(root: Path) -> dict[str, Any]:
    """A configuration's plain tree for what `draw_three_kinds` drew."""
    screens = {"annotations": str(root / "screens" / "records.jsonl"), "boxes": "xyxy_px"}
    return {
        "source": [
            {"kind": "video", "path": str(root / "videos")},
            {"kind": "lerobot", "path": str(root / "robot")},
            {"kind": "ui-jsonl", "path": str(root / "screens"), **screens},
        ],
        "clips": {"steps": 2},
        "tracking": {"tracker": "lk", "grid": 6},
        "output": {"clips_per_shard": 2, "val_fraction": 0.3},
    }


def three_kinds(root: Path) -> BuildConfig:
    """The configuration of `tree_of_three_kinds`."""
    return parse_config(tree_of_three_kinds(root))


def label_step(root: Path, out: Path) -> LabelShards:
    """The step that labels `three_kinds` into `out`, without notes."""
    config = three_kinds(root)
    stats = read_action_stats(out)
    return LabelShards(config.sources, config.settings, InFolder(out), None, stats=stats)
