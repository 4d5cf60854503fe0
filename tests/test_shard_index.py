"""Indices of shards for DALI and energon, and the files of .nv-meta/."""

import json
import shutil
import struct
from pathlib import Path
from typing import Any

import pytest
import yaml
from builds import build, contents, quick_config
from drawn_videos import draw_videos
from hypothesis import given
from hypothesis import strategies as st

from somtom.schemas.check import check_dataset
from somtom.schemas.check_meta import read_manifests
from somtom.schemas.energon import energon_files, write_energon
from somtom.schemas.reasons import DataError
from somtom.schemas.shard_index import (
    IndexedSample,
    Part,
    dali_index,
    energon_index,
    index_shard,
    read_dali_index,
    write_dali_index,
)
from somtom.schemas.tar import read_shard

SHARD = "shards/train-000000.tar"
INDEX = "meta/dali/train-000000.idx"


def test_an_index_says_where_each_members_bytes_lie(small_dataset: Path) -> None:
    data = (small_dataset / SHARD).read_bytes()

    samples = read_dali_index(small_dataset / INDEX)

    found = [
        (key, {one.suffix: data[one.offset :][: one.size_bytes] for one in parts}) for key, parts in samples
    ]
    assert found == list(read_shard(small_dataset / SHARD))
    assert samples == index_shard(small_dataset / SHARD)


def test_energons_index_says_where_each_sample_starts_and_the_last_one_ends(small_dataset: Path) -> None:
    data = (small_dataset / SHARD).read_bytes()
    samples = index_shard(small_dataset / SHARD)

    raw = energon_index(samples)

    *starts, end = struct.unpack(f"<{len(raw) // 8}Q", raw)
    assert [data[start:].partition(b".")[0].decode() for start in starts] == [key for key, _ in samples]
    assert end % 512 == 0 and not any(data[end:]) and any(data[end - 512 : end])


@given(
    st.lists(
        st.lists(st.tuples(st.integers(1, 1 << 40), st.integers(0, 1 << 30)), min_size=1, max_size=4),
        max_size=4,
    )
)
def test_an_index_comes_back_as_it_was_written(tmp_path_factory: Any, numbers: Any) -> None:
    samples: list[IndexedSample] = [
        (f"k{i}", tuple(Part(f"m{j}.jpg", *pair) for j, pair in enumerate(parts)))
        for i, parts in enumerate(numbers)
    ]
    path = tmp_path_factory.mktemp("index") / "a.idx"
    path.write_bytes(dali_index(samples))

    assert read_dali_index(path) == samples


@pytest.mark.parametrize(
    "text", ["", "v1.2 2\njson 512 1 a.json\n", "v1.2 1\njson x 1 a.json\n", "v1.1 0\n", "v1.2 1\na\n"]
)
def test_what_is_no_index_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.idx").write_text(text)

    with pytest.raises(DataError, match=r"a\.idx"):
        read_dali_index(tmp_path / "a.idx")


def test_a_shard_without_samples_has_no_index(small_dataset: Path) -> None:
    write_dali_index(small_dataset, "train-000000", [])

    assert not (small_dataset / INDEX).exists()
    assert sorted(path.stem for path in (small_dataset / "meta" / "dali").iterdir()) == ["val-000000"]


def test_energon_is_told_the_shards_of_each_split(small_dataset: Path) -> None:
    meta = small_dataset / ".nv-meta"

    assert json.loads((meta / ".info.json").read_text()) == {
        "shard_counts": {"shards/train-000000.tar": 3, "shards/val-000000.tar": 2}
    }
    assert yaml.safe_load((meta / "split.yaml").read_text()) == {
        "split_parts": {"train": ["shards/train-000000.tar"], "val": ["shards/val-000000.tar"], "test": []},
        "exclude": [],
    }
    assert yaml.safe_load((meta / "dataset.yaml").read_text())["__class__"] == "CrudeWebdataset"


def test_without_samples_energon_is_told_nothing(small_dataset: Path) -> None:
    write_energon(small_dataset, [])

    assert list((small_dataset / ".nv-meta").iterdir()) == []
    assert energon_files([]) == {}


@pytest.mark.parametrize(
    "name", [INDEX, ".nv-meta/.info.json", ".nv-meta/dataset.yaml", ".nv-meta/split.yaml"]
)
def test_check_names_a_file_for_readers_that_is_missing_or_says_something_else(
    small_dataset: Path, name: str
) -> None:
    path = small_dataset / name
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"train-000000", b"train-000009").replace(b"json 512", b"json 513"))
    changed = [line for line in check_dataset(small_dataset) if line.startswith(name)]
    path.unlink()
    missing = [line for line in check_dataset(small_dataset) if line.startswith(name)]

    assert len(missing) == 1
    assert changed == (missing if name != ".nv-meta/dataset.yaml" else [])


def test_check_names_an_index_of_no_shard(small_dataset: Path) -> None:
    shutil.copy(small_dataset / INDEX, small_dataset / "meta" / "dali" / "train-000007.idx")

    assert [line.partition(":")[0] for line in check_dataset(small_dataset)] == ["meta/dali/train-000007.idx"]


def test_energons_files_follow_from_the_manifests_alone(small_dataset: Path) -> None:
    manifests, _ = read_manifests(small_dataset)

    for name, data in energon_files(manifests.values()).items():
        assert (small_dataset / ".nv-meta" / name).read_bytes() == data


def test_the_next_run_makes_again_what_was_removed(tmp_path: Path) -> None:
    config = quick_config(draw_videos(tmp_path / "in", 2))
    build(config, tmp_path / "out")
    before = contents(tmp_path / "out")
    for name in ("meta/dali", ".nv-meta"):
        shutil.rmtree(tmp_path / "out" / name)
    (tmp_path / "out" / "meta" / "croissant.json").unlink()

    build(config, tmp_path / "out")

    assert contents(tmp_path / "out") == before
    assert any(name.startswith("meta/dali/") for name in before) and ".nv-meta/.info.json" in before
