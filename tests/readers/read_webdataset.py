"""Reads a split as one node of several, by torch's DataLoader: python read_webdataset.py DATA_SET SPLIT OUT.

RANK and WORLD_SIZE say which node this is; see tests/support/apart.py.
"""

import sys
from pathlib import Path

import webdataset
from torch.utils.data import DataLoader


def main(folder: Path, split: str, out: Path) -> None:
    urls = sorted(str(path) for path in (folder / "shards").glob(f"{split}-*.tar"))
    data = webdataset.WebDataset(
        urls, shardshuffle=False, nodesplitter=webdataset.split_by_node, empty_check=False
    )
    for sample in DataLoader(data, batch_size=None, num_workers=2):
        place = out / sample["__key__"]
        place.mkdir()  # a sample read twice, here or by another node, stops here
        for name, value in sample.items():
            if not name.startswith("__"):
                (place / name).write_bytes(value)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
