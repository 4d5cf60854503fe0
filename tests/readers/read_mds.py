"""Reads a split by mosaicml-streaming and torch's DataLoader: python read_mds.py EXPORT SPLIT OUT.

It must run as a file: the loader starts processes. See tests/support/apart.py.
"""

import json
import sys
from pathlib import Path

import no_torchvision  # noqa: F401  # before streaming
import numpy as np
from streaming import StreamingDataset
from torch.utils.data import DataLoader

MEMBERS = {"image": "jpg", "clean_image": "clean.jpg", "h00": "h00.jpg", "cam1": "cam1.jpg"}


def main(folder: Path, split: str, out: Path) -> None:
    data = StreamingDataset(local=str(folder / split), shuffle=False, batch_size=1)
    for sample in DataLoader(data, batch_size=None, num_workers=2):
        place = out / sample["key"]
        place.mkdir()  # a sample read twice stops here
        (place / "json.parsed").write_text(json.dumps(sample["record"]))
        np.save(place / "traces.npy.npy", np.asarray(sample["traces"]))
        for column, member in MEMBERS.items():
            np.save(place / f"{member}.npy", np.asarray(sample[column].convert("RGB")))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
