"""Chunks as MDS and litdata both have them: a count, where each sample begins, the samples."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from somtom.pipelines.export_selection import Selection
from somtom.schemas.files import whole_file
from somtom.schemas.record import record_json

MAX_BYTES = 1 << 31  # offsets have 32 bits


def encode_samples(
    chosen: Selection, split: str, names: list[str], encode_array: Callable[[NDArray[np.float32]], bytes]
) -> Iterator[bytes]:
    """Encode each sample of a split as its parts of these names: see `picture_names`, key, record, traces."""
    for sample in chosen.samples(split):
        parts = {
            "key": sample.key.encode(),
            "record": record_json(sample.record),
            "image": sample.marked_jpeg,
            "clean_image": sample.clean_jpeg,
            **{name.partition(".")[0]: data for name, data in sample.extra},
            "traces": encode_array(sample.traces),
        }
        yield lay([parts[name] for name in names])


def picture_names(chosen: Selection) -> list[str]:
    """Name the samples' pictures: image, clean_image, h00, ..., cam1, ..."""
    return ["image", "clean_image", *(name.partition(".")[0] for name in chosen.extra())]


def gather(samples: Iterable[bytes], chunk_bytes: int) -> Iterator[list[bytes]]:
    """Gather encoded samples until a chunk would be larger than `chunk_bytes`; each has at least one."""
    chunk: list[bytes] = []
    size = 0
    for one in samples:
        if chunk and size + len(one) + 4 > chunk_bytes:
            yield chunk
            chunk, size = [], 0
        chunk.append(one)
        size += len(one) + 4
    if chunk:
        yield chunk


def write_chunk(path: Path, samples: list[bytes], head: bytes = b"") -> int:
    """Write a chunk and return its size in bytes.

    It is a uint32 count, count + 1 uint32 offsets from its begin, `head`, and the samples.
    """
    begin = 4 + 4 * (len(samples) + 1) + len(head)
    offsets = np.cumsum([begin, *map(len, samples)])
    if offsets[-1] >= 1 << 32:
        raise ValueError(f"a chunk of {offsets[-1]} bytes: its offsets have 32 bits")
    with whole_file(path) as file:
        for part in (np.array([len(samples), *offsets], "<u4").tobytes(), head, *samples):
            file.write(part)
    return file.size_bytes


def lay(parts: list[bytes]) -> bytes:
    """Encode a sample: the parts' sizes as uint32, then the parts."""
    return np.array([len(one) for one in parts], "<u4").tobytes() + b"".join(parts)
