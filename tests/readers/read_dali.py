"""Reads a split with DALI on the CPU: python read_dali.py DATA_SET SPLIT OUT; see tests/support/apart.py."""

import json
import sys
from pathlib import Path

import numpy as np
from nvidia.dali import fn, pipeline_def


@pipeline_def(batch_size=4, num_threads=1, device_id=None)
def read(folder: Path, split: str, members: list[str]):
    tars = sorted((folder / "shards").glob(f"{split}-*.tar"))
    parts = fn.readers.webdataset(
        paths=[str(path) for path in tars],
        index_paths=[str(folder / "meta" / "dali" / f"{path.stem}.idx") for path in tars],
        ext=members,
        missing_component_behavior="error",
        name="shards",
    )
    return *parts, fn.decoders.image(parts[members.index("jpg")], device="cpu")


def main(folder: Path, split: str, out: Path) -> None:
    features = json.loads((folder / "meta" / "features.json").read_text())
    members = [name for name in features if not name.startswith("__")]
    pipeline = read(folder, split, members)
    left = pipeline.reader_meta("shards")["epoch_size"]
    while left > 0:
        batch = pipeline.run()
        for index in range(min(4, left)):
            *raw, picture = (np.asarray(one.at(index)) for one in batch)
            place = out / json.loads(raw[0].tobytes())["id"]
            place.mkdir()  # a sample read twice stops here
            for name, data in zip(members, raw, strict=True):
                (place / name).write_bytes(data.tobytes())
            np.save(place / "jpg.npy", picture)
        left -= 4


main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
