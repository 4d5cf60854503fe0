"""Splits, groups and shards: nothing depends on the order of the inputs, no group stands in two splits."""

import dataclasses
import tempfile
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from somtom.pipelines.buckets import Buckets
from somtom.pipelines.group_splits import TRAIN, VAL, GroupSet
from somtom.pipelines.order import cut_shards, order_refs
from somtom.schemas.keys import digest
from somtom.schemas.refs import Ref, ShardSpec


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


def planned(
    refs: Sequence[Ref], val_fraction: float = 0.3, known: Sequence[Ref] = (), refs_per_bucket: int = 3
) -> list[Ref]:
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder) / "scratch"
        ordered = list(order_refs(lambda: refs, val_fraction, scratch, lambda: known, refs_per_bucket))
        assert not scratch.exists()
    return ordered


def splits_of(refs: Sequence[Ref]) -> dict[str, str]:
    splits = {one.group: one.split for one in refs}
    assert all(splits[one.group] == one.split for one in refs)
    return splits


@settings(deadline=None)
@given(VIDEOS)
def test_inputs_of_the_same_bytes_share_a_group_and_others_do_not(videos) -> None:
    refs = refs_of(videos)
    # Two videos have one uri, and so one group: what ties all of them is followed to its end.
    tied = {one.group: {one.group} for one in refs}
    for one in refs:
        for other in refs:
            if one.fingerprint == other.fingerprint and tied[one.group] is not tied[other.group]:
                together = tied[one.group] | tied[other.group]
                tied.update(dict.fromkeys(together, together))
    for one in planned(refs):
        assert one.group == min(tied[f"{one.dataset}/{one.uri}"])


@settings(deadline=None)
@given(VIDEOS, FRACTIONS)
def test_a_group_stands_in_one_split(videos, val_fraction) -> None:
    assert set(splits_of(planned(refs_of(videos), val_fraction)).values()) <= {TRAIN, VAL}


@settings(deadline=None)
@given(FREE_VIDEOS, FRACTIONS)
def test_each_split_that_is_asked_for_gets_a_group_where_there_are_two(videos, val_fraction) -> None:
    splits = splits_of(planned(refs_of(videos), val_fraction))
    expected = {TRAIN, VAL} if val_fraction > 0 and len(splits) > 1 else {TRAIN}
    assert set(splits.values()) == expected


@settings(deadline=None)
@given(VIDEOS, FRACTIONS)
def test_a_source_gets_the_split_that_it_asks_for(videos, val_fraction) -> None:
    refs = refs_of(videos)
    asked = {one.key: one.split for one in refs}
    ordered = planned(refs, val_fraction)
    for group, split in splits_of(ordered).items():
        of_group = {asked[one.key] for one in ordered if one.group == group} - {""}
        assert not of_group or split == (VAL if VAL in of_group else TRAIN)


@settings(deadline=None)
@given(FREE_VIDEOS, FREE_VIDEOS, FRACTIONS)
def test_groups_planned_before_keep_name_and_split(old, new, val_fraction) -> None:
    before = planned(refs_of(old), val_fraction)
    after = planned(refs_of(new, first=100), val_fraction, before)
    known_groups = {one.fingerprint: one.group for one in before}
    splits, later = splits_of(before), splits_of(after)
    for one in after:
        if one.fingerprint in known_groups:
            assert one.group in known_groups.values()
            assert one.split == splits[one.group]
    together = {**splits, **later}
    if val_fraction > 0 and len(together) > 1 and set(later) - set(splits):
        assert set(together.values()) == {TRAIN, VAL}


def test_what_a_run_that_died_put_aside_is_not_taken_up(tmp_path: Path) -> None:
    refs = [ref("a", 0, "f"), ref("b", 0, "g")]
    expected = planned(refs)
    left = order_refs(lambda: [ref("c", 0, "h")], 0.3, tmp_path / "scratch")
    next(left)
    assert list(order_refs(lambda: refs, 0.3, tmp_path / "scratch")) == expected
    left.close()


def test_a_group_planned_before_keeps_its_name_though_another_comes_first() -> None:
    before = planned([ref("z", 0, "same"), ref("y", 0, "other")], 0.0)
    after = planned([ref("a", 0, "same")], 0.0, before)
    assert [one.group for one in after] == ["d/z"]


@settings(deadline=None)
@given(VIDEOS, FRACTIONS, st.randoms(use_true_random=False))
def test_the_order_of_the_inputs_does_not_matter(videos, val_fraction, random) -> None:
    refs = refs_of(videos)
    assert planned(refs, val_fraction) == planned(random.sample(refs, len(refs)), val_fraction)


