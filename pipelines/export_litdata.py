"""litdata's chunks: a folder a split with chunk-0-0.bin, ... and index.json.

Written here by the format itself, without that library: it brings torch along.
"""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from somtom.pipelines.config_rules import ConfigError
from somtom.pipelines.export_chunks import MAX_BYTES, encode_samples, gather, picture_names, write_chunk
from somtom.pipelines.export_selection import Selection, Written
from somtom.schemas.files import write_whole

_FLOAT32 = 9  # its place in litdata's list of types


@dataclass(frozen=True)
class Litdata:
    """Leaves: key, record (JSON as text), image, clean_image, h00, ..., cam1, ... (JPEG), traces (array)."""

    chunk_mb: int = 64

    def export(self, chosen: Selection, out: Path) -> Written:
        """See `Exporter`."""
        chunk_bytes = self.chunk_mb << 20
        if not 0 < chunk_bytes <= MAX_BYTES:
            raise ConfigError(f"--set chunk_mb={self.chunk_mb}: must be 1 to {MAX_BYTES >> 20}")
        pictures = dict.fromkeys(picture_names(chosen), "jpeg")
        kinds = {"key": "str", "record": "str", **pictures, "traces": "numpy"}
        for split in chosen.counts:
            chunks = []
            encoded = encode_samples(chosen, split, list(kinds), _array)
            for number, samples in enumerate(gather(encoded, chunk_bytes)):
                name = f"chunk-0-{number}.bin"
                size_bytes = write_chunk(out / split / name, samples)
                sizes = {"chunk_bytes": size_bytes, "chunk_size": len(samples), "dim": None}
                chunks.append({**sizes, "filename": name})
            index = {"chunks": chunks, "config": _config(kinds, chunk_bytes), "updated_at": "0"}
            write_whole(out / split / "index.json", json.dumps(index, sort_keys=True).encode())
        return Written(chosen.total)


def _config(kinds: Mapping[str, str], chunk_bytes: int) -> dict[str, object]:
    leaf: dict[str, object] = {"type": None, "context": None, "children_spec": []}
    # torch's own way to write down how a dict is flattened: version 1, its keys in order.
    spec = {"type": "builtins.dict", "context": json.dumps(list(kinds)), "children_spec": [leaf] * len(kinds)}
    return {
        "chunk_bytes": chunk_bytes,
        "chunk_size": None,
        "compression": None,
        "data_format": list(kinds.values()),
        "data_spec": json.dumps([1, spec]),
        "encryption": None,
        "item_loader": "PyTreeLoader",
    }


def _array(values: NDArray[np.float32]) -> bytes:
    """An array: uint32 type, number of dimensions, lengths, then the values."""
    head = struct.pack("<5I", _FLOAT32, 3, *values.shape)
    return head + np.ascontiguousarray(values, "<f4").tobytes()
