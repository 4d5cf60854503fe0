"""How to load a data set in five stacks, as its card shows it; tests run every one of these programs."""

from dataclasses import dataclass

FOLDER = "path/to/this/folder"


@dataclass(frozen=True)
class Stack:
    """One way to load: `before` is what to do first, `code` a program with {folder} and {split} left open."""

    title: str
    before: str
    code: str


_DATASETS = """\
from datasets import load_dataset

for sample in load_dataset("{folder}", split="{split}", streaming=True):
    print(sample["__key__"], sample["jpg"].size, sample["json"]["conversations"][0]["value"])
"""

_WEBDATASET = """\
from pathlib import Path

import webdataset as wds
from torch.utils.data import DataLoader

shards = sorted(map(str, Path("{folder}", "shards").glob("{split}-*.tar")))
data = wds.WebDataset(shards, shardshuffle=False, nodesplitter=wds.split_by_node, empty_check=False)
for sample in DataLoader(data.decode("rgb8"), batch_size=None):
    print(sample["__key__"], sample["jpg"].shape, sample["json"]["conversations"][0]["value"])
"""

_ENERGON = """\
from megatron.energon import (
    Cooker, DefaultTaskEncoder, WorkerConfig, basic_sample_keys, get_loader, get_train_dataset, stateless
)


@stateless
def cook(sample):
    return basic_sample_keys(sample) | {{"picture": sample["jpg"], "record": sample["json"]}}


class Encoder(DefaultTaskEncoder):
    cookers = [Cooker(cook)]


data = get_train_dataset(
    "{folder}-energon",
    split_part="{split}",
    worker_config=WorkerConfig(rank=0, world_size=1, num_workers=0),
    batch_size=None,
    shuffle_buffer_size=100,
    max_samples_per_sequence=None,
    task_encoder=Encoder(),
    repeat=False,
)
for sample in get_loader(data):
    print(sample["__key__"], sample["picture"].shape, sample["record"]["conversations"][0]["value"])
"""

_DALI = """\
import json
from pathlib import Path

import numpy as np
from nvidia.dali import fn, pipeline_def

shards = sorted(Path("{folder}", "shards").glob("{split}-*.tar"))
indices = [Path("{folder}", "meta", "dali", f"{{shard.stem}}.idx") for shard in shards]


@pipeline_def(batch_size=1, num_threads=2, device_id=None)  # on a GPU: device_id=0, device="mixed"
def samples():
    record, picture = fn.readers.webdataset(
        paths=[*map(str, shards)], index_paths=[*map(str, indices)], ext=["json", "jpg"], name="shards"
    )
    return record, fn.decoders.image(picture, device="cpu")


pipeline = samples()
for _ in range(pipeline.reader_meta("shards")["epoch_size"]):
    record, picture = (np.asarray(one.at(0)) for one in pipeline.run())
    sample = json.loads(record.tobytes())
    print(sample["id"], picture.shape, sample["conversations"][0]["value"])
"""

_SOMTOM = """\
from somtom.schemas import iterate

for sample in iterate("{folder}", split="{split}"):
    print(sample.key, sample.marked.pixels().shape, sample.conversations[0].value)
"""

STACKS = (
    Stack("Hugging Face datasets", "", _DATASETS),
    Stack("webdataset, in torch's DataLoader", "", _WEBDATASET),
    Stack(
        "megatron-energon",
        "`.nv-meta/` is there. Energon also wants an index next to each tar, where others stumble over it:\n"
        f"`somtom export {FOLDER} --to energon --out {FOLDER}-energon` makes a folder of links\n"
        "that has both.",
        _ENERGON,
    ),
    Stack("NVIDIA DALI", "`meta/dali/` holds its indices.", _DALI),
    Stack("somtom's own reader, which needs NumPy alone (and Pillow for pixels)", "", _SOMTOM),
)


def loading_lines(split: str) -> list[str]:
    """Give the card's lines on loading `split`."""
    lines = []
    for stack in STACKS:
        lines += [f"### {stack.title}", ""]
        if stack.before:
            lines += [*stack.before.splitlines(), ""]
        lines += ["```python", *stack.code.format(folder=FOLDER, split=split).splitlines(), "```", ""]
    return lines
