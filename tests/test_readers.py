"""The libraries that people train with read what we write, every value of it."""

import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
import webdataset
from PIL import Image

from somtom.schemas.record import parse_record
from somtom.schemas.sample import load_sample
from somtom.schemas.tar import ShardWriter, read_shard

SHARDS = {"train": "train-000000.tar", "val": "val-000000.tar"}


@pytest.fixture(autouse=True)
def _offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(datasets.config, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    datasets.disable_progress_bars()


def written(folder: Path, split: str) -> list[tuple[str, dict[str, bytes]]]:
    return list(read_shard(folder / "shards" / SHARDS[split]))


def pixels(jpeg: bytes) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(io.BytesIO(jpeg)))


def assert_all_equal(rows: Iterator[Mapping[str, Any]], folder: Path, split: str) -> None:
    """Every field of every row of `datasets` against the tar's bytes."""
    for row, (key, members) in zip(rows, written(folder, split), strict=True):
        assert set(row) == {*members, "__key__", "__url__"}
        assert row["__key__"] == key
        record = parse_record(members["json"])
        assert row["json"] == record
        # Python says 1 == 1.0 == True; the text does not.
        assert json.dumps(row["json"], sort_keys=True) == json.dumps(record, sort_keys=True)
        np.testing.assert_array_equal(np.array(row["traces.npy"], np.float32), load_sample(members).traces)
        for name in ("jpg", "clean.jpg"):
            np.testing.assert_array_equal(np.asarray(row[name]), pixels(members[name]))


@pytest.mark.parametrize("streaming", [False, True])
def test_datasets_loads_the_folder_with_no_argument_but_its_path(
    small_dataset: Path, streaming: bool
) -> None:
    data = datasets.load_dataset(str(small_dataset), streaming=streaming)

    assert set(data) == {"train", "val"}
    for split, rows in data.items():
        assert_all_equal(iter(rows), small_dataset, split)


@pytest.mark.parametrize("streaming", [False, True])
def test_datasets_loads_the_tars_alone(small_dataset: Path, streaming: bool) -> None:
    files = {split: str(small_dataset / "shards" / f"{split}-*.tar") for split in SHARDS}

    data = datasets.load_dataset("webdataset", data_files=files, streaming=streaming)

    for split, rows in data.items():
        assert_all_equal(iter(rows), small_dataset, split)


def test_datasets_keeps_what_first_comes_after_samples_without_it(small_dataset: Path) -> None:
    """Lists that are empty in the first samples and floats that look whole: the card declares their types."""
    path = small_dataset / "shards" / SHARDS["train"]
    samples = [load_sample(members) for _, members in read_shard(path)]
    samples[-1].record["action"] = {
        "kind": "robot",
        "text": "",
        "values": [0.25, 1.0],
        "bins": [3, 4],
        "names": ["dx", "é"],
    }
    samples[-1].record["motion"]["epsilon"] = 0.5
    with ShardWriter(path) as writer:
        for sample in samples:
            writer.write(sample)

    rows = datasets.load_dataset(str(small_dataset), split="train")

    assert_all_equal(iter(rows), small_dataset, "train")
    assert rows[2]["json"]["action"]["values"] == [0.25, 1.0]


def test_webdataset_reads_every_member(small_dataset: Path) -> None:
    for split, shard in SHARDS.items():
        url = str(small_dataset / "shards" / shard)

        raw = list(webdataset.WebDataset(url, shardshuffle=False))
        decoded = list(webdataset.WebDataset(url, shardshuffle=False).decode("rgb8"))

        for row, (key, members) in zip(raw, written(small_dataset, split), strict=True):
            assert row["__key__"] == key
            assert {name: row[name] for name in members} == members
            assert {name for name in row if not name.startswith("__")} == set(members)
        for row, (_, members) in zip(decoded, written(small_dataset, split), strict=True):
            assert row["json"] == parse_record(members["json"])
            np.testing.assert_array_equal(row["traces.npy"], load_sample(members).traces)
            np.testing.assert_array_equal(row["jpg"], pixels(members["jpg"]))
            np.testing.assert_array_equal(row["clean.jpg"], pixels(members["clean.jpg"]))
