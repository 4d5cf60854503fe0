"""What megatron-energon reads beside the shards: the files of .nv-meta/, the same for the same shards.

Energon also wants an index next to each tar, where other readers stumble over it: see `shard_index`.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from somtom.schemas.files import write_whole
from somtom.schemas.folder import ENERGON, SHARDS
from somtom.schemas.manifest import Manifest
from somtom.schemas.record_fields import SPLITS

ENERGON_FILES = (".info.json", "dataset.yaml", "split.yaml")
# Every member comes as it is and the trainer's own cooker picks what it wants: energon's own types of sample
# hold neither marks nor traces.
_DATASET = "__module__: megatron.energon\n__class__: CrudeWebdataset\n"


def energon_files(manifests: Iterable[Manifest]) -> dict[str, bytes]:
    """Give the files of .nv-meta/ by name; none where there are no samples."""
    shards = sorted((one for one in manifests if one.samples), key=lambda one: one.shard)
    if not shards:
        return {}
    counts = {f"{SHARDS}/{one.shard}.tar": len(one.samples) for one in shards}
    lines = ["split_parts:"]
    for split in SPLITS:
        names = [f"  - {SHARDS}/{one.shard}.tar" for one in shards if one.split == split]
        lines += [f"  {split}:", *names] if names else [f"  {split}: []"]
    return {
        ".info.json": json.dumps({"shard_counts": counts}, indent=1).encode() + b"\n",
        "dataset.yaml": _DATASET.encode(),
        "split.yaml": "\n".join([*lines, "exclude: []", ""]).encode(),
    }


def write_energon(folder: Path, manifests: Iterable[Manifest]) -> None:
    """Write .nv-meta/ anew; only our own files in it are touched."""
    files = energon_files(manifests)
    for name in ENERGON_FILES:
        path = folder / ENERGON / name
        if name in files:
            write_whole(path, files[name])
        else:
            path.unlink(missing_ok=True)
