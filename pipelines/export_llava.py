"""LLaVA: <split>.json, a list of conversations, and the folder of their pictures."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from somtom.pipelines.export_pictures import CAMERAS_LEFT, has_cameras, without_tags, write_pictures
from somtom.pipelines.export_selection import Selection, Written
from somtom.schemas.files import whole_file
from somtom.schemas.sample import Sample


@dataclass(frozen=True)
class Llava:
    """The conversations as they are: they are LLaVA's already. One picture is a text, several are a list."""

    def export(self, chosen: Selection, out: Path) -> Written:
        """See `Exporter`."""
        left: Counter[str] = Counter()
        for split in chosen.counts:
            before = b"[\n"
            with whole_file(out / f"{split}.json") as file:
                for sample in chosen.samples(split):
                    entry = _entry(sample, write_pictures(out, split, sample))
                    text = json.dumps(entry, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
                    file.write(before + text.encode())
                    before = b",\n"
                    left.update([CAMERAS_LEFT] if has_cameras(sample) else [])
                file.write(b"\n]\n")
        return Written(chosen.total, left)


def _entry(sample: Sample, pictures: list[str]) -> dict[str, Any]:
    record = sample.record
    turns = [turn | {"value": without_tags(turn["value"], ("video",))} for turn in record["conversations"]]
    entry = {
        "id": sample.key,
        "image": pictures[0] if len(pictures) == 1 else pictures,
        "conversations": turns,
        "task": record["task"],
        "source": record["source"]["dataset"],
    }
    # What LLaVA does not know it does not read; action_stats.json lies beside it.
    return entry | ({"action": record["action"]} if record["action"]["values"] else {})
