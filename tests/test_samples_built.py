"""The default data set: built from all samples, it says what their truth says."""

import json
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builds import build, faults

from somtom.pipelines.config import BuildConfig, parse_config
from somtom.pipelines.samples import write_samples
from somtom.pipelines.samples_robot import DIMENSIONS, FPS
from somtom.schemas.meta_tables import read_counts, read_rejects
from somtom.schemas.sample import Sample, load_sample
from somtom.schemas.tar import read_shard

CONFIGS = Path(__file__).parent.parent / "configs"


def config_of(name: str, samples: Path) -> BuildConfig:
    """A configuration of the project over samples that lie elsewhere, with the quick tracker."""
    tree = tomllib.loads((CONFIGS / name).read_text().replace("build/samples", str(samples)))
    return parse_config({**tree, "tracking": {"tracker": "lk", "grid": 8}})


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples")
    write_samples(folder, 1, 0, ["videos"])
    write_samples(folder, 2, 0, ["robot"])
    write_samples(folder, 6, 0, ["screens", "pairs"])
    return folder


@pytest.fixture(scope="module")
def built(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    build(config_of("samples.toml", samples), folder)
    return folder


def built_samples(folder: Path, kind: str) -> list[Sample]:
    read = (load_sample(members) for path in folder.glob("shards/*.tar") for _, members in read_shard(path))
    return [one for one in read if one.record["source"]["kind"] == kind]


def corners(mark: dict[str, Any]) -> list[float]:
    return [mark[name] for name in ("x0", "y0", "x1", "y1")]


@pytest.fixture(scope="module")
def tasks(samples: Path) -> list[dict[str, Any]]:
    lines = (samples / "screens" / "tasks.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_the_whole_mix_is_built_and_every_rule_holds(built: Path) -> None:
    assert faults(built) == []
    assert list(read_rejects(built)) == []
    assert all(one.balanced for one in read_counts(built))
    kinds = ("video", "lerobot", "dom", "ui-jsonl", "llava")
    found = [len(built_samples(built, kind)) for kind in kinds]
    assert found[0] > 0 and found[1:] == [4, 6, 21, 6]


def test_the_mix_with_history_and_a_second_camera_is_built(samples: Path, tmp_path: Path) -> None:
    build(config_of("mix.toml", samples), tmp_path)
    assert faults(tmp_path) == []
    assert list(read_rejects(tmp_path)) == []
    names = {
        tuple(name for name, _ in sample.extra)
        for kind in ("video", "lerobot", "ui-jsonl", "llava")
        for sample in built_samples(tmp_path, kind)
    }
    assert names == {("h00.jpg", "h01.jpg", "cam1.jpg")}
    asked_for_box = [one for one in built_samples(tmp_path, "llava") if one.record["marks"]]
    assert len(asked_for_box) == 2


def test_robots_do_in_the_records_what_they_did(built: Path, samples: Path) -> None:
    for sample in built_samples(built, "lerobot"):
        record = sample.record
        path = samples / "truth" / "robot" / record["source"]["uri"]
        about = json.loads(path.with_suffix(".json").read_text())
        with np.load(path.with_suffix(".npz")) as stored:
            truth = dict(stored)
        step = round(record["source"]["start_s"] * FPS)
        assert record["action"]["values"] == truth["actions"][step].tolist()
        assert record["action"]["names"] == record["state"]["names"] == list(DIMENSIONS)
        assert record["state"]["values"] == truth["states"][step].tolist()
        assert record["instruction"] == about["instruction"]
        assert record["task"] == "robot"


def test_marks_lie_on_the_elements_that_they_name(built: Path, samples: Path) -> None:
    for sample in built_samples(built, "dom"):
        dump = json.loads((samples / "screens" / "pages" / sample.record["source"]["uri"]).read_text())
        ratio = dump["device_scale_factor"]
        true = []
        for one in dump["elements"]:
            x, y, wide, high = one["bbox_css"]
            box = [x, y, min(x + wide, dump["viewport"][0]), min(y + high, dump["viewport"][1])]
            if one["markable"]:
                true.append((one["name"], [ratio * value for value in box]))
        assert sorted((mark["text"], corners(mark)) for mark in sample.record["marks"]) == sorted(true)


def test_the_target_mark_is_the_element_asked_for(built: Path, tasks: list[dict[str, Any]]) -> None:
    found = Counter[str]()
    for sample in built_samples(built, "ui-jsonl"):
        record = sample.record
        found[record["action"]["kind"]] += 1
        (true,) = [
            one
            for one in tasks
            if one["instruction"] == record["instruction"]
            and one["action"]["kind"] == record["action"]["kind"]
        ]
        if true["target"] is None:
            assert record["target_mark"] == -1
            continue
        mark, element = record["marks"][record["target_mark"] - 1], true["elements"][true["target"]]
        assert (mark["text"], mark["role"]) == (element["text"], element["role"])
        assert corners(mark) == element["box"]
        assert true["action"]["argument"] in record["action"]["text"]
    assert found.total() == len(tasks) and found["enter"] == 1


def test_what_is_said_of_a_pair_is_unchanged(built: Path, samples: Path) -> None:
    records = json.loads((samples / "pairs" / "pairs.json").read_text())
    said = {one.record["source"]["uri"]: one.record["conversations"] for one in built_samples(built, "llava")}
    assert said == {
        f"pairs.json#row={number}": record["conversations"] for number, record in enumerate(records, start=1)
    }
