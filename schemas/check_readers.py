"""Rules of what lies beside the shards for single libraries: DALI's indices, energon's files, Croissant."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from somtom.schemas.check_meta import read_json_or_none
from somtom.schemas.croissant import CROISSANT, croissant, table_digest
from somtom.schemas.energon import ENERGON_FILES, energon_files
from somtom.schemas.files import read_small
from somtom.schemas.folder import DALI, ENERGON, META, dali_path, shard_path
from somtom.schemas.manifest import Manifest
from somtom.schemas.meta_tables import SAMPLES
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


def croissant_faults(
    folder: Path, manifests: dict[str, Manifest], extra: tuple[str, ...], table_is_whole: bool
) -> Iterator[str]:
    """croissant.json describes these shards, these members and the table, unless its own fault was named."""
    found = read_json_or_none(folder / META / CROISSANT)
    name = found.get("name") if isinstance(found, dict) else None
    sha256 = table_digest(folder) if table_is_whole else _table_digest_in(found)
    if not isinstance(name, str) or found != croissant(name, manifests.values(), extra, sha256):
        yield f"{META}/{CROISSANT}: must describe the shards, their members and {SAMPLES} as they are"


def _table_digest_in(description: Any) -> str:
    try:
        return next(str(one["sha256"]) for one in description["distribution"] if one["name"] == SAMPLES)
    except (TypeError, KeyError, StopIteration):
        return ""


def _expected(shard: Path) -> bytes:
    """The index that the shard must have; b"" where it cannot be read, which is said elsewhere."""
    try:
        return dali_index(index_shard(shard))
    except (OSError, DataError):
        return b""


def _bytes(path: Path) -> bytes:
    try:
        return read_small(path)
    except OSError:
        return b""
