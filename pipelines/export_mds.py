"""MDS, what mosaicml-streaming reads: a folder a split with shard.00000.mds, ... and index.json.

Written here by the format itself, version 2, without that library: it brings a hundred packages along.
"""

import json
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from somtom.pipelines.config_rules import ConfigError
from somtom.pipelines.export_chunks import MAX_BYTES, encode_samples, gather, picture_names, write_chunk
from somtom.pipelines.export_selection import Selection, Written
from somtom.schemas.files import write_whole


@dataclass(frozen=True)
class Mds:
    """Columns: key, record (JSON), image, clean_image, h00, ..., cam1, ... (JPEG), traces (float32 array)."""

    shard_mb: int = 64

    def export(self, chosen: Selection, out: Path) -> Written:
        """See `Exporter`."""
        size_limit = self.shard_mb << 20
        if not 0 < size_limit <= MAX_BYTES:
            raise ConfigError(f"--set shard_mb={self.shard_mb}: must be 1 to {MAX_BYTES >> 20}")
        pictures = dict.fromkeys(picture_names(chosen), "jpeg")
        columns = {"key": "str", "record": "json", "traces": "ndarray:float32", **pictures}
        names = sorted(columns)
        described = {
            "version": 2,
            "format": "mds",
            "compression": None,
            "hashes": [],
            "size_limit": size_limit,
            "column_names": names,
            "column_encodings": [columns[name] for name in names],
            "column_sizes": [None] * len(names),
        }
        head = json.dumps(described, sort_keys=True).encode()
        for split in chosen.counts:
            shards = []
            encoded = encode_samples(chosen, split, names, _array)
            for number, samples in enumerate(gather(encoded, size_limit - 8 - len(head))):
                name = f"shard.{number:05d}.mds"
                size_bytes = write_chunk(out / split / name, samples, head)
                raw = {"basename": name, "bytes": size_bytes, "hashes": {}}
                shards.append({"samples": len(samples), "raw_data": raw, "zip_data": None, **described})
            index = json.dumps({"version": 2, "shards": shards}, sort_keys=True)
            write_whole(out / split / "index.json", index.encode())
        return Written(chosen.total)


def _array(values: NDArray[np.float32]) -> bytes:
    """An array of fixed type: a byte (dimensions << 2 | log2 of the bytes of a length), lengths, values."""
    bytes_log2 = next(i for i in range(3) if max(values.shape) < 1 << (8 << i))
    head = struct.pack(f"<B3{'BHI'[bytes_log2]}", 3 << 2 | bytes_log2, *values.shape)
    return head + np.ascontiguousarray(values, "<f4").tobytes()
