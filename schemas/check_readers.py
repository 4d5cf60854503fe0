"""Rules of what lies beside the shards for one library each: the indices of DALI and the files of energon."""

from collections.abc import Iterator
from pathlib import Path

from somtom.schemas.energon import ENERGON_FILES, energon_files
from somtom.schemas.folder import DALI, ENERGON, META, dali_path, shard_path
from somtom.schemas.manifest import Manifest
from somtom.schemas.reasons import DataError
from somtom.schemas.shard_index import dali_index, index_shard


def reader_faults(folder: Path, manifests: dict[str, Manifest]) -> Iterator[str]:
    """Every shard has its index for DALI, no other file has one, and .nv-meta/ lists the shards."""
    shards = {name for name, one in manifests.items() if one.samples}
    indexed = {path.name.removesuffix(".idx") for path in (folder / META / DALI).glob("*")}
    for name in sorted(shards | indexed):
        path = dali_path(folder, name)
        if name not in shards or _bytes(path) != _expected(shard_path(folder, name)):
            yield f"{path.relative_to(folder)}: must say where each member of its shard lies, and only that"
    files = energon_files(manifests.values())
    for name in ENERGON_FILES:
        if _bytes(folder / ENERGON / name) != files.get(name, b""):
            yield f"{ENERGON}/{name}: must list the shards of each split with their number of samples, if any"


def _expected(shard: Path) -> bytes:
    """The index that the shard must have; b"" where it cannot be read, which is said elsewhere."""
    try:
        return dali_index(index_shard(shard))
    except (OSError, DataError):
        return b""


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
