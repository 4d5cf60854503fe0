"""Reads a split by litdata's dataset and loader, two workers: python read_litdata.py EXPORT SPLIT OUT.

litdata decodes pictures by torchvision, whose wheels fit one build of torch; by a serializer given here they
come as the bytes they are. See tests/support/apart.py.
"""

import sys
from pathlib import Path

import litdata
import numpy as np
from litdata.streaming.serializers import JPEGSerializer

MEMBERS = {"image": "jpg", "clean_image": "clean.jpg", "h00": "h00.jpg", "cam1": "cam1.jpg"}


class AsBytes(JPEGSerializer):
    def deserialize(self, data):
        return bytes(data)


def main(folder: Path, split: str, out: Path) -> None:
    data = litdata.StreamingDataset(str(folder / split), shuffle=False, serializers={"jpeg": AsBytes()})
    for sample in litdata.StreamingDataLoader(
        data, batch_size=1, num_workers=2, collate_fn=lambda one: one[0]
    ):
        place = out / sample["key"]
        place.mkdir()  # a sample read twice stops here
        (place / "json.parsed").write_text(sample["record"])
        np.save(place / "traces.npy.npy", np.asarray(sample["traces"]))
        for column, member in MEMBERS.items():
            (place / member).write_bytes(sample[column])


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
