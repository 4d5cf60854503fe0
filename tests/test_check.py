import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from somtom.schemas.check import check_dataset
from somtom.schemas.folder import manifest_path, plan_path, tracks_path
from somtom.schemas.manifest import read_manifest, write_manifest
from somtom.schemas.meta_tables import (
    ItemRow,
    read_counts,
    read_items,
    read_rejects,
    read_samples,
    write_counts,
    write_items,
    write_rejects,
    write_samples,
)
from somtom.schemas.plan_table import read_plan, write_plan
from somtom.schemas.reasons import Reject
from somtom.schemas.refs import ItemFacts
from somtom.schemas.tracks_table import StoredClip, TracksWriter, read_tracks


def faults_of(folder: Path) -> list[str]:
    return list(check_dataset(folder))


def test_a_whole_data_set_has_no_fault(small_dataset: Path) -> None:
    assert faults_of(small_dataset) == []


def test_a_folder_that_is_no_data_set_is_one_fault(tmp_path: Path) -> None:
    (line,) = faults_of(tmp_path)

    assert "is no data set" in line


def test_samples_without_their_shards_are_no_data_set(small_dataset: Path) -> None:
    shutil.rmtree(small_dataset / "shards")
    (line,) = faults_of(small_dataset)

    assert "is no data set" in line


@pytest.mark.parametrize(
    "name",
    [
        "index.json",
        "notes/extra.json",
        "tracks/x.json",
        "shards/train-000000.tar.idx",
        "shards/README.txt",
        "shards/.train-000009.tar.12-0123456789abcdef.part",
        "meta/.plan.parquet.12-0123456789abcdef.part",
        "train-000000.tar",
    ],
)
def test_a_foreign_file_is_one_fault(small_dataset: Path, name: str) -> None:
    (small_dataset / name).parent.mkdir(exist_ok=True)
    (small_dataset / name).write_bytes(b"")

    (line,) = faults_of(small_dataset)

    assert line.startswith(f"{name}: ")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_anywhere_never_ends_the_check(small_dataset: Path, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(sorted(path for path in small_dataset.rglob("*") if path.is_file())))
    whole = path.read_bytes()
    start = data.draw(st.integers(0, len(whole)))
    instead = data.draw(st.binary(max_size=20))

    path.write_bytes(whole[:start] + instead + whole[start + data.draw(st.integers(0, 20)) :])
    list(check_dataset(small_dataset))
    path.write_bytes(whole)


def test_a_folder_among_the_shards_is_one_fault(small_dataset: Path) -> None:
    (small_dataset / "shards" / "more").mkdir()

    assert faults_of(small_dataset) == ["shards/more: no folders may lie here"]


def test_files_that_other_stacks_need_may_lie_there(small_dataset: Path) -> None:
    (small_dataset / ".nv-meta" / "dataset.json").write_text("{}")
    (small_dataset / "report.html").write_text("")

    assert faults_of(small_dataset) == []


# What a shard's manifest says -> the words of a fault when it says something else.
BROKEN_MANIFESTS: dict[str, tuple[str, dict[str, Any], str]] = {
    "digest": ("train-000000", {"sha256": "0" * 64}, "size and digests are not the tar's"),
    "samples": ("train-000000", {"samples": ()}, "its 0 samples are not the tar's 3"),
    "tracks digest": ("train-000000", {"tracks_sha256": ""}, "size and digest are not the manifest's"),
    "plan": ("train-000000", {"label_digest": "other"}, "train-000000: the manifest has"),
    "rejects": ("train-000001", {"rejects": ()}, "stands there 1 times, but happened 0 times"),
    "books": ("train-000001", {"rejects": ()}, "toys: 2 inputs, but 0 samples"),
    "split": ("train-000000", {"split": "val"}, "split 'val' of a shard train-000000"),
}


@pytest.mark.parametrize("name", BROKEN_MANIFESTS)
def test_a_manifest_that_says_something_else_is_named(small_dataset: Path, name: str) -> None:
    shard, changed, said = BROKEN_MANIFESTS[name]
    manifest = read_manifest(small_dataset, shard)
    assert manifest is not None
    write_manifest(small_dataset, replace(manifest, **changed))

    assert any(said in line for line in faults_of(small_dataset))


def test_a_damaged_manifest_is_named(small_dataset: Path) -> None:
    manifest_path(small_dataset, "val-000000").write_bytes(b"{")

    lines = faults_of(small_dataset)

    assert "meta/manifests/val-000000.json: is damaged or of another version" in lines
    assert "shards/val-000000.tar: has no readable manifest" in lines


def test_a_shard_that_is_not_planned_is_one_fault(small_dataset: Path) -> None:
    *specs, _ = read_plan(plan_path(small_dataset))
    write_plan(plan_path(small_dataset), specs)

    assert faults_of(small_dataset) == ["meta/plan.parquet: val-000000: is not planned"]


def test_a_tar_that_is_missing_is_named(small_dataset: Path) -> None:
    (small_dataset / "shards/train-000000.tar").unlink()

    lines = faults_of(small_dataset)

    assert any("train-000000.json: size and digests are not the tar's" in line for line in lines)


