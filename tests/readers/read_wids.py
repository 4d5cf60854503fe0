"""Reads a split with wids, last sample first: python read_wids.py DATA_SET SPLIT OUT.

See tests/support/apart.py.
"""

import sys
from pathlib import Path

import wids


def main(folder: Path, split: str, out: Path) -> None:
    index = folder / "meta" / ("wids.json" if split == "train" else f"wids-{split}.json")
    # Without `localname` wids copies every shard to a cache of its own first.
    data = wids.ShardListDataset(str(index), transformations=[], localname=lambda url: url, keep=True)
    for number in reversed(range(len(data))):
        sample = data[number]
        place = out / sample["__key__"]
        place.mkdir()
        for name, stream in sample.items():
            if name.startswith("."):
                (place / name[1:]).write_bytes(stream.read())


main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
