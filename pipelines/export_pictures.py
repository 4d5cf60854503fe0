"""Exports that hold conversations beside a folder of pictures: which pictures, where, and clean texts."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from somtom.schemas.files import HashedFile
from somtom.schemas.reasons import DataError
from somtom.schemas.sample import MARKED, Sample

IMAGES = "images"
PLACE = "<image>"
CAMERAS_LEFT = "further cameras left out of (no turn shows them)"


def write_pictures(out: Path, split: str, sample: Sample) -> list[str]:
    """Write the pictures that the turns show, byte for byte, and return their paths below `out`.

    There is one a `<image>`, in the same order: the earlier ones, then the marked one.

    Raises:
        DataError: `bad_record`: the turns ask for another number of pictures.
    """
    pictures = [(name, data) for name, data in sample.extra if name.startswith("h")]
    pictures.append((MARKED, sample.marked_jpeg))
    asked = sum(turn["value"].count(PLACE) for turn in sample.record["conversations"])
    if asked != len(pictures):
        raise DataError("bad_record", f"{sample.key}: {asked} {PLACE} for {len(pictures)} pictures")
    folder = f"{IMAGES}/{split}/{sample.key[-2:]}"  # 256 folders: millions of files in one are slow
    (out / folder).mkdir(parents=True, exist_ok=True)
    paths = []
    for name, data in pictures:
        paths.append(f"{folder}/{sample.key}.{name}")
        (out / paths[-1]).write_bytes(data)
    return paths


def has_cameras(sample: Sample) -> bool:
    """Whether the sample has pictures that no turn shows."""
    return any(name.startswith("cam") for name, _ in sample.extra)


def without_tags(text: str, tags: tuple[str, ...]) -> str:
    """Put a blank into what the target would take for one of its own tags; `<image>` is meant and stays.

    >>> without_tags("<image> play <video>", ("video", "audio"))
    '<image> play < video>'
    """
    return re.sub(f"<(?=(?:{'|'.join(map(re.escape, tags))})>)", "< ", text)


def write_line(file: HashedFile, row: Mapping[str, Any]) -> None:
    """Write one line of JSON."""
    text = json.dumps(row, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    file.write(text.encode() + b"\n")