def test_a_flipped_bit_is_seen_even_where_no_rule_is_broken(small_dataset: Path) -> None:
    path = small_dataset / "shards/train-000000.tar"
    data = bytearray(path.read_bytes())
    data[data.rindex(b"\xff\xd9") - 1] ^= 1  # the last of the pixels of the last picture
    path.write_bytes(data)

    assert any("size and digests are not the tar's" in line for line in faults_of(small_dataset))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: rows[1:], "its 2 samples are not the manifest's 3"),
        (lambda rows: rows[:3], "val-000000: its samples are missing"),
        (lambda rows: [*rows, rows[0]], "rows of a shard that is not there, or twice"),
        (lambda rows: [rows[0] | {"marks": 9}, *rows[1:]], "marks is 9, the manifest's is 3"),
    ],
)
def test_samples_parquet_that_says_something_else_is_one_fault(
    small_dataset: Path, change: Callable[[list[Any]], list[Any]], said: str
) -> None:
    write_samples(small_dataset, change(list(read_samples(small_dataset))))

    (line,) = faults_of(small_dataset)

    assert line.startswith("meta/samples.parquet: ") and said in line


def test_a_reject_that_is_missing_is_one_fault(small_dataset: Path) -> None:
    *rejects, last = read_rejects(small_dataset)
    write_rejects(small_dataset, rejects)

    (line,) = faults_of(small_dataset)

    assert line.startswith(f"meta/rejects.parquet: {last.key}: crashed: stands there 0 times")


def test_an_item_without_its_reject_is_named(small_dataset: Path) -> None:
    lost = ItemRow("toys", ItemFacts("lost.mp4"), 0, "missing")
    write_items(small_dataset, [*read_items(small_dataset), lost])

    lines = faults_of(small_dataset)

    assert any("meta/items.parquet: toys: lost.mp4: missing: stands there 1 times" in line for line in lines)


def test_counts_that_do_not_add_up_are_one_fault(small_dataset: Path) -> None:
    scan, label = read_counts(small_dataset)
    write_counts(small_dataset, [scan, replace(label, inputs=8, samples=6)])

    (line,) = faults_of(small_dataset)

    assert line.startswith("meta/counts.json: says Books(source='toys', stage='label', inputs=8")


def test_books_that_do_not_balance_are_named(small_dataset: Path) -> None:
    path = small_dataset / "meta/counts.json"
    values = json.loads(path.read_text())
    values["books"][0]["inputs"] += 1
    path.write_text(json.dumps(values))

    assert "meta/counts.json: the books of toys do not balance at scan" in faults_of(small_dataset)


@pytest.mark.parametrize("name", ["samples.parquet", "rejects.parquet", "items.parquet", "counts.json"])
def test_a_table_that_is_missing_is_one_fault(small_dataset: Path, name: str) -> None:
    (small_dataset / "meta" / name).unlink()

    (line,) = faults_of(small_dataset)

    assert name in line


@pytest.mark.parametrize("name", ["features.json", "wids.json", "wids-val.json"])
def test_an_index_that_says_something_else_is_one_fault(small_dataset: Path, name: str) -> None:
    (small_dataset / "meta" / name).write_text("{}")

    (line,) = faults_of(small_dataset)

    assert line.startswith(f"meta/{name}: must ")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("  - split: val", "  - split: test", "must name the splits train, val, got train, test"),
        ("dtype: float64", "dtype: float32", "must declare the features of meta/features.json"),
    ],
)
def test_a_card_that_says_something_else_is_one_fault(
    small_dataset: Path, old: str, new: str, said: str
) -> None:
    card = small_dataset / "README.md"
    card.write_text(card.read_text().replace(old, new, 1))

    assert faults_of(small_dataset) == [f"README.md: {said}"]


def test_a_card_that_is_missing_is_one_fault(small_dataset: Path) -> None:
    (small_dataset / "README.md").unlink()

    assert faults_of(small_dataset) == ["README.md: there must be a card in UTF-8"]


@pytest.mark.parametrize("name", ["config.toml", "provenance.json"])
def test_settings_and_versions_that_are_missing_are_one_fault(small_dataset: Path, name: str) -> None:
    (small_dataset / "meta" / name).unlink()

    assert faults_of(small_dataset) == [f"meta/{name}: must be there and readable (FileNotFoundError)"]


def test_tracks_that_are_missing_are_one_fault(small_dataset: Path) -> None:
    tracks_path(small_dataset, "train-000001").unlink()

    assert faults_of(small_dataset) == ["tracks/train-000001.parquet: is missing"]


def test_tracks_of_no_shard_are_one_fault(small_dataset: Path) -> None:
    (small_dataset / "tracks" / "old.parquet").write_bytes(b"")

    assert faults_of(small_dataset) == ["tracks/old.parquet: belongs to no shard"]


def without_picture(clip: StoredClip) -> StoredClip:
    return replace(clip, clean_jpeg=b"")


def of_other_size(clip: StoredClip) -> StoredClip:
    return replace(clip, width=clip.width + 1)


def crashed(clip: StoredClip) -> StoredClip:
    return StoredClip(clip.ref, reject=Reject("toys", clip.ref.uri, clip.ref.key, "label", "crashed", "so"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (without_picture, "the clean picture must stand here exactly when the clip is in no shard"),
        (of_other_size, "the clean picture is not 65 x 48"),
        (crashed, "rejected as crashed, the manifest says too_few_points"),
        (None, "its 1 rows are not the plan's 2 refs"),
    ],
)
def test_tracks_that_say_something_else_are_named(
    small_dataset: Path, change: Callable[[StoredClip], StoredClip] | None, said: str
) -> None:
    path = tracks_path(small_dataset, "train-000001")
    first, second = read_tracks(path)
    with TracksWriter(path) as writer:
        for clip in (second,) if change is None else (change(first), second):
            writer.write(clip)

    lines = faults_of(small_dataset)

    assert all(line.startswith("tracks/train-000001.parquet: ") for line in lines)
    assert len(lines) == 2 and "not the manifest's" in lines[0] and said in lines[1]
