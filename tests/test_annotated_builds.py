"""Whole builds of annotated videos: each kind on drawn videos, in one data set and each on its own."""

import json
from pathlib import Path
from typing import Any

import pytest
from builds import QUICK, book, build, faults, reasons
from drawn_videos import draw_video

from somtom.pipelines.config import BuildConfig, parse_config
from somtom.schemas.meta_tables import read_items, read_samples
from somtom.schemas.record import parse_record
from somtom.schemas.tar import read_shard
from somtom.sources.sources import SOURCES

EPIC_HEADER = "narration_id,participant_id,video_id,start_timestamp,stop_timestamp,start_frame,narration,verb"


def generic(folder: Path) -> dict[str, Any]:
    """Three good rows, one of them shorter than a clip, and seven that give nothing."""
    draw_video(folder / "v/a.mp4", seed=1, frames=60)
    rows = [
        "video,start_s,stop_s,text",
        "a.mp4,0.1,0.7,die Tür öffnen",
        "a.mp4,0.1,0.9,打开门",
        "",
        "a.mp4,1.0,1.05,\u202bافتح\u202c الباب",
        "gone.mp4,0,1,x",
        "gone.mp4,1,2,x",
        "../a.mp4,0,1,x",
        "a.mp4,0,1",
        "a.mp4,soon,1,x",
        "a.mp4,9,10,x",
        "a.mp4,0.1,0.7,die Tür öffnen",
    ]
    (folder / "t.csv").write_bytes("\r\n".join(rows).encode("utf-8-sig"))
    return {"kind": "annotated-video", "path": str(folder / "v"), "annotations": str(folder / "t.csv")}


def epic(folder: Path) -> dict[str, Any]:
    """Two rows of one kitchen's video."""
    draw_video(folder / "epic/P01/videos/P01_11.MP4", seed=2, frames=60)
    rows = [
        "P01_11_0,P01,P01_11,00:00:00.00,00:00:00.89,1,take plate,take",
        '"P01_11_1",P01,P01_11,00:00:00.56,00:00:01.45,93,"put, down plate",put-down',
    ]
    (folder / "EPIC.csv").write_text("\n".join([EPIC_HEADER, *rows]))
    return {"kind": "epic-kitchens", "path": str(folder / "epic"), "annotations": str(folder / "EPIC.csv")}


def ego4d(folder: Path) -> dict[str, Any]:
    """Two narrations of one video, and one of a video that is not there."""
    draw_video(folder / "ego/uid-1.mp4", seed=3, frames=60)
    said = [
        {"timestamp_sec": 0.4, "timestamp_frame": 12, "narration_text": "#C C picks a cup"},
        {"timestamp_sec": 1.2, "timestamp_frame": 36, "narration_text": "#C C drops it"},
    ]
    narrations = {
        "uid-1": {"narration_pass_1": {"narrations": said, "summaries": []}},
        "uid-2": {"narration_pass_1": {"narrations": said[:1], "summaries": []}},
    }
    (folder / "narration.json").write_text(json.dumps(narrations))
    return {"kind": "ego4d", "path": str(folder / "ego"), "annotations": str(folder / "narration.json")}


def ssv2(folder: Path) -> dict[str, Any]:
    """Two videos, one of a class that the labels lack."""
    listed = []
    for number, template in enumerate(("Closing [something]", "Painting [something] blue"), start=7):
        # MPEG-4 is not allowed in WebM; the reader goes by content and not by name.
        draw_video(folder / f"ssv2/{number}.mkv", seed=number, frames=30).rename(
            folder / f"ssv2/{number}.webm"
        )
        label = template.replace("[something]", "a box")
        listed.append({"id": str(number), "template": template, "label": label, "placeholders": ["a box"]})
    (folder / "train.json").write_text(json.dumps(listed))
    (folder / "labels.json").write_text('{"Closing something": "5"}')
    return {
        "kind": "ssv2",
        "path": str(folder / "ssv2"),
        "annotations": str(folder / "train.json"),
        "labels": str(folder / "labels.json"),
    }


