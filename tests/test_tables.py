import dataclasses
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from somtom.schemas.annotation import Annotation, PastStep, RobotStep, annotation_json
from somtom.schemas.books import Books, add_books, require_balance
from somtom.schemas.features import dataset_features
from somtom.schemas.folder import manifest_path, plan_path, shard_path, tracks_path
from somtom.schemas.manifest import is_done, read_manifest, read_timings, write_manifest
from somtom.schemas.meta_tables import read_counts, read_items, read_rejects, read_samples, write_counts
from somtom.schemas.plan_table import PlannedShard, read_plan, read_plan_index, write_plan
from somtom.schemas.reasons import DataError
from somtom.schemas.refs import Ref, ShardSpec
from somtom.schemas.tracks import TrackerInfo, Tracks, as_stored
from somtom.schemas.tracks_table import StoredClip, TracksWriter, read_tracks


def make_ref(number: int, split: str = "train", **changes: Any) -> Ref:
    ref = Ref(
        key=f"k-{number}",
        source=0,
        kind="video",
        dataset="d",
        uri="é/a.mp4",
        locator="/x/\udce9.mp4",
        fingerprint="f" * 32,
        licence="",
        group="g",
        run=1,
        position=number,
        start_s=0.5,
        end_s=1.5,
        step_s=0.1,
        fps=29.97,
        frames=(number, number + 2, 1 << 40),
        first_person=True,
        instruction="wash",
        split=split,
    )
    return dataclasses.replace(ref, **changes)


def make_specs(shards: int, refs: int) -> list[ShardSpec]:
    return [
        ShardSpec(
            f"train-{i:06d}", "train", tuple(make_ref(i * refs + j) for j in range(refs)), f"t{i}", f"l{i}"
        )
        for i in range(shards)
    ]


def test_a_plan_reads_back_as_it_was_written(tmp_path: Path) -> None:
    specs = [*make_specs(3, 4), ShardSpec("val-000000", "val", (make_ref(99, "val", frames=()),), "t", "l")]

    write_plan(tmp_path / "plan.parquet", iter(specs))

    assert list(read_plan(tmp_path / "plan.parquet")) == specs
    assert list(read_plan(tmp_path / "plan.parquet", {"train-000001"})) == [specs[1]]
    assert read_plan_index(tmp_path / "plan.parquet")[-1] == PlannedShard("val-000000", "val", "t", "l", 1)


def test_a_plan_is_streamed_in_row_groups_of_whole_shards(tmp_path: Path) -> None:
    specs = make_specs(300, 128)

    write_plan(tmp_path / "plan.parquet", specs)

    assert pq.ParquetFile(tmp_path / "plan.parquet").num_row_groups == 3
    assert [(shard.name, shard.refs) for shard in read_plan_index(tmp_path / "plan.parquet")] == [
        (spec.name, 128) for spec in specs
    ]
    assert next(read_plan(tmp_path / "plan.parquet")) == specs[0]


def test_the_same_plan_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        write_plan(tmp_path / name, make_specs(2, 3))

    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    "specs",
    [
        [ShardSpec("train-000000", "train", (), "", "")],
        make_specs(1, 1) * 2,
        [ShardSpec("val-000000", "val", (make_ref(0, "train"),), "", "")],
    ],
)
def test_a_plan_that_contradicts_itself_is_not_written(tmp_path: Path, specs: list[ShardSpec]) -> None:
    with pytest.raises(ValueError, match="-000000"):
        write_plan(tmp_path / "plan.parquet", specs)

    assert list(tmp_path.iterdir()) == []


