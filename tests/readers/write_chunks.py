"""Writes samples by mosaicml-streaming's or litdata's own writer: python write_chunks.py FORM MEMBERS OUT.

MEMBERS holds a folder a sample, in the order of their names; what is written must be what we write.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import no_torchvision  # noqa: F401  # before streaming
import numpy as np

MEMBERS = {"image": "jpg", "clean_image": "clean.jpg", "h00": "h00.jpg", "cam1": "cam1.jpg"}
BYTES = 1 << 20


def samples_of(folder: Path) -> Iterator[tuple[str, dict[str, Path], Any]]:
    for place in sorted(folder.iterdir()):
        pictures = {name: place / member for name, member in MEMBERS.items()}
        yield (place / "json").read_text(encoding="utf-8"), pictures, np.load(place / "traces.npy")


def write_mds(samples: Path, out: Path) -> None:
    from PIL import Image
    from streaming import MDSWriter
    from streaming.base.format.mds.encodings import JSON

    # A record is written without blanks, as it is in the tar; its own encoder puts some in.
    JSON.encode = lambda self, obj: json.dumps(obj, ensure_ascii=False, separators=(",", ":")).encode()
    columns = {"key": "str", "record": "json", "traces": "ndarray:float32", **dict.fromkeys(MEMBERS, "jpeg")}
    with MDSWriter(out=str(out), columns=columns, size_limit=BYTES) as writer:
        for text, paths, traces in samples_of(samples):
            record = json.loads(text)
            pictures = {name: Image.open(path) for name, path in paths.items()}
            writer.write({"key": record["id"], "record": record, "traces": traces, **pictures})


def write_litdata(samples: Path, out: Path) -> None:
    from litdata.streaming.writer import BinaryWriter
    from litdata.types import Jpeg

    writer = BinaryWriter(str(out), chunk_bytes=BYTES)
    for number, (text, paths, traces) in enumerate(samples_of(samples)):
        pictures = {name: Jpeg(bytes=path.read_bytes()) for name, path in paths.items()}
        writer[number] = {"key": json.loads(text)["id"], "record": text, **pictures, "traces": traces}
    writer.done()
    writer.merge()


if __name__ == "__main__":
    {"mds": write_mds, "litdata": write_litdata}[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
