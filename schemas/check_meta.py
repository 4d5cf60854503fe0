"""Rules of meta/: every table says what the shards say, and the books balance."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from somtom.schemas.books import SCAN, add_books, count_books
from somtom.schemas.features import dataset_features
from somtom.schemas.files import read_small
from somtom.schemas.folder import META, plan_path
from somtom.schemas.manifest import Manifest, read_manifest
from somtom.schemas.meta_tables import (
    COUNTS,
    FEATURES,
    ITEMS,
    REJECTS,
    SAMPLES,
    read_counts,
    read_items,
    read_rejects,
    read_samples,
    wids_entry,
    wids_name,
)
from somtom.schemas.plan_table import PlannedShard, read_plan_index
from somtom.schemas.reasons import DataError, Reject
from somtom.schemas.record import load_json
from somtom.schemas.sample_rows import SampleRow


def plan_faults(folder: Path, manifests: dict[str, Manifest]) -> Iterator[str]:
    """Every planned shard has a manifest made as planned, and no other shard has one."""
    where = plan_path(folder).relative_to(folder)
    try:
        planned = {shard.name: shard for shard in read_plan_index(plan_path(folder))}
    except DataError as error:
        yield f"{where}: {error.message}"
        return
    for name in sorted(set(planned) | set(manifests)):
        if name not in planned or name not in manifests:
            yield f"{where}: {name}: " + ("has no readable manifest" if name in planned else "is not planned")
            continue
        one = manifests[name]
        made = PlannedShard(
            name, one.split, one.track_digest, one.label_digest, sum(count for _, count in one.inputs)
        )
        if made != planned[name]:
            yield f"{where}: {name}: the manifest has {made}, the plan {planned[name]}"


def manifest_faults(
    manifest: Manifest, rows: list[SampleRow], size_bytes: int, sha256: str, md5: str
) -> Iterator[str]:
    """A manifest says what its tar says; size and digests are 0 and "" where there is no tar."""
    if (manifest.size_bytes, manifest.sha256, manifest.md5) != (size_bytes, sha256, md5):
        yield f"size and digests are not the tar's ({manifest.size_bytes} bytes, the tar has {size_bytes})"
    if not manifest.shard.startswith(f"{manifest.split}-"):
        yield f"split {manifest.split!r} of a shard {manifest.shard}"
    yield from _row_faults(list(manifest.samples), rows, "the tar's")
    for books in manifest.books():
        if not books.balanced:
            yield f"{books.source}: {books.inputs} inputs, but {books.samples} samples and {books.reasons}"


def _row_faults(rows: list[SampleRow], expected: list[SampleRow], whose: str) -> Iterator[str]:
    if [row["key"] for row in rows] != [row["key"] for row in expected]:
        yield f"its {len(rows)} samples are not {whose} {len(expected)}, in their order"
        return
    for row, wanted in zip(rows, expected, strict=True):
        for column, value in wanted.items():
            if row[column] != value:
                yield f"{row['key']}: {column} is {row[column]!r:.40}, {whose} is {value!r:.40}"


def samples_faults(folder: Path, manifests: dict[str, Manifest]) -> Iterator[str]:
    """samples.parquet holds the manifests' rows, each once."""
    where = f"{META}/{SAMPLES}"
    left = {name for name, one in manifests.items() if one.samples}
    try:
        for name, rows in groupby(read_samples(folder), key=lambda row: str(row["shard"])):
            if name not in left:
                yield f"{where}: {name}: rows of a shard that is not there, or twice"
                continue
            left.remove(name)
            for fault in _row_faults(list(rows), list(manifests[name].samples), "the manifest's"):
                yield f"{where}: {name}: {fault}"
    except DataError as error:
        yield f"{where}: {error.message}"
        return
    for name in sorted(left):
        yield f"{where}: {name}: its samples are missing"


def books_faults(folder: Path, manifests: Iterable[Manifest]) -> Iterator[str]:
    """rejects, items and counts agree with the manifests and with each other, and balance."""
    manifests = list(manifests)
    try:
        rejects, items, written = list(read_rejects(folder)), list(read_items(folder)), read_counts(folder)
    except DataError as error:
        yield f"{META}: {error.message}"
        return
    made = Counter(reject for one in manifests for reject in one.rejects)
    yield from _counter_faults(REJECTS, Counter(one for one in rejects if one.stage != SCAN), made)
    scanned = [one for one in rejects if one.stage == SCAN]
    said = Counter((one.source, one.facts.uri, one.reason) for one in items if one.reason)
    yield from _counter_faults(ITEMS, said, Counter((one.source, one.uri, one.reason) for one in scanned))
    listed = Counter(one.source for one in items)
    used = Counter(one.source for one in items if one.refs)
    books = add_books(
        [*count_books(SCAN, listed, used, scanned), *(row for one in manifests for row in one.books())]
    )
    if written != books:
        different = [(one, other) for one, other in zip(written, books, strict=False) if one != other]
        one, other = different[0] if different else (len(written), len(books))
        yield f"{META}/{COUNTS}: says {one}, but the manifests, items and rejects give {other}"
    for row in written:
        if not row.balanced:
            yield f"{META}/{COUNTS}: the books of {row.source} do not balance at {row.stage}"


def _counter_faults(table: str, said: Counter[Any], made: Counter[Any]) -> Iterator[str]:
    for one in sorted((said - made) + (made - said), key=str):
        name = f"{one.key or one.uri}: {one.reason}" if isinstance(one, Reject) else ": ".join(one)
        yield f"{META}/{table}: {name}: stands there {said[one]} times, but happened {made[one]} times"


def index_faults(folder: Path, manifests: dict[str, Manifest], extra: tuple[str, ...]) -> Iterator[str]:
    """features.json is the field table's, and wids lists each split's shards."""
    if read_json_or_none(folder / META / FEATURES) != dataset_features(extra):
        yield f"{META}/{FEATURES}: must equal the record's field table"
    expected: dict[str, list[dict[str, Any]]] = {}
    for one in manifests.values():
        if one.samples:
            expected.setdefault(wids_name(one.split), []).append(wids_entry(one))
    found = {path.name for path in (folder / META).glob("wids*.json")}
    for name in sorted(found | set(expected)):
        index = read_json_or_none(folder / META / name)
        listed = index.get("shardlist") if isinstance(index, dict) else None
        if listed != expected.get(name, []) or name not in expected:
            yield f"{META}/{name}: must list the shards of its split with size, number of samples and MD5"


def read_json_or_none(path: Path) -> object:
    """Read a JSON file; None where it is missing or damaged."""
    try:
        return load_json(read_small(path))
    except (OSError, DataError):
        return None


def read_manifests(folder: Path) -> tuple[dict[str, Manifest], list[str]]:
    """Read all manifests by shard, in the order of their names, and name those that are damaged."""
    manifests, damaged = {}, []
    for path in sorted((folder / META / "manifests").glob("*.json")):
        manifest = read_manifest(folder, path.stem)
        if manifest is None:
            damaged.append(f"{path.relative_to(folder)}: is damaged or of another version")
        else:
            manifests[path.stem] = manifest
    return manifests, damaged