def make_clip(number: int, frames: int, points: int, clean_jpeg: bytes = b"") -> StoredClip:
    random = np.random.default_rng(number)
    tracks = Tracks(
        queries=random.random((points, 3), np.float32),
        xy=random.normal(size=(frames, points, 2)).astype(np.float32),
        visible=random.random((frames, points), np.float32),
        confidence=random.random((frames, points), np.float32),
        round_trip=random.choice([-1, 0.1, 9.0], (frames, points)).astype(np.float32),
    )
    times_s = np.arange(frames) / 15
    tracker = TrackerInfo("lk", "1", "MIT", "0" * 64, "CC-BY-NC-4.0", 60)
    past = tuple(PastStep(-0.1 * step, f"step {step}", (0.1, 1e-300), step > 1) for step in range(points))
    robot = RobotStep(
        random.normal(size=(2, 1)), ("x",), random.normal(size=3), tuple("abc"), np.zeros(1), 0.5
    )
    return StoredClip(
        make_ref(number),
        width=64,
        height=48,
        source_width=128,
        source_height=96,
        times_s=times_s,
        tracks=tracks,
        tracker=tracker,
        annotation=Annotation(past, robot) if number % 2 else Annotation(),
        clean_jpeg=clean_jpeg,
        extra_jpegs=(b"h", b"", b"cam") if number % 2 else (),
    )


def assert_same_clip(one: StoredClip, other: StoredClip) -> None:
    assert dataclasses.replace(one.ref, locator="") == other.ref
    for name in ("width", "height", "source_width", "source_height", "tracker", "clean_jpeg", "reject"):
        assert getattr(one, name) == getattr(other, name)
    assert annotation_json(one.annotation) == annotation_json(other.annotation)
    assert one.extra_jpegs == other.extra_jpegs
    np.testing.assert_array_equal(one.times_s, other.times_s)
    if one.tracks is None:
        assert other.tracks is None
        return
    assert other.tracks is not None
    for field in dataclasses.fields(Tracks):
        np.testing.assert_array_equal(
            getattr(as_stored(one.tracks), field.name), getattr(other.tracks, field.name)
        )


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=4))
def test_tracks_read_back_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, shapes: list[tuple[int, int]]
) -> None:
    path = tmp_path_factory.mktemp("tracks") / "t.parquet"
    clips = [
        make_clip(number, frames, points, b"j" * points) for number, (frames, points) in enumerate(shapes)
    ]

    with TracksWriter(path) as writer:
        for clip in clips:
            writer.write(clip)

    for clip, again in zip(clips, read_tracks(path), strict=True):
        assert_same_clip(clip, again)
    assert (writer.rows, writer.size_bytes) == (len(clips), path.stat().st_size)


def test_tracks_are_held_a_few_clips_at_a_time(tmp_path: Path) -> None:
    with TracksWriter(tmp_path / "t.parquet") as writer:
        for number in range(70):
            writer.write(make_clip(number, 2, 2))

    assert pq.ParquetFile(tmp_path / "t.parquet").num_row_groups == 3
    assert [clip.ref.key for clip in read_tracks(tmp_path / "t.parquet")] == [f"k-{n}" for n in range(70)]


def test_tracks_do_not_depend_on_where_the_input_lies(tmp_path: Path) -> None:
    for name in "ab":
        clip = make_clip(0, 3, 3)
        with TracksWriter(tmp_path / name) as writer:
            writer.write(dataclasses.replace(clip, ref=dataclasses.replace(clip.ref, locator=name)))

    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_an_error_leaves_no_tracks(tmp_path: Path) -> None:
    with pytest.raises(KeyError), TracksWriter(tmp_path / "t.parquet") as writer:
        writer.write(make_clip(0, 3, 3))
        raise KeyError

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("keep", [0, 100, -20])
def test_a_damaged_table_is_one_data_error(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "plan.parquet"
    write_plan(path, make_specs(2, 3))
    path.write_bytes(path.read_bytes()[:keep])

    for read in (read_plan, read_tracks, read_plan_index):
        with pytest.raises(DataError, match="unreadable"):
            list(read(path))  # type: ignore[operator]  # three readers, one call


def test_a_table_of_other_columns_is_one_data_error(tmp_path: Path) -> None:
    write_plan(tmp_path / "plan.parquet", make_specs(1, 1))

    with pytest.raises(DataError, match="not those of this version"):
        list(read_tracks(tmp_path / "plan.parquet"))


def test_a_manifest_reads_back_as_it_was_written(small_dataset: Path) -> None:
    manifest = read_manifest(small_dataset, "train-000000")

    assert manifest is not None
    before = manifest_path(small_dataset, "train-000000").read_bytes()
    write_manifest(small_dataset, manifest)
    assert manifest_path(small_dataset, "train-000000").read_bytes() == before
    assert [row["key"] for row in manifest.samples] == [
        ref.key for ref in next(read_plan(plan_path(small_dataset))).refs
    ]
    assert read_timings(small_dataset, "train-000000") == {"decode": 0.5}
    assert manifest.books() == [Books("toys", "label", 3, 3)]


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"\xff", b'{"shard": "train-000000"}', b"[" * 10_000, b"null"]
)
def test_a_damaged_manifest_counts_as_absent(small_dataset: Path, data: bytes) -> None:
    manifest_path(small_dataset, "train-000000").write_bytes(data)

    assert read_manifest(small_dataset, "train-000000") is None


