"""Puts refs in order and cuts them into shards; nothing here depends on the runner or its workers."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from somtom.schemas.keys import digest
from somtom.schemas.refs import Ref, ShardSpec

TRAIN, VAL = "train", "val"


def share_groups(refs: Iterable[Ref], known: Mapping[str, str] | None = None) -> list[Ref]:
    """Put inputs with the same bytes, or the same picture, into one group: the first of their groups' names.

    `known` maps what inputs planned before show (`Ref.shown`) to their groups.
    """
    listed = list(refs)
    group_of: dict[str, str] = {}
    for ref in listed:
        group_of[ref.shown] = min(ref.group, group_of.get(ref.shown, ref.group))
    group_of.update(known or {})
    # Two inputs of one group whose bytes equal those of two other groups tie all of them together.
    leader: dict[str, str] = {}

    def lead(group: str) -> str:
        first = group
        while leader.get(first, first) != first:
            first = leader[first]
        while group != first:  # what was walked through is kept short for the next time
            group, leader[group] = leader[group], first
        return first

    for ref in listed:
        first, second = sorted((lead(ref.group), lead(group_of[ref.shown])))
        leader[second] = first
    # A group planned before keeps its name: its samples may already be written.
    kept = {lead(group): group for group in sorted((known or {}).values(), reverse=True)}
    return [dataclasses.replace(ref, group=kept.get(lead(ref.group), lead(ref.group))) for ref in listed]


def choose_splits(
    refs: Sequence[Ref], val_fraction: float, known: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Decide the split of each group: what a source asks for, else by the group's hash.

    With fewer than two groups all is train; otherwise each split that is asked for gets at least one group.
    A group that sources ask into both splits is held out as a whole. `known` maps groups planned before to
    their splits, which they keep.
    """
    asked: dict[str, str] = {}
    for ref in refs:
        if ref.split and asked.get(ref.group) != VAL:
            asked[ref.group] = ref.split
    place = {ref.group: int(digest("split", ref.group)[:13], 16) / 16**13 for ref in refs}
    splits = {group: asked.get(group, VAL if at < val_fraction else TRAIN) for group, at in place.items()}
    splits.update({group: split for group, split in (known or {}).items() if group in splits})
    free = [group for group in place if group not in asked and group not in (known or {})]
    present = set(splits.values()) | set((known or {}).values())
    if len(splits) + len(set(known or {}) - set(splits)) >= 2 and val_fraction > 0:
        if VAL not in present and free:
            splits[min(free, key=lambda group: (place[group], group))] = VAL
        elif TRAIN not in present and free:
            splits[max(free, key=lambda group: (place[group], group))] = TRAIN
    elif not known:
        splits = {group: asked.get(group, TRAIN) for group in splits}
    return splits


def order_refs(refs: Iterable[Ref], splits: Mapping[str, str]) -> list[Ref]:
    """Order by split, then by a hash of group and run, then by position, so that shards are mixed."""
    placed = [dataclasses.replace(ref, split=splits[ref.group]) for ref in refs]
    return sorted(
        placed,
        key=lambda ref: (
            ref.split,
            digest("order", ref.group, ref.dataset, ref.uri, ref.camera, ref.run),
            ref.position,
        ),
    )


def cut_shards(
    refs: Sequence[Ref],
    clips_per_shard: int,
    track_settings: Mapping[str, object],
    label_settings: Mapping[str, object],
    first: Mapping[str, int] | None = None,
) -> list[ShardSpec]:
    """Cut ordered refs into shards of equal numbers of refs; `first` is each split's first shard number.

    The track digest covers the refs and `track_settings`, the label digest `label_settings`.
    """
    specs: list[ShardSpec] = []
    for split in sorted({ref.split for ref in refs}):
        mine = [ref for ref in refs if ref.split == split]
        for number, start in enumerate(range(0, len(mine), clips_per_shard), (first or {}).get(split, 0)):
            some = tuple(mine[start : start + clips_per_shard])
            specs.append(
                ShardSpec(
                    name=f"{split}-{number:06d}",
                    split=split,
                    refs=some,
                    track_digest=digest([ref_identity(ref) for ref in some], dict(track_settings)),
                    label_digest=digest(dict(label_settings)),
                )
            )
    return specs


def ref_identity(ref: Ref) -> list[object]:
    """Everything of a ref but where it lies on this machine, and its weight, which only labels hold."""
    names = [field.name for field in dataclasses.fields(ref)]
    return [getattr(ref, name) for name in names if name not in ("locator", "weight")]
