import json
from pathlib import Path
from typing import Any

import pytest
from apart import written
from builds import THREADS, faults
from exports import export
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from somtom.pipelines.relabel import relabel_data_set
from somtom.schemas import iterate
from somtom.schemas.action_stats import read_action_stats
from somtom.schemas.folder import shard_path
from somtom.schemas.meta_tables import read_counts, read_items, read_rejects, read_samples
from somtom.schemas.plan_table import read_plan
from somtom.schemas.reasons import DataError
from somtom.schemas.tracks_table import read_tracks


def everything(folder: Path) -> dict[str, dict[str, bytes]]:
    return written(folder, "train") | written(folder, "val")


def refs(folder: Path) -> list[Any]:
    return sorted((ref for spec in read_plan(folder / "meta" / "plan.parquet") for ref in spec.refs), key=str)


def test_all_of_a_data_set_goes_along_in_shards_of_another_size(mixed_dataset: Path, tmp_path: Path) -> None:
    out = export(mixed_dataset, "tar", tmp_path / "out", clips_per_shard=4)

    assert not faults(out)
    assert everything(out) == everything(mixed_dataset)
    names = [path.stem for path in sorted((out / "shards").iterdir())]
    train, val = (len(list(iterate(mixed_dataset, split))) for split in ("train", "val"))
    assert names == [
        f"{split}-{n:06d}"
        for split, samples in (("train", train), ("val", val))
        for n in range(-(-samples // 4))
    ]
    for split in ("train", "val"):
        keys = [row["key"] for row in read_samples(mixed_dataset) if row["split"] == split]
        assert [sample.key for sample in iterate(out, split)] == keys
    assert refs(out) == refs(mixed_dataset)
    assert read_counts(out) == read_counts(mixed_dataset)
    for name in ("items.parquet", "action_stats.json", "features.json"):
        assert (out / "meta" / name).read_bytes() == (mixed_dataset / "meta" / name).read_bytes()


def test_what_gave_no_sample_goes_along_too(small_dataset: Path, tmp_path: Path) -> None:
    out = export(small_dataset, "tar", tmp_path / "repacked", clips_per_shard=2)

    assert not faults(out)
    assert read_counts(out) == read_counts(small_dataset)
    assert sorted(map(str, read_rejects(out))) == sorted(map(str, read_rejects(small_dataset)))
    stored = [clip for path in (out / "tracks").iterdir() for clip in read_tracks(path)]
    assert sorted(clip.ref.key for clip in stored) == [
        ref.key for ref in sorted(refs(out), key=lambda ref: ref.key)
    ]
    assert any(clip.clean_jpeg for clip in stored)


def test_a_selection_is_a_data_set_of_its_samples_alone(mixed_dataset: Path, tmp_path: Path) -> None:
    where = "task in ('tom', 'ui') and marks > 9"
    out = export(mixed_dataset, "tar", tmp_path / "out", where=where)

    assert not faults(out)
    wanted = [
        row["key"] for row in read_samples(mixed_dataset) if row["task"] in ("tom", "ui") and row["marks"] > 9
    ]
    whole = everything(mixed_dataset)
    assert everything(out) == {key: whole[key] for key in wanted}
    assert {row.source for row in read_items(out)} == {"clips", "tasks"}
    assert sum(row.refs for row in read_items(out)) == len(wanted)
    assert not list(read_rejects(out)) and not read_action_stats(out)
    exported = json.loads((out / "meta" / "provenance.json").read_text())["exported"]
    assert (exported["where"], exported["samples"]) == (where, len(wanted))


def test_one_split_and_the_first_few(mixed_dataset: Path, tmp_path: Path) -> None:
    val = export(mixed_dataset, "tar", tmp_path / "val", split="val")
    few = export(mixed_dataset, "tar", tmp_path / "few", split="train", limit=8)

    assert not faults(val) and not faults(few)
    assert everything(val) == written(mixed_dataset, "val")
    keys = [row["key"] for row in read_samples(mixed_dataset) if row["split"] == "train"][:8]
    assert [row["key"] for row in read_samples(few)] == keys


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(clips=st.integers(1, 7), size=st.sampled_from([0, 30_000, 100_000]))
def test_how_a_data_set_was_cut_before_does_not_matter(
    small_dataset: Path, tmp_path_factory: pytest.TempPathFactory, clips: int, size: int
) -> None:
    place = tmp_path_factory.mktemp("cut")
    cut = export(small_dataset, "tar", place / "cut", clips_per_shard=clips, shard_bytes=size)

    again = export(cut, "tar", place / "again")

    direct = export(small_dataset, "tar", place / "direct")
    assert not faults(again)
    for path in (direct / "shards").iterdir():
        assert shard_path(again, path.stem).read_bytes() == path.read_bytes()


def test_a_tar_is_no_larger_than_asked_for(mixed_dataset: Path, tmp_path: Path) -> None:
    out = export(mixed_dataset, "tar", tmp_path / "out", where="task != 'ui'", shard_bytes=150_000)

    assert not faults(out)
    sizes = [path.stat().st_size - 1024 for path in (out / "shards").iterdir()]  # the closing zeros
    assert len(sizes) > 2 and max(sizes) <= 150_000 + 10_240


def test_a_copy_is_labelled_again_as_the_data_set_itself(mixed_dataset: Path, tmp_path: Path) -> None:
    copy = export(mixed_dataset, "tar", tmp_path / "copy", clips_per_shard=9)
    change = ["marks.style=disc", "motion.epsilon=1.0"]

    relabel_data_set(mixed_dataset, tmp_path / "a", change, THREADS, False)
    relabel_data_set(copy, tmp_path / "b", change, THREADS, False)

    assert everything(tmp_path / "a") == everything(tmp_path / "b") != everything(mixed_dataset)
    assert not faults(tmp_path / "b")


def test_a_damaged_data_set_is_named_and_leaves_nothing(small_dataset: Path, tmp_path: Path) -> None:
    (small_dataset / "tracks" / "val-000000.parquet").unlink()

    with pytest.raises(DataError, match="val-000000"):
        export(small_dataset, "tar", tmp_path / "new")

    tar = small_dataset / "shards" / "train-000000.tar"
    tar.write_bytes(tar.read_bytes()[:5000])
    with pytest.raises(DataError, match=r"train-000000\.tar"):
        export(small_dataset, "parquet", tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir()] == [small_dataset.name]
