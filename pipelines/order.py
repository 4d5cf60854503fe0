"""Puts refs in order and cuts them into shards; nothing here depends on the runner or its workers.

Refs may be more than memory holds: they are put aside on disk in buckets by the hash that they are ordered
by, and each bucket is sorted for itself.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby, islice
from pathlib import Path

from somtom.pipelines.buckets import Buckets
from somtom.pipelines.group_splits import Facts, GroupSplits, tied_groups
from somtom.schemas.keys import digest
from somtom.schemas.refs import REF_FIELDS, Ref, ShardSpec, ref_of_values, ref_values

REFS_PER_BUCKET = 32_768  # of 2 KB each in memory
_GROUP, _SPLIT, _POSITION = map(REF_FIELDS.index, ("group", "split", "position"))


def order_refs(
    refs: Callable[[], Iterable[Ref]],
    val_fraction: float,
    scratch: Path,
    known: Callable[[], Iterable[Ref]] = tuple,
    refs_per_bucket: int = REFS_PER_BUCKET,
) -> Iterator[Ref]:
    """Give the refs with their groups and splits, shard after shard, mixed: runs in the order of a hash.

    They come by split, then by a hash of group and run, then by position.

    Args:
        refs: gives all refs, the same ones each time it is called.
        val_fraction: see `GroupSplits`.
        scratch: a folder for this alone, which is removed at the end; so is what a run that died left there.
        known: gives the refs of a plan that is there, see `Facts`.
        refs_per_bucket: as many are sorted in memory at once.
    """
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        facts = Facts(scratch / "facts", refs(), known())
        renamed = tied_groups(facts)
        splits = GroupSplits(facts, renamed, val_fraction)
        buckets = _put_aside(refs(), renamed, splits, scratch / "refs", -(-facts.refs // refs_per_bucket))
        for name in buckets.names():
            rows = sorted(buckets.read(name), key=lambda row: (row[0], row[1 + _POSITION]))
            for _, *values in rows:
                yield ref_of_values(values)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _put_aside(
    refs: Iterable[Ref], renamed: Mapping[str, str], splits: GroupSplits, folder: Path, parts: int
) -> Buckets:
    """Put the refs into buckets whose names have the order of their splits and hashes."""
    buckets = Buckets(folder)
    last: tuple[object, ...] = ()
    group = split = place = bucket = ""
    for ref in refs:
        run = (ref.group, ref.dataset, ref.uri, ref.camera, ref.run)
        if run != last:
            group = renamed.get(ref.group, ref.group)
            split = splits.of(group)
            place = digest("order", group, *run[1:])
            bucket = f"{split}-{int(place[:8], 16) * parts >> 32:08d}"
            last = run
        values = ref_values(ref)
        values[_GROUP], values[_SPLIT] = group, split
        buckets.add(bucket, (place, *values))
    return buckets


def cut_shards(
    refs: Iterable[Ref],
    clips_per_shard: int,
    track_settings: Mapping[str, object],
    label_settings: Mapping[str, object],
    first: Mapping[str, int] | None = None,
) -> Iterator[ShardSpec]:
    """Cut ordered refs into shards of equal numbers of refs; `first` is each split's first shard number.

    The track digest covers the refs and `track_settings`, the label digest `label_settings`.
    """
    label_digest = digest(dict(label_settings))
    for split, mine in groupby(refs, key=lambda ref: ref.split):
        for number, some in enumerate(_pieces(mine, clips_per_shard), (first or {}).get(split, 0)):
            yield ShardSpec(
                name=f"{split}-{number:06d}",
                split=split,
                refs=some,
                track_digest=digest([ref_identity(ref) for ref in some], dict(track_settings)),
                label_digest=label_digest,
            )


def _pieces(refs: Iterator[Ref], length: int) -> Iterator[tuple[Ref, ...]]:
    while some := tuple(islice(refs, length)):
        yield some


def ref_identity(ref: Ref) -> list[object]:
    """Everything of a ref but where it lies on this machine, and its weight, which only labels hold."""
    return [getattr(ref, name) for name in REF_FIELDS if name not in ("locator", "weight")]