@settings(deadline=None)
@given(VIDEOS, FRACTIONS, st.integers(1, 5))
def test_how_many_are_sorted_at_once_does_not_matter(videos, val_fraction, refs_per_bucket) -> None:
    refs = refs_of(videos)
    ordered = planned(refs, val_fraction, refs_per_bucket=1000)
    assert planned(refs, val_fraction, refs_per_bucket=refs_per_bucket) == ordered
    places = [
        (one.split, digest("order", one.group, one.dataset, one.uri, one.camera, one.run), one.position)
        for one in ordered
    ]
    assert places == sorted(places)


def test_one_group_alone_is_said_to_give_no_validation_split(caplog: pytest.LogCaptureFixture) -> None:
    assert splits_of(planned([ref("a", 0, "f"), ref("a", 1, "f")], 0.9)) == {"d/a": TRAIN}
    assert "none to val" in caplog.text


@settings(deadline=None)
@given(st.lists(st.text()), st.lists(st.text()))
def test_a_set_of_groups_holds_what_was_added(groups, others) -> None:
    some = GroupSet()
    for group in groups:
        some.add(group)
    assert [one in some for one in (*groups, *others)] == [one in groups for one in (*groups, *others)]


def test_buckets_give_their_rows_back_in_order_however_many_there_are(tmp_path: Path) -> None:
    buckets = Buckets(tmp_path / "rows")
    rows = [[number, "\udc80é", ["x" * (number % 50)], 0.1] for number in range(6000)]
    for number, row in enumerate(rows):
        buckets.add(f"{number % 2}", row)
    assert buckets.names() == ["0", "1"]
    for _ in range(2):  # they may be read again
        assert [list(buckets.read(name)) for name in "01"] == [rows[::2], rows[1::2]]
    assert sum(path.stat().st_size for path in (tmp_path / "rows").iterdir()) < 100_000
    assert list(buckets.read("2")) == []


@settings(deadline=None)
@given(VIDEOS, st.integers(1, 7))
def test_shards_are_equal_in_refs_and_hold_each_once(videos, clips_per_shard) -> None:
    ordered = planned(refs_of(videos))
    specs = list(cut_shards(ordered, clips_per_shard, {}, {}))
    assert Counter(one for spec in specs for one in spec.refs) == Counter(ordered)
    assert len({spec.name for spec in specs}) == len(specs)
    for split in {spec.split for spec in specs}:
        sizes = [len(spec.refs) for spec in specs if spec.split == split]
        assert set(sizes[:-1]) <= {clips_per_shard} and 1 <= sizes[-1] <= clips_per_shard
        names = [spec.name for spec in specs if spec.split == split]
        assert names == [f"{split}-{number:06d}" for number in range(len(names))]
    assert all(one.split == spec.split for spec in specs for one in spec.refs)


@settings(deadline=None)
@given(VIDEOS)
def test_clips_of_one_run_stay_together_in_their_order(videos) -> None:
    ordered = planned(refs_of(videos))
    runs = [(one.dataset, one.uri, one.run) for one in ordered]
    changes = 1 + sum(one != other for one, other in pairwise(runs))
    assert changes == len(set(runs))
    for run in set(runs):
        positions = [one.position for one, of in zip(ordered, runs, strict=True) if of == run]
        assert positions == sorted(positions)


def only_shard(one: Ref, track: dict[str, object], label: dict[str, object]) -> ShardSpec:
    (spec,) = cut_shards([one], 1, track, label)
    return spec


def test_the_track_digest_covers_refs_and_settings_but_not_where_files_lie() -> None:
    one = ref("a", 0, "f", split=TRAIN)
    moved = dataclasses.replace(one, locator="/elsewhere/a")
    other = dataclasses.replace(one, fingerprint="g")

    def track_digest(some: Ref, grid: int = 15) -> str:
        return only_shard(some, {"grid": grid}, {"epsilon": 2.0}).track_digest

    assert track_digest(one) == track_digest(moved)
    assert len({track_digest(one), track_digest(other), track_digest(one, grid=16)}) == 3


def test_the_label_digest_covers_label_settings_alone() -> None:
    one = ref("a", 0, "f", split=TRAIN)
    first, second = (only_shard(one, {}, {"epsilon": epsilon}) for epsilon in (1.0, 2.0))
    assert first.label_digest != second.label_digest and first.track_digest == second.track_digest
