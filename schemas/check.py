"""Holds a data set's folder against the contract: reads everything back, one line a fault."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from somtom.schemas.action_stats import ActionStats, read_action_stats
from somtom.schemas.check_folder import card_faults, folder_faults, made_with_faults, odd_files
from somtom.schemas.check_meta import (
    books_faults,
    index_faults,
    manifest_faults,
    plan_faults,
    read_manifests,
    samples_faults,
)
from somtom.schemas.check_readers import croissant_faults, reader_faults
from somtom.schemas.check_sample import check_sample
from somtom.schemas.check_tar import read_checked, suffix_faults
from somtom.schemas.check_tracks import tracks_faults
from somtom.schemas.duplicates import copies_faults, duplicate_faults
from somtom.schemas.folder import META, SHARDS, manifest_path, plan_path, shard_path
from somtom.schemas.manifest import Manifest
from somtom.schemas.reasons import DataError
from somtom.schemas.removals import removal_faults
from somtom.schemas.sample import FIRST_MEMBERS
from somtom.schemas.sample_rows import SampleRow, sample_row


def check_dataset(folder: Path) -> Iterator[str]:
    """Read every tar, record, picture and table of the data set and name each broken rule.

    Each line is `FILE: KEY: rule`, with the path relative to `folder`; no line means that all is well.
    """
    if odd := odd_files(folder):
        yield from odd
        return
    manifests, damaged = read_manifests(folder)
    if not _is_data_set(folder, manifests.values()):
        yield f"{folder}: is no data set (it must hold {META}/ and {SHARDS}/)"
        return
    yield from folder_faults(folder)
    yield from damaged
    try:
        stats = read_action_stats(folder)
    except DataError as error:
        yield error.message
        stats = {}
    tars = _TarChecks(stats)
    for path in sorted((folder / SHARDS).glob("*.tar")):
        yield from tars.check(path, manifests.get(path.stem))
    for name, manifest in manifests.items():
        if not shard_path(folder, name).exists():
            place = manifest_path(folder, name).relative_to(folder)
            yield from (f"{place}: {fault}" for fault in manifest_faults(manifest, [], 0, "", ""))
    yield from plan_faults(folder, manifests)
    of_table = list(samples_faults(folder, manifests))
    yield from of_table
    yield from duplicate_faults(folder, (row for one in manifests.values() for row in one.samples))
    yield from copies_faults(folder, manifests.values())
    yield from removal_faults(folder, manifests.values())
    yield from books_faults(folder, manifests.values())
    extra = tuple(tars.suffixes[len(FIRST_MEMBERS) :])
    yield from index_faults(folder, manifests, extra)
    yield from reader_faults(folder, manifests)
    yield from croissant_faults(folder, manifests, extra, not of_table)
    yield from card_faults(folder, sorted(tars.splits), extra)
    yield from made_with_faults(folder)
    yield from tracks_faults(folder, manifests)


def _is_data_set(folder: Path, manifests: Iterable[Manifest]) -> bool:
    """Whether the folder is worth checking; without shards/ only where no input gave a sample."""
    if (folder / SHARDS).is_dir():
        return (folder / META).is_dir()
    return plan_path(folder).is_file() and not any(one.samples for one in manifests)


class _TarChecks:
    """What must hold over all tars: the same members, keys used once, groups in one split."""

    def __init__(self, stats: dict[str, ActionStats]) -> None:
        self._stats = stats
        self.suffixes: list[str] = []
        self.splits: set[str] = set()
        self._shard_of_key: dict[str, str] = {}
        self._split_of: dict[tuple[str, str], str] = {}

    def check(self, path: Path, manifest: Manifest | None) -> Iterator[str]:
        """Check one tar and its manifest."""
        where = f"{SHARDS}/{path.name}"
        split = path.stem.rpartition("-")[0]
        self.splits.add(split)
        rows: list[SampleRow] = []
        tar_faults: list[str] = []
        for key, members in read_checked(path, tar_faults):
            self.suffixes = self.suffixes or list(members)
            faults = list(suffix_faults(list(members), self.suffixes))
            if self._shard_of_key.setdefault(key, path.stem) != path.stem:
                faults.append(f"the key stands in {self._shard_of_key[key]} too")
            read = check_sample(key, split, members, self._stats, faults)
            if read is not None:
                record, traces = read
                rows.append(sample_row(record, path.stem, len(traces)))
                faults += self._split_faults(rows[-1], split)
            yield from (f"{where}: {key}: {fault}" for fault in faults)
        yield from (f"{where}: {fault}" for fault in tar_faults)
        if manifest is None:
            yield f"{where}: has no readable manifest"
            return
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            md5 = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        for fault in manifest_faults(manifest, rows, path.stat().st_size, sha256, md5):
            yield f"{META}/manifests/{path.stem}.json: {fault}"

    def _split_faults(self, row: SampleRow, split: str) -> Iterator[str]:
        for name in ("group", "fingerprint"):
            place = (name, f"{row['dataset']}/{row[name]}" if name == "group" else row[name])
            if row[name] and self._split_of.setdefault(place, split) != split:
                yield f"its {name} {row[name]!r:.60} stands in {self._split_of[place]} too"
