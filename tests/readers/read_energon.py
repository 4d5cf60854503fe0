"""Reads one epoch with energon and two workers: python read_energon.py DATA_SET SPLIT OUT.

The split "train" is read as for training, shuffled; another one as for validation.
See tests/support/apart.py.
"""

import json
import sys
from pathlib import Path

import numpy as np
from megatron.energon import (
    Cooker,
    DefaultTaskEncoder,
    WorkerConfig,
    basic_sample_keys,
    get_loader,
    get_train_dataset,
    get_val_dataset,
    stateless,
)


@stateless
def cook(sample):
    members = {name: value for name, value in sample.items() if not name.startswith("__")}
    return basic_sample_keys(sample) | {"members": members}


class TaskEncoder(DefaultTaskEncoder):
    cookers = (Cooker(cook),)


def main(folder: Path, split: str, out: Path) -> None:
    settings = {
        "worker_config": WorkerConfig(rank=0, world_size=1, num_workers=2),
        "batch_size": None,
        "task_encoder": TaskEncoder(),
    }
    if split == "train":
        data = get_train_dataset(
            folder, repeat=False, shuffle_buffer_size=8, max_samples_per_sequence=None, **settings
        )
    else:
        data = get_val_dataset(folder, split_part=split, **settings)
    for sample in get_loader(data):
        place = out / sample["__key__"]
        place.mkdir()  # a sample read twice stops here
        for name, value in sample["members"].items():
            if name == "json":
                (place / "json.parsed").write_text(json.dumps(value))
            elif name.endswith("jpg"):  # (3, H, W) float32, 0 to 1
                pixels = np.asarray(value).transpose(1, 2, 0) * 255
                np.save(place / f"{name}.npy", np.rint(pixels).astype(np.uint8))
            else:
                np.save(place / f"{name}.npy", np.asarray(value))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
