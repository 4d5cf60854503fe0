"""Rules of tracks/: all that labelling needs is there for every planned ref."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from somtom.schemas.folder import TRACKS, plan_path, tracks_path
from somtom.schemas.manifest import Manifest
from somtom.schemas.pictures import decode_jpeg
from somtom.schemas.plan_table import read_plan
from somtom.schemas.reasons import DataError
from somtom.schemas.tracks_table import read_tracks


def tracks_faults(folder: Path, manifests: dict[str, Manifest]) -> Iterator[str]:
    """Every shard has its tracks, one row a ref, with the clean picture where the clip is in no shard."""
    for path in sorted((folder / TRACKS).glob("*.parquet")):
        if path.stem not in manifests:
            yield f"{TRACKS}/{path.name}: belongs to no shard"
    try:
        for spec in read_plan(plan_path(folder)):
            if spec.name in manifests:
                rule = f"{TRACKS}/{spec.name}.parquet: "
                keys = [ref.key for ref in spec.refs]
                yield from (rule + fault for fault in _stored_faults(folder, manifests[spec.name], keys))
    except DataError:
        return  # `plan_faults` has said so


def _stored_faults(folder: Path, manifest: Manifest, keys: list[str]) -> Iterator[str]:
    path = tracks_path(folder, manifest.shard)
    if not path.is_file():
        yield "is missing"
        return
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    if (path.stat().st_size, sha256) != (manifest.tracks_size_bytes, manifest.tracks_sha256):
        yield "size and digest are not the manifest's"
    kept = {row["key"] for row in manifest.samples}
    reasons = {reject.key: reject.reason for reject in manifest.rejects}
    found = []
    try:
        for clip in read_tracks(path):
            key = clip.ref.key
            found.append(key)
            if clip.reject is not None and reasons.get(key) != clip.reject.reason:
                yield f"{key}: rejected as {clip.reject.reason}, the manifest says {reasons.get(key, 'kept')}"
            if bool(clip.clean_jpeg) != (clip.reject is None and key not in kept):
                yield f"{key}: the clean picture must stand here exactly when the clip is in no shard"
            elif clip.clean_jpeg and decode_jpeg(clip.clean_jpeg).shape[:2] != (clip.height, clip.width):
                yield f"{key}: the clean picture is not {clip.width} x {clip.height}"
    except DataError as error:
        yield error.message
        return
    if found != keys:
        yield f"its {len(found)} rows are not the plan's {len(keys)} refs, in their order"
