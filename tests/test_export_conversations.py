"""The forms that are conversations beside a folder of pictures: LLaVA, LLaMA-Factory, ms-swift."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from apart import written
from exports import export

from somtom.pipelines.export_pictures import without_tags, write_pictures
from somtom.schemas import iterate
from somtom.schemas.answers import quantise
from somtom.schemas.reasons import DataError
from somtom.schemas.record import parse_record
from somtom.schemas.sample import load_sample

EARLIER = ("h00.jpg", "jpg")  # the members that the turns show, in their order


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def records(folder: Path, split: str) -> dict[str, Any]:
    return {key: parse_record(members["json"]) for key, members in written(folder, split).items()}


def assert_pictures(out: Path, folder: Path, split: str, of_key: dict[str, list[str]]) -> None:
    """The paths lead inside of `out`, to the tar's bytes."""
    truth = written(folder, split)
    for key, paths in of_key.items():
        assert all((out / path).resolve().is_relative_to(out.resolve()) for path in paths)
        assert [(out / path).read_bytes() for path in paths] == [truth[key][member] for member in EARLIER]


@pytest.mark.parametrize("split", ["train", "val"])
def test_llava_gets_the_turns_and_pictures_as_they_are(
    mixed_dataset: Path, tmp_path: Path, split: str
) -> None:
    out = export(mixed_dataset, "llava", tmp_path / "out", split=split)

    entries = json.loads((out / f"{split}.json").read_text(encoding="utf-8"))
    truth = records(mixed_dataset, split)
    assert {entry["id"] for entry in entries} == set(truth) and len(entries) == len(truth)
    for entry in entries:
        record = truth[entry["id"]]
        assert entry["conversations"] == record["conversations"]
        assert entry["conversations"][0]["value"].count("<image>") == len(entry["image"]) == 2
        assert entry.get("action", {}) == (record["action"] if record["action"]["values"] else {})
    assert_pictures(out, mixed_dataset, split, {entry["id"]: entry["image"] for entry in entries})


def test_one_picture_is_a_text_in_llava(small_dataset: Path, tmp_path: Path) -> None:
    out = export(small_dataset, "llava", tmp_path / "new")

    for entry in json.loads((out / "train.json").read_text()):
        assert (out / entry["image"]).read_bytes() == written(small_dataset, "train")[entry["id"]]["jpg"]


@pytest.mark.parametrize("split", ["train", "val"])
def test_llama_factory_is_told_of_each_split(mixed_dataset: Path, tmp_path: Path, split: str) -> None:
    out = export(mixed_dataset, "llama-factory", tmp_path / "out", name="marks")

    known = json.loads((out / "dataset_info.json").read_text())[f"marks_{split}"]
    rows = lines(out / known["file_name"])
    truth = records(mixed_dataset, split)
    assert known["formatting"] == "sharegpt"
    assert known["columns"] == {"messages": "conversations", "images": "images"}
    assert [row["id"] for row in rows] == [sample.key for sample in iterate(mixed_dataset, split)]
    for row in rows:
        assert row["conversations"] == truth[row["id"]]["conversations"]
        assert [turn["from"] for turn in row["conversations"]] == ["human", "gpt"] * (
            len(row["conversations"]) // 2
        )
    assert_pictures(out, mixed_dataset, split, {row["id"]: row["images"] for row in rows})


@pytest.mark.parametrize("split", ["train", "val"])
def test_ms_swift_gets_where_marks_are_as_objects(mixed_dataset: Path, tmp_path: Path, split: str) -> None:
    out = export(mixed_dataset, "ms-swift", tmp_path / "out", split=split)

    truth = records(mixed_dataset, split)
    located = 0
    for row in lines(out / f"{split}.jsonl"):
        record = truth[row["id"]]
        boxes = iter(row["objects"]["bbox"])
        for message, turn in zip(row["messages"], record["conversations"], strict=True):
            assert message["role"] == {"human": "user", "gpt": "assistant"}[turn["from"]]

            def place(_: re.Match[str]) -> str:
                x, y = next(boxes)  # noqa: B023  # used up before the loop goes on
                bins, _ = quantise([x - 0.5, y - 0.5], record["width"], record["height"])  # noqa: B023
                return f"[{bins[0]},{bins[1]}]"

            assert re.sub("<bbox>", place, message["content"]) == turn["value"]
        assert next(boxes, None) is None
        assert row["objects"]["image_id"] == [1] * len(
            row["objects"]["bbox"]
        )  # the marked one, not the earlier
        located += len(row["objects"]["bbox"])
    assert located > 100
    rows = lines(out / f"{split}.jsonl")
    assert_pictures(out, mixed_dataset, split, {row["id"]: row["images"] for row in rows})


def test_ms_swift_keeps_the_bins_when_asked(mixed_dataset: Path, tmp_path: Path) -> None:
    out = export(mixed_dataset, "ms-swift", tmp_path / "out", split="val", grounding="false")

    truth = records(mixed_dataset, "val")
    for row in lines(out / "val.jsonl"):
        assert [one["content"] for one in row["messages"]] == [
            turn["value"] for turn in truth[row["id"]]["conversations"]
        ]
        assert "objects" not in row


def test_datasets_reads_the_lines_of_both(mixed_dataset: Path, tmp_path: Path) -> None:
    from datasets import load_dataset

    for form in ("llama-factory", "ms-swift"):
        out = export(mixed_dataset, form, tmp_path / form)
        file = str(out / "train.jsonl")
        read = load_dataset("json", data_files=file, split="train", cache_dir=str(tmp_path / "cache"))
        assert list(read) == lines(out / "train.jsonl")


def test_a_tag_of_the_targets_own_in_a_text_is_no_tag() -> None:
    text = "<image>\nplay <video> at <bbox>, <ref-object>"

    assert without_tags(text, ("video", "bbox")) == "<image>\nplay < video> at < bbox>, <ref-object>"


def test_a_sample_whose_turns_ask_for_other_pictures_is_refused(small_dataset: Path, tmp_path: Path) -> None:
    members = next(iter(written(small_dataset, "train").values()))
    sample = load_sample(members)
    sample.record["conversations"][0]["value"] += "<image>"

    with pytest.raises(DataError, match="2 <image> for 1 pictures"):
        write_pictures(tmp_path, "train", sample)
