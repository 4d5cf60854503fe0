"""Libraries that need an environment of their own read what we write, every value of it.

`make reader-envs` makes the environments under build/envs/; without them these tests are skipped.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from apart import ROOT, assert_is_the_tar, run_apart, written
from exports import export

from somtom.schemas.meta_tables import read_samples

MEMBERS = {"json", "jpg", "clean.jpg", "traces.npy", "h00.jpg", "cam1.jpg"}


@pytest.mark.parametrize("split", ["train", "val"])
def test_dali_reads_every_member_by_our_index(mixed_dataset: Path, tmp_path: Path, split: str) -> None:
    run_apart("dali", "read_dali.py", mixed_dataset, split, tmp_path)

    truth = written(mixed_dataset, split)
    assert assert_is_the_tar(tmp_path, truth, "bytes") == dict.fromkeys(MEMBERS, len(truth))


def test_dalis_own_tool_makes_the_same_index(mixed_dataset: Path, tmp_path: Path) -> None:
    code = "import sys, wds2idx\nwith wds2idx.IndexCreator(*sys.argv[1:]) as one: one.create_index()\n"
    for shard in sorted((mixed_dataset / "shards").iterdir()):
        run_apart("dali", code, shard, tmp_path / "a.idx")

        ours = mixed_dataset / "meta" / "dali" / f"{shard.stem}.idx"
        assert (tmp_path / "a.idx").read_bytes() == ours.read_bytes()


@pytest.fixture
def for_energon(mixed_dataset: Path, tmp_path: Path) -> Path:
    return export(mixed_dataset, "energon", tmp_path / "energon")


@pytest.mark.parametrize("split", ["train", "val"])
def test_energon_reads_one_epoch_over_two_workers_without_loss_or_repeat(
    mixed_dataset: Path, for_energon: Path, tmp_path: Path, split: str
) -> None:
    (tmp_path / "read").mkdir()

    run_apart("energon", "read_energon.py", for_energon, split, tmp_path / "read")

    truth = written(mixed_dataset, split)
    compared = assert_is_the_tar(tmp_path / "read", truth, "decoded")
    assert compared == dict.fromkeys(MEMBERS, len(truth))


def test_energons_own_prepare_makes_the_same_index(mixed_dataset: Path, for_energon: Path) -> None:
    made = {path: path.read_bytes() for path in for_energon.rglob("*") if path.suffix in (".idx", ".yaml")}
    for path in made:
        path.unlink()
    code = "import sys\nfrom megatron.energon.cli.main import main\nmain(sys.argv[1:])\n"
    parts = [f"--split-parts={split}:shards/{split}-.*" for split in ("train", "val")]
    options = ["--non-interactive", "--force-overwrite", "--num-workers=1", "--sample-type=CrudeWebdataset"]
    run_apart("energon", code, "prepare", *options, *parts, for_energon)

    indices = {path: data for path, data in made.items() if path.suffix == ".idx"}
    assert len(indices) == len(list((mixed_dataset / "shards").iterdir()))
    assert all(path.read_bytes() == data for path, data in indices.items())
    prepared = json.loads((for_energon / ".nv-meta" / ".info.json").read_text())
    ours = json.loads((mixed_dataset / ".nv-meta" / ".info.json").read_text())
    assert prepared["shard_counts"] == ours["shard_counts"]


@pytest.mark.parametrize("split", ["train", "val"])
def test_wids_reads_every_member_at_random(mixed_dataset: Path, tmp_path: Path, split: str) -> None:
    run_apart("energon", "read_wids.py", mixed_dataset, split, tmp_path)

    truth = written(mixed_dataset, split)
    assert assert_is_the_tar(tmp_path, truth, "bytes") == dict.fromkeys(MEMBERS, len(truth))


def test_mlcroissant_validates_the_description_and_reads_through_it(
    mixed_dataset: Path, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    (tmp_path / "read").mkdir()

    run_apart(
        "croissant",
        "read_croissant.py",
        mixed_dataset,
        "-",
        tmp_path / "read",
        variables={"CROISSANT_CACHE": str(cache)},
    )

    issues = (tmp_path / "read" / "issues.txt").read_text()
    assert "error" not in issues.lower()
    # Only what nobody but the publisher knows.
    assert set(re.findall(r'Property "\S+/(\w+)" is recommended', issues)) == {"citeAs", "datePublished"}
    rows: Any = json.loads((tmp_path / "read" / "samples.json").read_text())
    assert rows == list(read_samples(mixed_dataset))
    truth = written(mixed_dataset, "train") | written(mixed_dataset, "val")
    compared = assert_is_the_tar(tmp_path / "read", truth, "any")
    assert compared == {name: len(truth) for name in MEMBERS - {"traces.npy"}} | {"traces.npy": 0}


def test_the_environments_pin_every_package() -> None:
    for path in (ROOT / "tests" / "readers").glob("*.txt"):
        lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
        assert lines and all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines)
