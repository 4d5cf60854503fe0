"""ms-swift: a line of messages, images and objects a sample, and the pictures."""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from somtom.pipelines.export_pictures import (
    CAMERAS_LEFT,
    has_cameras,
    without_tags,
    write_line,
    write_pictures,
)
from somtom.pipelines.export_selection import Selection, Written
from somtom.schemas.answers import quantise
from somtom.schemas.files import whole_file
from somtom.schemas.record import Record

_ROLES = {"human": "user", "gpt": "assistant"}
_TAGS = ("video", "audio", "bbox", "ref-object", "cot-process", "start-image")
_LOCATED = re.compile(r"Mark (\d+) at \[(\d+),(\d+)\]")


@dataclass(frozen=True)
class Swift:
    """With `grounding`, where a mark is stands as <bbox> in the text and in pixels in `objects`.

    ms-swift then writes it in the scheme of the model that is trained. Without, the bins 0..255 stay.
    """

    grounding: bool = True

    def export(self, chosen: Selection, out: Path) -> Written:
        """See `Exporter`."""
        left: Counter[str] = Counter()
        for split in chosen.counts:
            with whole_file(out / f"{split}.jsonl") as file:
                for sample in chosen.samples(split):
                    images = write_pictures(out, split, sample)
                    write_line(file, self._row(sample.record, images))
                    left.update([CAMERAS_LEFT] if has_cameras(sample) else [])
        return Written(chosen.total, left)

    def _row(self, record: Record, images: list[str]) -> dict[str, Any]:
        boxes: list[list[float]] = []
        messages = []
        for turn in record["conversations"]:
            text = without_tags(turn["value"], _TAGS)
            if self.grounding:
                text = _grounded(text, record, boxes)
            messages.append({"role": _ROLES[turn["from"]], "content": text})
        # The same keys in every row: `datasets` infers them from the first ones.
        pictures = [len(images) - 1] * len(boxes)  # the marked one is the last
        objects = {"ref": [], "bbox": boxes, "image_id": pictures}
        row = {"id": record["id"], "messages": messages, "images": images}
        return row | ({"objects": objects} if self.grounding else {})


def _grounded(text: str, record: Record, boxes: list[list[float]]) -> str:
    """Replace each located mark by <bbox>, and append its point to `boxes`.

    ms-swift counts pixels from the picture's corner, we from the first pixel's centre.
    """
    marks = {mark["id"]: mark for mark in record["marks"]}

    def place(match: re.Match[str]) -> str:
        mark = marks.get(int(match[1]))
        if mark is None:
            return match[0]
        bins, _ = quantise([mark["x"], mark["y"]], record["width"], record["height"])
        if bins.tolist() != [int(match[2]), int(match[3])]:
            return match[0]  # said of another moment, or another frame of coordinates
        boxes.append([round(mark["x"] + 0.5, 3), round(mark["y"] + 0.5, 3)])
        return f"Mark {match[1]} at <bbox>"

    return _LOCATED.sub(place, text)
