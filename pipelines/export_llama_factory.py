"""LLaMA-Factory: conversations in its sharegpt form, the pictures, and dataset_info.json that names them."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from somtom.pipelines.export_pictures import (
    CAMERAS_LEFT,
    has_cameras,
    without_tags,
    write_line,
    write_pictures,
)
from somtom.pipelines.export_selection import Selection, Written
from somtom.schemas.files import whole_file, write_whole

_TAGS = ("video", "audio")


@dataclass(frozen=True)
class LlamaFactory:
    """`name` is what `dataset:` of a training configuration asks for, followed by _train or _val."""

    name: str = "somtom"

    def export(self, chosen: Selection, out: Path) -> Written:
        """See `Exporter`."""
        left: Counter[str] = Counter()
        known = {}
        for split in chosen.counts:
            known[f"{self.name}_{split}"] = {
                "file_name": f"{split}.jsonl",
                "formatting": "sharegpt",
                "columns": {"messages": "conversations", "images": "images"},
            }
            with whole_file(out / f"{split}.jsonl") as file:
                for sample in chosen.samples(split):
                    turns = [
                        {"from": turn["from"], "value": without_tags(turn["value"], _TAGS)}
                        for turn in sample.record["conversations"]
                    ]
                    images = write_pictures(out, split, sample)
                    write_line(file, {"id": sample.key, "conversations": turns, "images": images})
                    left.update([CAMERAS_LEFT] if has_cameras(sample) else [])
        write_whole(out / "dataset_info.json", json.dumps(known, indent=1).encode() + b"\n")
        return Written(chosen.total, left)
