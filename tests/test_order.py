"""Splits, groups and shards: nothing depends on the order of the inputs, no group stands in two splits."""

import dataclasses
from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from somtom.pipelines.order import TRAIN, VAL, choose_splits, cut_shards, order_refs, share_groups
from somtom.schemas.refs import Ref


def ref(uri: str, position: int, fingerprint: str, dataset: str = "d", split: str = "") -> Ref:
    return Ref(
        key=f"{dataset}-{uri}-{position}",
        source=0,
        kind="video",
        dataset=dataset,
        uri=uri,
        locator=f"/x/{uri}",
        fingerprint=fingerprint,
        licence="",
        group=f"{dataset}/{uri}",
        run=position // 2,
        position=position,
        start_s=float(position),
        end_s=position + 1.0,
        step_s=0.1,
        fps=30.0,
        frames=(0, 1),
        split=split,
    )


# Videos: (data set, what bytes it has, how many clips, which split its source asks for)
VIDEOS = st.lists(
    st.tuples(
        st.sampled_from(["d", "e"]),
        st.integers(0, 6),
        st.integers(1, 5),
        st.sampled_from(["", "", "", TRAIN, VAL]),
    ),
    min_size=1,
    max_size=12,
)
FREE_VIDEOS = VIDEOS.map(lambda videos: [(*video[:3], "") for video in videos])
FRACTIONS = st.sampled_from([0.0, 0.05, 0.5, 0.9])


def refs_of(videos: list[tuple[str, int, int, str]], first: int = 0) -> list[Ref]:
    return [
        ref(f"v{number // 2}", position, f"{content:032x}", f"{dataset}{number % 2}", split)
        for number, (dataset, content, clips, split) in enumerate(videos, first)
        for position in range(clips)
    ]


@given(FREE_VIDEOS)
def test_inputs_of_the_same_bytes_share_a_group_and_others_do_not(videos) -> None:
    grouped = share_groups(refs_of(videos))
    groups = {
        one.fingerprint: {other.group for other in grouped if other.fingerprint == one.fingerprint}
        for one in grouped
    }
    assert all(len(some) == 1 for some in groups.values())
    assert len({next(iter(some)) for some in groups.values()}) == len(groups)


@given(VIDEOS, FRACTIONS)
def test_a_group_stands_in_one_split(videos, val_fraction) -> None:
    grouped = share_groups(refs_of(videos))
    splits = choose_splits(grouped, val_fraction)
    assert set(splits) == {one.group for one in grouped}
    assert set(splits.values()) <= {TRAIN, VAL}


@given(FREE_VIDEOS, FRACTIONS)
def test_each_split_that_is_asked_for_gets_a_group_where_there_are_two(videos, val_fraction) -> None:
    grouped = share_groups(refs_of(videos))
    splits = choose_splits(grouped, val_fraction)
    expected = {TRAIN, VAL} if val_fraction > 0 and len(splits) > 1 else {TRAIN}
    assert set(splits.values()) == expected


@given(VIDEOS, FRACTIONS)
def test_a_source_gets_the_split_that_it_asks_for(videos, val_fraction) -> None:
    grouped = share_groups(refs_of(videos))
    splits = choose_splits(grouped, val_fraction)
    for group, split in splits.items():
        asked = {one.split for one in grouped if one.group == group} - {""}
        assert not asked or split == (VAL if VAL in asked else TRAIN)


@given(FREE_VIDEOS, FREE_VIDEOS, FRACTIONS)
def test_groups_planned_before_keep_name_and_split(old, new, val_fraction) -> None:
    before = share_groups(refs_of(old))
    splits = choose_splits(before, val_fraction)
    known_groups = {one.fingerprint: one.group for one in before}
    after = share_groups(refs_of(new, first=100), known_groups)
    later = choose_splits(after, val_fraction, splits)
    for one in after:
        if one.fingerprint in known_groups:
            assert one.group == known_groups[one.fingerprint]
            assert later[one.group] == splits[one.group]
    together = {**splits, **later}
    if val_fraction > 0 and len(together) > 1 and set(later) - set(splits):
        assert set(together.values()) == {TRAIN, VAL}


@given(VIDEOS, FRACTIONS, st.randoms(use_true_random=False))
def test_the_order_of_the_inputs_does_not_matter(videos, val_fraction, random) -> None:
    refs = refs_of(videos)
    shuffled = random.sample(refs, len(refs))
    planned = [
        order_refs(grouped, choose_splits(grouped, val_fraction))
        for grouped in (share_groups(refs), share_groups(shuffled))
    ]
    assert planned[0] == planned[1]


@given(VIDEOS, st.integers(1, 7))
def test_shards_are_equal_in_refs_and_hold_each_once(videos, clips_per_shard) -> None:
    grouped = share_groups(refs_of(videos))
    ordered = order_refs(grouped, choose_splits(grouped, 0.3))
    specs = cut_shards(ordered, clips_per_shard, {}, {})
    assert Counter(one for spec in specs for one in spec.refs) == Counter(ordered)
    assert len({spec.name for spec in specs}) == len(specs)
    for split in {spec.split for spec in specs}:
        sizes = [len(spec.refs) for spec in specs if spec.split == split]
        assert set(sizes[:-1]) <= {clips_per_shard} and 1 <= sizes[-1] <= clips_per_shard
        names = [spec.name for spec in specs if spec.split == split]
        assert names == [f"{split}-{number:06d}" for number in range(len(names))]
    assert all(one.split == spec.split for spec in specs for one in spec.refs)


@given(VIDEOS)
def test_clips_of_one_run_stay_together_in_their_order(videos) -> None:
    refs = share_groups(refs_of(videos))
    ordered = order_refs(refs, dict.fromkeys({one.group for one in refs}, TRAIN))
    runs = [(one.dataset, one.uri, one.run) for one in ordered]
    changes = 1 + sum(one != other for one, other in pairwise(runs))
    assert changes == len(set(runs))
    for run in set(runs):
        positions = [one.position for one, of in zip(ordered, runs, strict=True) if of == run]
        assert positions == sorted(positions)


def test_the_track_digest_covers_refs_and_settings_but_not_where_files_lie() -> None:
    one = ref("a", 0, "f", split=TRAIN)
    moved = dataclasses.replace(one, locator="/elsewhere/a")
    other = dataclasses.replace(one, fingerprint="g")

    def track_digest(some: Ref, grid: int = 15) -> str:
        return cut_shards([some], 1, {"grid": grid}, {"epsilon": 2.0})[0].track_digest

    assert track_digest(one) == track_digest(moved)
    assert len({track_digest(one), track_digest(other), track_digest(one, grid=16)}) == 3


def test_the_label_digest_covers_label_settings_alone() -> None:
    one = ref("a", 0, "f", split=TRAIN)
    first, second = (cut_shards([one], 1, {}, {"epsilon": epsilon})[0] for epsilon in (1.0, 2.0))
    assert first.label_digest != second.label_digest and first.track_digest == second.track_digest
