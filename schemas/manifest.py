"""meta/manifests/<shard>.json: what a shard is, written last; a shard is done when its manifest says so."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from somtom.schemas.books import LABEL, Books, count_books, require_balance
from somtom.schemas.files import read_small, write_whole
from somtom.schemas.folder import manifest_path, shard_path, timings_path, tracks_path
from somtom.schemas.plan_table import PlannedShard
from somtom.schemas.reasons import DataError, Reject
from somtom.schemas.record import load_json, storable_text
from somtom.schemas.refs import ShardSpec
from somtom.schemas.sample_rows import SAMPLE_COLUMNS, SampleRow
from somtom.schemas.tar import ShardWriter
from somtom.schemas.tracker_load import TrackerLoad
from somtom.schemas.tracks_table import TracksWriter


@dataclass(frozen=True)
class Manifest:
    """One finished shard; nothing in it differs between two runs that wrote the same bytes.

    Args:
        shard, split, track_digest, label_digest: as planned.
        inputs: (source, refs that went in), in the order of the alphabet.
        samples: one row a sample in the tar's order, see `sample_rows.SAMPLE_COLUMNS`.
        rejects: the refs that gave none.
        size_bytes, sha256, md5: of the tar; 0 and "" where no ref gave a sample and no tar was left.
        tracks_size_bytes, tracks_sha256: of the tracks file.
        copies: rows of the refs that would be samples, but were rejected as near duplicates. Written only
            where there are any.
    """

    shard: str
    split: str
    track_digest: str
    label_digest: str
    inputs: tuple[tuple[str, int], ...]
    samples: tuple[SampleRow, ...]
    rejects: tuple[Reject, ...]
    size_bytes: int
    sha256: str
    md5: str
    tracks_size_bytes: int
    tracks_sha256: str
    copies: tuple[SampleRow, ...] = ()

    def books(self) -> list[Books]:
        """The label stage's books of this shard."""
        samples = Counter(str(row["dataset"]) for row in self.samples)
        return count_books(LABEL, dict(self.inputs), samples, self.rejects)


def make_manifest(
    spec: ShardSpec,
    shard: ShardWriter,
    tracks: TracksWriter,
    samples: Sequence[SampleRow],
    rejects: Sequence[Reject],
    copies: Sequence[SampleRow] = (),
) -> Manifest:
    """Describe the shard that the two closed writers wrote; `copies` tell more of some of the rejects.

    Raises:
        ValueError: samples and rejects do not add up to the refs.
    """
    inputs = Counter(ref.dataset for ref in spec.refs)
    manifest = Manifest(
        spec.name,
        spec.split,
        spec.track_digest,
        spec.label_digest,
        tuple(sorted(inputs.items())),
        tuple(samples),
        tuple(rejects),
        shard.size_bytes,
        shard.sha256,
        shard.md5,
        tracks.size_bytes,
        tracks.sha256,
        tuple(copies),
    )
    require_balance(manifest.books())
    if shard.samples != len(samples) or tracks.rows != len(spec.refs):
        raise ValueError(
            f"{spec.name}: {shard.samples} samples written for {len(samples)} rows, "
            f"{tracks.rows} stored clips for {len(spec.refs)} refs"
        )
    return manifest


def write_manifest(
    folder: Path,
    manifest: Manifest,
    timings_s: Mapping[str, float] | None = None,
    load: TrackerLoad | None = None,
) -> None:
    """Write the shard's manifest, and before it what differs from run to run, apart.

    That is the seconds by stage and, where clips are tracked in batches, how busy the tracker was.
    """
    if timings_s is not None:
        tracker = {"tracker": asdict(load)} if load is not None and load.total_s else {}
        write_whole(timings_path(folder, manifest.shard), _json(dict(timings_s) | tracker))
    values = asdict(manifest)
    if not manifest.copies:
        del values["copies"]
    write_whole(manifest_path(folder, manifest.shard), _json(values))


def _json(values: object) -> bytes:
    text = json.dumps(values, ensure_ascii=False, allow_nan=False, indent=1)
    return storable_text(text).encode() + b"\n"


def read_manifest(folder: Path, shard: str) -> Manifest | None:
    """Read a shard's manifest; None where it is absent or damaged, for then the shard is made again."""
    try:
        values = load_json(read_small(manifest_path(folder, shard)))
    except (OSError, DataError):
        return None
    return _manifest_of(values, shard)


def _manifest_of(values: object, shard: str) -> Manifest | None:
    if not isinstance(values, dict):
        return None
    values.setdefault("copies", [])
    if set(values) != {field.name for field in fields(Manifest)}:
        return None
    plain = {field.name: field.type for field in fields(Manifest) if field.type in (str, int)}
    if values["shard"] != shard or any(type(values[name]) is not kind for name, kind in plain.items()):
        return None
    try:
        inputs = tuple((str(source), int(count)) for source, count in values["inputs"])
        rejects = tuple(Reject(**one) for one in values["rejects"])
        samples, copies = (
            tuple({name: row[name] for name in SAMPLE_COLUMNS} for row in values[rows])
            for rows in ("samples", "copies")
        )
    except (TypeError, ValueError, KeyError):
        return None
    return Manifest(**values | {"inputs": inputs, "rejects": rejects, "samples": samples, "copies": copies})


def read_timings(folder: Path, shard: str) -> dict[str, float]:
    """Read how many seconds each stage of the shard took; empty where that is not known."""
    return _numbers(_timings(folder, shard))


def read_tracker_load(folder: Path, shard: str) -> TrackerLoad:
    """Read how busy the tracker was with the shard; all zero where that is not known."""
    found = _numbers(_timings(folder, shard).get("tracker"))
    seconds = {name: found.get(name, 0.0) for name in ("busy_s", "waited_s", "other_s")}
    return TrackerLoad(**seconds, halved=int(found.get("halved", 0)))


def _timings(folder: Path, shard: str) -> dict[str, object]:
    try:
        values = load_json(read_small(timings_path(folder, shard)))
    except (OSError, DataError):
        return {}
    return values if isinstance(values, dict) else {}


def _numbers(values: object) -> dict[str, float]:
    if not isinstance(values, dict):
        return {}
    return {name: float(one) for name, one in values.items() if isinstance(one, (int, float))}


def is_done(folder: Path, planned: ShardSpec | PlannedShard) -> bool:
    """Whether the shard is whole and was made as it is planned now."""
    return done_manifest(folder, planned) is not None


def done_manifest(folder: Path, planned: ShardSpec | PlannedShard) -> Manifest | None:
    """Read the manifest of a shard that is done; None where it is not."""
    manifest = read_manifest(folder, planned.name)
    is_whole = (
        manifest is not None
        and manifest.track_digest == planned.track_digest
        and manifest.label_digest == planned.label_digest
        and _size(shard_path(folder, planned.name)) == manifest.size_bytes
        and _size(tracks_path(folder, planned.name)) == manifest.tracks_size_bytes
    )
    return manifest if is_whole else None


def _size(path: Path) -> int:
    """Bytes of the file, 0 where there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
