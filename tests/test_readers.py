"""The libraries that people train with read what we write, every value of it."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
import webdataset
from apart import assert_is_the_tar, pixels, run_apart, written

from somtom.schemas import iterate
from somtom.schemas.books import LABEL
from somtom.schemas.meta_tables import read_counts, read_samples
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


def assert_all_equal(rows: Iterator[Mapping[str, Any]], folder: Path, split: str) -> None:
    """Every field of every row of `datasets` against the tar's bytes."""
    for row, (key, members) in zip(rows, written(folder, split).items(), strict=True):
        assert set(row) == {*members, "__key__", "__url__"}
        assert row["__key__"] == key
        record = parse_record(members["json"])
        assert row["json"] == record
        # Python says 1 == 1.0 == True; the text does not.
        assert json.dumps(row["json"], sort_keys=True) == json.dumps(record, sort_keys=True)
        # Nested lists do not know the last length of an array without marks.
        traces = np.array(row["traces.npy"], np.float32).reshape(
            len(row["traces.npy"]), len(record["marks"]), 3
        )
        np.testing.assert_array_equal(traces, load_sample(members).traces)
        for name in members.keys() - {"json", "traces.npy"}:
            np.testing.assert_array_equal(np.asarray(row[name]), pixels(members[name]))


def test_screenshots_are_in_the_first_shards_alone_and_robots_come_later(mixed_dataset: Path) -> None:
    kinds: dict[str, set[str]] = {}
    for row in read_samples(mixed_dataset):
        kinds.setdefault(row["shard"], set()).add(row["kind"])

    train = [kinds[name] for name in sorted(kinds) if name.startswith("train")]
    assert train[0] == {"ui-jsonl"} and not any("ui-jsonl" in one for one in train[2:])
    assert set.union(*train[2:]) == {"lerobot", "video", "llava"}


def test_the_tars_hold_as_many_samples_as_the_books_say(mixed_dataset: Path) -> None:
    books = [one for one in read_counts(mixed_dataset) if one.stage == LABEL]

    counted = sum(one.samples for one in books)
    assert len(written(mixed_dataset, "train") | written(mixed_dataset, "val")) == counted > 30
    assert not any(one.failed for one in books)


@pytest.mark.parametrize("streaming", [False, True])
def test_datasets_loads_the_folder_with_no_argument_but_its_path(
    mixed_dataset: Path, streaming: bool
) -> None:
    data = datasets.load_dataset(str(mixed_dataset), streaming=streaming)

    assert set(data) == {"train", "val"}
    for split, rows in data.items():
        assert_all_equal(iter(rows), mixed_dataset, split)


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


@pytest.mark.parametrize("split", ["train", "val"])
def test_webdataset_reads_every_member(mixed_dataset: Path, split: str) -> None:
    urls = sorted(str(path) for path in (mixed_dataset / "shards").glob(f"{split}-*.tar"))
    truth = written(mixed_dataset, split)

    raw = list(webdataset.WebDataset(urls, shardshuffle=False))
    decoded = list(webdataset.WebDataset(urls, shardshuffle=False).decode("rgb8"))

    for row, (key, members) in zip(raw, truth.items(), strict=True):
        assert row["__key__"] == key
        assert {name: row[name] for name in members} == members
        assert {name for name in row if not name.startswith("__")} == set(members)
    for row, members in zip(decoded, truth.values(), strict=True):
        assert row["json"] == parse_record(members["json"])
        np.testing.assert_array_equal(row["traces.npy"], load_sample(members).traces)
        for name in members.keys() - {"json", "traces.npy"}:
            np.testing.assert_array_equal(row[name], pixels(members[name]))


@pytest.mark.parametrize("nodes", [1, 2])
def test_torchs_loader_shares_the_shards_among_nodes_and_workers(
    mixed_dataset: Path, tmp_path: Path, nodes: int
) -> None:
    for rank in range(nodes):
        variables = {"RANK": str(rank), "WORLD_SIZE": str(nodes)}
        run_apart("", "read_webdataset.py", mixed_dataset, "train", tmp_path, variables=variables)

    truth = written(mixed_dataset, "train")
    compared = assert_is_the_tar(tmp_path, truth, "bytes")
    assert set(compared.values()) == {len(truth)}


@pytest.mark.parametrize("split", ["train", "val"])
def test_our_own_reader_reads_every_member(mixed_dataset: Path, split: str) -> None:
    for sample, members in zip(
        iterate(mixed_dataset, split), written(mixed_dataset, split).values(), strict=True
    ):
        pictures = [sample.marked, sample.clean, *sample.earlier, *sample.cameras]
        assert [one.jpeg for one in pictures] == [data for name, data in members.items() if "jpg" in name]
        for one in pictures:
            np.testing.assert_array_equal(one.pixels(), pixels(one.jpeg))
        assert sample.record == parse_record(members["json"])
        np.testing.assert_array_equal(sample.traces, load_sample(members).traces)