def test_a_manifest_with_a_value_of_another_type_counts_as_absent(small_dataset: Path) -> None:
    path = manifest_path(small_dataset, "train-000001")
    whole = path.read_text()

    for old, new in (('"too_few_points"', '"bored"'), ('"size_bytes": 0', '"size_bytes": "0"')):
        assert old in whole
        path.write_text(whole.replace(old, new, 1))
        assert read_manifest(small_dataset, "train-000001") is None


def test_shards_are_done_until_something_of_them_is_missing_or_planned_otherwise(small_dataset: Path) -> None:
    specs = list(read_plan(plan_path(small_dataset)))
    index = read_plan_index(plan_path(small_dataset))

    assert all(is_done(small_dataset, one) for one in itertools.chain(specs, index))
    assert not is_done(small_dataset, dataclasses.replace(specs[0], label_digest="other"))
    assert not is_done(small_dataset, dataclasses.replace(specs[0], track_digest="other"))
    tracks_path(small_dataset, specs[1].name).unlink()
    assert not is_done(small_dataset, specs[1])
    path = shard_path(small_dataset, specs[0].name)
    path.write_bytes(path.read_bytes()[:-1])
    assert not is_done(small_dataset, specs[0])


def test_a_shard_whose_refs_were_all_filtered_has_a_manifest_but_no_tar(small_dataset: Path) -> None:
    manifest = read_manifest(small_dataset, "train-000001")

    assert manifest is not None and len(manifest.rejects) == 2
    assert not shard_path(small_dataset, "train-000001").exists()


def test_the_meta_tables_read_back(small_dataset: Path) -> None:
    assert [row["uri"] for row in read_samples(small_dataset)] == ["a.mp4"] * 3 + ["c.mp4"] * 2
    assert [(r.stage, r.reason, r.outcome) for r in read_rejects(small_dataset)] == [
        ("scan", "not_video", "filtered"),
        ("label", "too_few_points", "filtered"),
        ("label", "crashed", "failed"),
    ]
    assert [(item.facts.uri, item.refs) for item in read_items(small_dataset)][-1] == ("notes.txt", 0)
    assert read_counts(small_dataset) == [
        Books("toys", "scan", 4, 3, (("not_video", 1),)),
        Books("toys", "label", 7, 5, (("crashed", 1), ("too_few_points", 1))),
    ]


def test_books_that_do_not_balance_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="books of d do not balance at scan"):
        write_counts(tmp_path, [Books("d", "scan", 3, 1, (("missing", 1),))])

    assert list(tmp_path.iterdir()) == []


def test_added_books_balance() -> None:
    books = [Books("d", "label", 3, 1, (("no_texture", 2),)), Books("d", "label", 2, 1, (("crashed", 1),))]

    (total,) = add_books(books)

    require_balance([total])
    assert total == Books("d", "label", 5, 2, (("crashed", 1), ("no_texture", 2)))


def test_the_declared_features_have_a_type_for_every_field() -> None:
    def types(feature: Any) -> list[Any]:
        if isinstance(feature, list):
            return types(feature[0])
        if "_type" in feature:
            return [feature]
        return [one for inner in feature.values() for one in types(inner)]

    features = dataset_features(("h00.jpg",))

    assert list(features) == ["json", "jpg", "clean.jpg", "traces.npy", "h00.jpg", "__key__", "__url__"]
    for one in types(features):
        assert one["_type"] == "Image" or one["dtype"] in ("string", "int64", "float64", "float32", "bool")
