"""Image-text pairs in LLaVA's JSON: what is read is what the file says, and bad records are rejects."""

import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builds import THREADS, book, build, contents, faults, reasons
from PIL import Image

from somtom.pipelines.config import BuildConfig, parse_config
from somtom.pipelines.relabel import relabel_data_set
from somtom.schemas.clips import Clip
from somtom.schemas.reasons import DataError
from somtom.schemas.refs import Item, Scan
from somtom.schemas.settings import ClipSettings, ShotSettings
from somtom.sources.llava import LlavaSource

CLIPS = ClipSettings(short_side=64)


def draw_photo(path: Path, seed: int, width: int = 120, height: int = 90) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 256, (height // 10, width // 10, 3), dtype=np.uint8)
    Image.fromarray(np.repeat(np.repeat(coarse, 10, axis=0), 10, axis=1)).save(path)
    return path


def pair(image: object = "coco/0.png", *said: str) -> dict[str, Any]:
    texts = said or ("<image>\nWhat is it?", "A drawing.")
    turns = [{"from": ("human", "gpt")[k % 2], "value": text} for k, text in enumerate(texts)]
    return {"id": "7", "image": image, "conversations": turns}


def write_pairs(folder: Path, records: list[Any], name: str = "pairs.json") -> Path:
    draw_photo(folder / "coco/0.png", 0)
    draw_photo(folder / "coco/1.png", 1, 90, 120)
    lines = [json.dumps(record, ensure_ascii=False) for record in records]
    text = "[" + ",\n".join(lines) + "]" if name.endswith(".json") else "\n\n".join(lines)
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def scan(source: LlavaSource, item: Item) -> Scan:
    return source.scan(item, ShotSettings(), CLIPS, 32)


def read(source: LlavaSource) -> list[Clip | DataError]:
    refs = [ref for item in source.items(0) for ref in scan(source, item).refs]
    return [clip for _, clip in source.read(refs, CLIPS)]


def reason_of(source: LlavaSource) -> str:
    (item,) = source.items(0)
    reject = scan(source, item).reject
    return reject.reason if reject else ""


@pytest.mark.parametrize("name", ["pairs.json", "pairs.jsonl", "pairs.ndjson"])
def test_turns_and_picture_are_read_as_they_are(tmp_path: Path, name: str) -> None:
    said = ("<image>\nЧто это?", "一张图。 👩‍🚀", "שוב?", "[0.1, 0.2, 0.3, 0.4]\nyes")
    source = LlavaSource(str(write_pairs(tmp_path, [pair(), pair("coco/1.png", *said)], name)))
    assert [item.uri for item in source.items(0)] == [f"{name}#row=1", f"{name}#row=2"]
    clips = read(source)
    assert all(isinstance(clip, Clip) for clip in clips)
    clip = clips[1]
    assert isinstance(clip, Clip)
    assert clip.annotation.turns == tuple(zip(("human", "gpt") * 2, said, strict=True))
    assert not clip.annotation.is_clip
    assert clip.frames.shape == (1, 85, 64, 3) and (clip.source_width, clip.source_height) == (90, 120)
    whole = next(source.read(scan(source, list(source.items(0))[1]).refs, ClipSettings()))[1]
    assert isinstance(whole, Clip)
    assert (whole.frames[0] == np.asarray(Image.open(tmp_path / "coco/1.png"))).all()


def test_pairs_of_one_picture_share_a_group(tmp_path: Path) -> None:
    source = LlavaSource(
        str(write_pairs(tmp_path, [pair(), pair(), pair(["coco/1.png"])])), weight=0.5, split="val"
    )
    refs = [scan(source, item).refs[0] for item in source.items(0)]
    assert refs[0].group == refs[1].group != refs[2].group
    assert len({ref.key for ref in refs}) == 3
    assert {(ref.weight, ref.split, ref.start_s, ref.fps) for ref in refs} == {(0.5, "val", -1.0, -1.0)}


def test_the_pictures_may_lie_elsewhere(tmp_path: Path) -> None:
    write_pairs(tmp_path / "elsewhere", [])
    (tmp_path / "json").mkdir()
    table = tmp_path / "json/pairs.json"
    table.write_text(json.dumps([pair("./coco//0.png")]))
    assert reason_of(LlavaSource(str(table))) == "missing"
    assert reason_of(LlavaSource(str(table), images=f"{tmp_path}/elsewhere/")) == ""


def turns(*said: tuple[object, object]) -> dict[str, Any]:
    return {"image": "coco/0.png", "conversations": [{"from": who, "value": text} for who, text in said]}


BAD: dict[str, tuple[Any, str]] = {
    "no picture": ({"conversations": pair()["conversations"]}, "unsupported"),
    "an empty picture": (pair(""), "unsupported"),
    "two pictures": (pair(["coco/0.png", "coco/1.png"]), "unsupported"),
    "a picture that is a number": (pair(5), "bad_record"),
    "a picture that is not there": (pair("coco/9.png"), "missing"),
    "a path that climbs": (pair("../coco/0.png"), "unsafe_path"),
    "a path that climbs in the middle": (pair("coco/../../coco/0.png"), "unsafe_path"),
    "an absolute path": (pair("/etc/passwd"), "unsafe_path"),
    "a path of another system": (pair("C:\\coco\\0.png"), "unsafe_path"),
    "an address": (pair("http://a/0.png"), "unsafe_path"),
    "a path with a zero byte": (pair("coco/0.png\0"), "bad_record"),
    "a path of half a letter": (pair("coco/\ud800.png"), "bad_record"),
    "a picture that is a text": (pair("pairs.jsonl"), "not_image"),
    "a system turn": (turns(("system", "Be kind."), ("human", "?"), ("gpt", "!")), "bad_record"),
    "a system turn and an even number": (turns(("system", "Be kind."), ("gpt", "!")), "bad_record"),
    "an odd number of turns": (turns(("human", "?"), ("gpt", "!"), ("human", "?")), "bad_record"),
    "turns that do not alternate": (turns(("human", "?"), ("human", "!")), "bad_record"),
    "an answer first": (turns(("gpt", "?"), ("human", "!")), "bad_record"),
    "an empty answer": (turns(("human", "?"), ("gpt", " \n")), "bad_record"),
    "an answer that is no text": (turns(("human", "?"), ("gpt", ["!"])), "bad_record"),
    "a turn that is no object": ({"image": "coco/0.png", "conversations": ["?", "!"]}, "bad_record"),
    "no turns": ({"image": "coco/0.png", "conversations": []}, "bad_record"),
    "no conversations": ({"image": "coco/0.png"}, "bad_record"),
    "conversations that are a text": ({"image": "coco/0.png", "conversations": "ab"}, "bad_record"),
    "huge text": (turns(("human", "?"), ("gpt", "a" * 200_000)), "bad_record"),
    "a thousand turns too many": (turns(*[("human", "?"), ("gpt", "!")] * 1001), "bad_record"),
    "no object": (["human"], "bad_record"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_record_is_one_reject(tmp_path: Path, name: str) -> None:
    record, reason = BAD[name]
    folder = tmp_path / "in"
    draw_photo(folder / "coco/0.png", 0)
    (folder / "pairs.jsonl").write_text(json.dumps(record))
    assert reason_of(LlavaSource(str(folder / "pairs.jsonl"))) == reason


def test_half_a_letter_in_the_text_is_replaced(tmp_path: Path) -> None:
    path = write_pairs(tmp_path, [pair()])
    path.write_text(json.dumps([pair("coco/0.png", "?", "\ud800!")]))
    (clip,) = read(LlavaSource(str(path)))
    assert isinstance(clip, Clip)
    assert clip.annotation.turns[1][1] == "\ufffd!"


def test_a_file_that_is_cut_gives_what_is_whole_and_one_reject(tmp_path: Path) -> None:
    path = write_pairs(tmp_path, [pair(), pair(), pair()])
    path.write_bytes(path.read_bytes()[:-40])
    source = LlavaSource(str(path))
    got = [scan(source, item) for item in source.items(0)]
    assert [one.reject.reason if one.reject else "" for one in got] == ["", "", "bad_record"]
    path.write_text('{"not": "a list"}')
    assert reason_of(source) == "bad_record"


def test_what_changed_after_planning_is_found(tmp_path: Path) -> None:
    path = write_pairs(tmp_path, [pair()])
    source = LlavaSource(str(path))
    refs = [ref for item in source.items(0) for ref in scan(source, item).refs]
    path.write_text(path.read_text().replace("A drawing.", "A picture."))
    assert [clip.reason for _, clip in source.read(refs, CLIPS)] == ["changed_input"]  # type: ignore[union-attr]
    write_pairs(tmp_path, [pair()])
    draw_photo(tmp_path / "coco/0.png", 5)
    assert [clip.reason for _, clip in source.read(refs, CLIPS)] == ["changed_input"]  # type: ignore[union-attr]


def test_the_kind_recognises_its_files(tmp_path: Path) -> None:
    path = write_pairs(tmp_path, [{"id": "text only", "conversations": []}, pair(), pair("coco/9.png")])
    found = LlavaSource.recognise(str(path))
    assert found is not None and found.settings == {"path": str(path)}
    assert "pictures of 1 of its first 3 records found" in found.notes[1]
    other = tmp_path / "other.json"
    for text in ('[{"image": "a.png"}]', "[1, 2]", "no JSON", ""):
        other.write_text(text)
        assert LlavaSource.recognise(str(other)) is None
    assert LlavaSource.recognise(str(tmp_path / "nothing")) is None


def test_other_json_beside_the_pairs_is_not_counted_or_read(tmp_path: Path) -> None:
    path = write_pairs(tmp_path, [pair()])
    for name in ("annotations", "zebra"):
        (tmp_path / f"{name}.json").write_text('[{"image": "a.png"}]')
    found = LlavaSource.recognise(str(tmp_path))
    assert found is not None and found.settings == {"path": str(path)}
    assert found.notes[0].startswith("1 of 3 JSON files") and found.notes[0].endswith("such as pairs.json")

    write_pairs(tmp_path, [pair()], "more.jsonl")
    found = LlavaSource.recognise(str(tmp_path))
    assert found is not None and found.settings == {"path": str(tmp_path)} and "glob" in found.notes[-1]


def configure(path: Path, **sections: Any) -> BuildConfig:
    block = {"kind": "llava", "path": str(path), "weight": 2.0, "licence": "CC0-1.0"}
    return parse_config({"source": [block], "output": {"clips_per_shard": 2}, **sections})


def records_of(folder: Path) -> list[dict[str, Any]]:
    """The records of a data set in the order of their uris, read by other code than ours."""
    found = []
    for path in sorted((folder / "shards").glob("*.tar")):
        with tarfile.open(path) as tar:
            for member in tar:
                if member.name.endswith(".json"):
                    file = tar.extractfile(member)
                    assert file is not None
                    found.append(json.loads(file.read()))
    return sorted(found, key=lambda record: str(record["source"]["uri"]))


def test_a_build_passes_every_turn_through_and_balances(tmp_path: Path) -> None:
    pairs = [pair(f"coco/{k % 2}.png", f"<image>\nWhat is {k}?", f"It is {k}, [{k}, 5].") for k in range(5)]
    path = write_pairs(tmp_path / "in", [*pairs, pair("coco/9.png"), {"id": "x", "conversations": []}])
    build(configure(path), tmp_path / "out")
    assert faults(tmp_path / "out") == []
    assert reasons(tmp_path / "out") == {"pairs.json#row=6": "missing", "pairs.json#row=7": "bad_record"}
    assert book(tmp_path / "out", "scan", "pairs").inputs == 7
    records = records_of(tmp_path / "out")
    assert [record["conversations"] for record in records] == [one["conversations"] for one in pairs]
    assert {record["task"] for record in records} == {"vl"}
    assert all(record["marks"] == [] and record["source"]["weight"] == 2.0 for record in records)


def test_relabelling_makes_boxes_marks_as_a_fresh_build_does(tmp_path: Path) -> None:
    ask = "<image>\nPlease provide the bounding box coordinate of the region this sentence describes: a cup"
    pairs = [pair(f"coco/{k}.png", ask, "[0.2, 0.3, 0.6, 0.7]") for k in range(2)]
    path = write_pairs(tmp_path / "in", pairs)
    build(configure(path), tmp_path / "old")
    build(configure(path, vl={"boxes": "marks"}), tmp_path / "fresh")
    relabel_data_set(tmp_path / "old", tmp_path / "new", ['vl.boxes="marks"'], THREADS, overwrite=False)
    assert faults(tmp_path / "new") == []
    assert contents(tmp_path / "new") == contents(tmp_path / "fresh")
    for record in records_of(tmp_path / "new"):
        (mark,) = record["marks"]
        assert record["conversations"][1]["value"].startswith(f"Mark {mark['id']} at [")


def test_history_pictures_have_their_tokens_first(tmp_path: Path) -> None:
    path = write_pairs(tmp_path / "in", [pair()])
    build(configure(path, clips={"history": 2, "cameras": 1}), tmp_path / "out")
    assert faults(tmp_path / "out") == []
    (record,) = records_of(tmp_path / "out")
    assert record["conversations"][0]["value"] == "<image>\n<image>\n<image>\nWhat is it?"
    assert [step["known"] for step in record["history"]] == [False, False]