# kind -> its drawing, inputs and samples at the scan, instructions, whether the camera is always compensated
KINDS = {
    "annotated-video": (generic, 10, 3, {"die Tür öffnen", "打开门", "\u202bافتح\u202c الباب"}, False),
    "epic-kitchens": (epic, 2, 2, {"take plate", "put, down plate"}, True),
    "ego4d": (ego4d, 3, 2, {"picks a cup", "drops it"}, True),
    "ssv2": (ssv2, 2, 1, {"Closing a box"}, False),
}


def configure(*sources: dict[str, Any]) -> BuildConfig:
    return parse_config({"source": list(sources), **QUICK})


def records(out: Path) -> list[dict[str, Any]]:
    return [
        parse_record(members["json"])
        for shard in sorted((out / "shards").iterdir())
        for _, members in read_shard(shard)
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_a_build_of_each_kind_keeps_the_contract_and_says_what_happens(kind: str, tmp_path: Path) -> None:
    draw, inputs, samples, instructions, first_person = KINDS[kind]
    settings = {**draw(tmp_path), "dataset": "mine", "licence": "CC0-1.0"}
    build(configure(settings), tmp_path / "out")
    assert faults(tmp_path / "out") == []
    scanned = book(tmp_path / "out", "scan", "mine")
    assert (scanned.inputs, scanned.samples) == (inputs, samples)
    assert scanned.balanced
    made = records(tmp_path / "out")
    assert {one["instruction"] for one in made} == instructions
    for one in made:
        assert any(one["instruction"] in turn["value"] for turn in one["conversations"])
        assert (one["source"]["kind"], one["source"]["licence"]) == (kind, "CC0-1.0")
        assert one["source"]["group"] == f"mine/{one['source']['uri'].partition('#')[0]}"
        assert one["motion"]["camera_moved"] >= first_person
    assert len({one["id"] for one in made}) == len(made) == len(list(read_samples(tmp_path / "out")))


def test_every_row_that_gives_nothing_is_one_reject(tmp_path: Path) -> None:
    build(configure(generic(tmp_path)), tmp_path / "out")
    assert reasons(tmp_path / "out") == {
        "a.mp4#t=0.100,0.700": "duplicate",
        "a.mp4#t=9.000,10.000": "bad_record",
        "gone.mp4#t=0.000,1.000": "missing",
        "gone.mp4#t=1.000,2.000": "missing",
        "t.csv#row=6": "unsafe_path",
        "t.csv#row=7": "bad_record",
        "t.csv#row=8": "bad_record",
    }


def test_all_kinds_make_one_data_set_in_which_no_video_is_in_two_splits(tmp_path: Path) -> None:
    build(configure(*(draw(tmp_path / kind) for kind, (draw, *_) in KINDS.items())), tmp_path / "out")
    assert faults(tmp_path / "out") == []
    assert len(list(read_items(tmp_path / "out"))) == sum(inputs for _, inputs, *_ in KINDS.values())
    splits: dict[str, set[str]] = {}
    for one in records(tmp_path / "out"):
        splits.setdefault(one["source"]["fingerprint"], set()).add(one["split"])
    assert len(splits) == 4
    assert all(len(places) == 1 for places in splits.values())
    assert set().union(*splits.values()) == {"train", "val"}
    assert set(KINDS) <= set(SOURCES)


def test_rows_that_are_added_later_join_the_split_of_their_video(tmp_path: Path) -> None:
    sources = [generic(tmp_path / "a"), epic(tmp_path / "b")]
    build(configure(*sources), tmp_path / "out")
    before = {one["id"]: one["split"] for one in records(tmp_path / "out")}
    table = tmp_path / "a/t.csv"
    table.write_text(
        table.read_text("utf-8-sig").replace("stop_s,text\n", "stop_s,text\na.mp4,0.7,1.4,new\n")
    )
    build(configure(*sources), tmp_path / "out", append=True)
    assert faults(tmp_path / "out") == []
    made = records(tmp_path / "out")
    assert before.items() < {one["id"]: one["split"] for one in made}.items()
    splits = {one["source"]["group"]: one["split"] for one in made}
    assert all(splits[one["source"]["group"]] == one["split"] for one in made)
