"""Small RLDS data sets written in code: numbered pictures, and values that follow from episode and step."""

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from numbered_videos import HEIGHT, WIDTH, draw
from PIL import Image
from tfrecords import Values, example, tfrecord

Tree = dict[str, Any]

WORDS = "open the drawer"


def tensor(dtype: str, *shape: int, encoding: str = "none") -> Tree:
    sizes = {"dimensions": [str(size) for size in shape]} if shape else {}
    return {"pythonClassName": "T", "tensor": {"shape": sizes, "dtype": dtype, "encoding": encoding}}


def image(encoding: str = "png", channels: int = 3) -> Tree:
    shape = {"dimensions": [str(HEIGHT), str(WIDTH), str(channels)]}
    return {"pythonClassName": "I", "image": {"shape": shape, "dtype": "uint8", "encodingFormat": encoding}}


TEXT: Tree = {"pythonClassName": "X", "text": {}}


def features_of(steps: Mapping[str, Tree], **more: Tree) -> Tree:
    """The tree of features.json; names with slashes become nested dictionaries."""
    inside: Tree = {}
    for name, leaf in steps.items():
        *parents, last = name.split("/")
        place = inside
        for parent in parents:
            place = place.setdefault(parent, {"featuresDict": {"features": {}}})["featuresDict"]["features"]
        place[last] = leaf
    sequence = {"feature": {"featuresDict": {"features": inside}}, "length": "-1"}
    return {"featuresDict": {"features": {"steps": {"sequence": sequence}, **more}}}


PLAIN = {
    "action": tensor("float32", 3),
    "is_first": tensor("bool"),
    "is_last": tensor("bool"),
    "language_instruction": TEXT,
    "observation/image": image(),
    "observation/wrist_image": image("jpeg"),
    "observation/state": tensor("float64", 2),
}


def picture(number: int, form: str = "PNG") -> bytes:
    data = io.BytesIO()
    Image.fromarray(draw(number)).save(data, form, quality=95)
    return data.getvalue()


def action_of(episode: int, step: int) -> list[float]:
    """Numbers that float32 holds exactly."""
    return [episode + step / 64, -step / 8, 0.5]


def plain_episode(episode: int, length: int, **changes: Values) -> dict[str, Values]:
    """An episode as `PLAIN` has it; the wrist's pictures are numbered from 50 on."""
    values: dict[str, Values] = {
        "steps/action": [value for step in range(length) for value in action_of(episode, step)],
        "steps/is_first": [int(step == 0) for step in range(length)],
        "steps/is_last": [int(step == length - 1) for step in range(length)],
        "steps/language_instruction": [WORDS.encode()] * length,
        "steps/observation/image": [picture(step) for step in range(length)],
        "steps/observation/wrist_image": [picture(50 + step, "JPEG") for step in range(length)],
        "steps/observation/state": [value for step in range(length) for value in (episode + 0.5, step / 4)],
    }
    return values | {f"steps/{key}": value for key, value in changes.items()}


def write_rlds(
    folder: Path,
    shards: Sequence[Sequence[Mapping[str, Values]]],
    features: Tree | None = None,
    name: str = "toys",
    split: str = "train",
    **info: Any,
) -> Path:
    """Write a version's folder: a shard for each list of episodes."""
    folder.mkdir(parents=True, exist_ok=True)
    described = {
        "name": name,
        "splits": [{"name": split, "shardLengths": [str(len(shard)) for shard in shards]}],
        "version": folder.name,
    }
    (folder / "features.json").write_text(json.dumps(features or features_of(PLAIN)))
    (folder / "dataset_info.json").write_text(json.dumps(described | info))
    for number, shard in enumerate(shards):
        data = tfrecord(example(episode) for episode in shard)
        shard_path(folder, number, len(shards), name, split).write_bytes(data)
    return folder


def shard_path(folder: Path, number: int = 0, of: int = 1, name: str = "toys", split: str = "train") -> Path:
    return folder / f"{name}-{split}.tfrecord-{number:05d}-of-{of:05d}"
