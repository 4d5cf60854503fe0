import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from screens import corners, draw_page, make_screens, reasons_of, screen_of, target_of

from somtom.schemas.clips import Clip
from somtom.schemas.settings import ClipSettings, ShotSettings
from somtom.sources.screenspot import VERSIONS, ScreenSpotSource

WIDTH, HEIGHT = 400, 200
BOX = (40.0, 60.0, 120.0, 80.0)
WRITTEN = {
    "xywh_px": [40, 60, 80, 20],
    "xyxy_px": [40, 60, 120, 80],
    "xyxy_ratio": [0.1, 0.3, 0.3, 0.4],
    "xywh_ratio": [0.1, 0.3, 0.2, 0.1],
}


def record(text: object = "close", box: object = (40, 60, 80, 20), **more: Any) -> dict[str, Any]:
    whole = {
        "img_filename": "pc.png",
        "bbox": box,
        "instruction": text,
        "data_type": "icon",
        "data_source": "windows",
    }
    return {**whole, **more}


def write_json(folder: Path, records: object, **settings: Any) -> ScreenSpotSource:
    draw_page(folder / "images/pc.png")
    (folder / "desktop.json").write_text(json.dumps(records), encoding="utf-8")
    return ScreenSpotSource(
        path=str(folder / "images"), annotations=str(folder / "desktop.json"), dataset="toys", **settings
    )


def write_parquet(folder: Path, rows: list[dict[str, Any]], row_group: int = 2) -> Path:
    file = folder / "data/test-00000-of-00001.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), file, row_group_size=row_group)
    return file


def picture(seed: int) -> dict[str, Any]:
    data = io.BytesIO()
    Image.fromarray(np.full((HEIGHT, WIDTH, 3), seed, np.uint8)).save(data, "PNG")
    return {"bytes": data.getvalue(), "path": f"{seed}.png"}


@pytest.mark.parametrize(
    ("version", "convention"), [("v1", "xywh_px"), ("v2", "xywh_px"), ("pro", "xyxy_px")]
)
def test_boxes_of_json_are_read_as_each_version_documents_them(
    tmp_path: Path, version: str, convention: str
) -> None:
    made, rejects = make_screens(write_json(tmp_path, [record(box=WRITTEN[convention])], version=version))
    assert not rejects
    target = target_of(made[0][1])
    assert (corners(target), target.role, target.text) == (BOX, "icon", "")
    assert made[0][0].instruction == "close"


@pytest.mark.parametrize("convention", WRITTEN)
def test_the_convention_can_be_set(tmp_path: Path, convention: str) -> None:
    made, _ = make_screens(write_json(tmp_path, [record(box=WRITTEN[convention])], boxes=convention))
    assert corners(target_of(made[0][1])) == pytest.approx(BOX)


@pytest.mark.parametrize(
    ("box", "set_to"),
    [
        ([300, 150, 390, 190], "xyxy_px"),
        (WRITTEN["xyxy_ratio"], "xyxy_ratio"),
        ([0.9, 0.9, 1, 1], "xyxy_ratio"),
    ],
)
def test_a_box_of_another_convention_is_rejected_with_the_setting_that_would_read_it(
    tmp_path: Path, box: list[float], set_to: str
) -> None:
    made, _ = make_screens(write_json(tmp_path, [record(box=box), record("fine")]))
    assert reasons_of(made) == ["bad_box", ""]
    assert f"{set_to}" in str(made[0][1])
    assert "set boxes" in str(made[0][1])
    again, _ = make_screens(write_json(tmp_path, [record(box=box)], boxes=set_to))
    assert reasons_of(again) == [""]


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="version must be one of v1, v2, pro"):
        ScreenSpotSource(path="x", version="v3")
    with pytest.raises(ValueError, match="boxes must be empty or one of xyxy_px"):
        ScreenSpotSource(path="x", boxes="xyxy")


def test_records_of_one_picture_are_one_item_and_one_group_and_share_their_boxes(tmp_path: Path) -> None:
    draw_page(tmp_path / "images/b.png")
    records = [record("one"), record("other", img_filename="b.png"), record("two", [200, 100, 50, 50])]
    made, _ = make_screens(write_json(tmp_path, records))
    assert [(ref.uri, ref.instruction, ref.group) for ref, _ in made] == [
        ("b.png", "other", "toys/b.png"),
        ("pc.png", "one", "toys/pc.png"),
        ("pc.png", "two", "toys/pc.png"),
    ]
    assert [screen_of(clip).action.targets for _, clip in made] == [(0,), (0,), (1,)]
    assert [len(screen_of(clip).elements) for _, clip in made] == [1, 2, 2]


def test_pro_records_are_held_against_the_size_they_are_meant_for(tmp_path: Path) -> None:
    def pro(text: str, **more: Any) -> dict[str, Any]:
        return {
            "img_filename": "pc.png",
            "bbox": [40, 60, 120, 80],
            "instruction": text,
            "instruction_cn": "关闭窗口",
            "application": "blender",
            "platform": "windows",
            "ui_type": "icon",
            **more,
        }

    records = [pro("whole", img_size=[WIDTH, HEIGHT]), pro("scaled", img_size=[2 * WIDTH, 2 * HEIGHT])]
    made, _ = make_screens(write_json(tmp_path, records, version="pro"))
    assert reasons_of(made) == ["", "bad_box"]
    assert "800, 400" in str(made[1][1])
    assert {ref.group for ref, _ in made} == {"toys/blender"}
    chinese, _ = make_screens(write_json(tmp_path, records, version="pro", text="instruction_cn"))
    assert chinese[0][0].instruction == "关闭窗口"


def test_json_lines_in_a_folder_with_paths_that_start_with_a_dot_are_read(tmp_path: Path) -> None:
    draw_page(tmp_path / "images/mac/shot 1.png")
    (tmp_path / "notes").mkdir()
    line = {
        "img_path": "./mac/shot 1.png",
        "bbox": [40, 60, 120, 80],
        "prompt_to_evaluate": "x",
        "ui_type": "text",
    }
    for number in (1, 2):
        (tmp_path / f"notes/{number}.jsonl").write_text(f"\n{json.dumps(line)}\nnot json\n")
    source = ScreenSpotSource(
        path=str(tmp_path / "images"), annotations=str(tmp_path / "notes"), version="pro"
    )
    made, rejects = make_screens(source)
    assert [(ref.uri, ref.position) for ref, _ in made] == [("mac/shot 1.png", 0), ("mac/shot 1.png", 1)]
    assert rejects == {"bad_record": 2}


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_parquet_rows_hold_their_pictures_and_shares(tmp_path: Path, version: str) -> None:
    rows = [
        {
            "image": picture(n // 2),
            "bbox": WRITTEN["xyxy_ratio"],
            "instruction": f"do {n}",
            "data_type": "text",
        }
        for n in range(5)
    ]
    file = write_parquet(tmp_path, rows)
    made, rejects = make_screens(ScreenSpotSource(path=str(tmp_path), version=version))
    assert not rejects
    assert [ref.uri for ref, _ in made] == [f"data/{file.name}#n={n}" for n in range(1, 6)]
    for n, (ref, clip) in enumerate(made):
        assert isinstance(clip, Clip)
        assert ref.instruction == f"do {n}"
        assert (clip.frames == n // 2).all()
        assert corners(target_of(clip)) == pytest.approx(BOX)
    groups = [ref.group for ref, _ in made]
    assert groups[0] == groups[1] != groups[2] == groups[3] != groups[4]


def test_parquet_rows_with_file_names_are_gathered_by_picture(tmp_path: Path) -> None:
    rows = [
        {
            "file_name": f"{n % 2}.png",
            "image": picture(n % 2),
            "bbox": [0.1, 0.3, 0.3, 0.4],
            "instruction": f"do {n}",
        }
        for n in range(4)
    ]
    made, _ = make_screens(ScreenSpotSource(path=str(write_parquet(tmp_path, rows))))
    assert [(ref.uri, ref.instruction) for ref, _ in made] == [
        ("0.png", "do 0"),
        ("0.png", "do 2"),
        ("1.png", "do 1"),
        ("1.png", "do 3"),
    ]


def test_parquet_with_columns_of_the_wrong_type_is_rejected_row_by_row(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"image": picture(1), "bbox": "0.1,0.3,0.3,0.4", "instruction": 3},
        {"image": None, "bbox": None},
    ]
    made, rejects = make_screens(ScreenSpotSource(path=str(write_parquet(tmp_path, rows))))
    assert reasons_of(made) == ["bad_record"]
    assert rejects == {"bad_record": 1}


@pytest.mark.parametrize("keep", [0.0, 0.5, 0.95])
def test_a_parquet_file_cut_off_is_one_reject_beside_a_whole_one(tmp_path: Path, keep: float) -> None:
    whole = write_parquet(tmp_path, [{"image": picture(1), "bbox": [0.1, 0.3, 0.3, 0.4], "instruction": "x"}])
    data = whole.read_bytes()
    (tmp_path / "data/a.parquet").write_bytes(data[: int(len(data) * keep)])
    made, rejects = make_screens(ScreenSpotSource(path=str(tmp_path)))
    assert reasons_of(made) == [""]
    assert rejects == {"unreadable": 1}


def test_bytes_turned_over_in_a_parquet_file_never_crash(tmp_path: Path) -> None:
    rows = [{"image": picture(n), "bbox": [0.1, 0.3, 0.3, 0.4], "instruction": "x"} for n in range(3)]
    file = write_parquet(tmp_path, rows)
    data = file.read_bytes()
    for at in range(4, len(data), 97):
        file.write_bytes(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :])
        make_screens(ScreenSpotSource(path=str(file)))


def test_hostile_records_give_what_can_be_used_and_a_reason_for_the_rest(test_data: Path) -> None:
    source = ScreenSpotSource(
        path=str(test_data / "ui/rendered"),
        annotations=str(test_data / "hostile/ui/screenspot_bad_boxes.json"),
    )
    made, rejects = make_screens(source)
    assert rejects == {"missing": 1, "unsafe_path": 1}
    good, bad = "", "bad_box"
    assert reasons_of(made) == [good, good, good, bad, bad, bad, bad, "bad_record", *[good] * 3, bad, bad]
    assert corners(target_of(made[1][1])) == (0, 0, 20, 30)
    assert corners(target_of(made[2][1])) == (1200, 700, 1280, 720)


def test_every_record_of_the_drawn_pages_is_read_as_it_is_written(test_data: Path) -> None:
    annotations = test_data / "ui/layouts/screenspot_web.json"
    source = ScreenSpotSource(path=str(test_data / "ui/rendered"), annotations=str(annotations))
    made, rejects = make_screens(source)
    records = json.loads(annotations.read_text("utf-8"))
    assert not rejects
    assert len(made) == len(records)
    found = sorted((ref.uri, ref.instruction, *corners(target_of(clip))) for ref, clip in made)
    expected = []
    for one in records:
        x, y, width, height = one["bbox"]
        with Image.open(test_data / "ui/rendered" / one["img_filename"]) as image:
            right, bottom = min(x + width, image.width), min(y + height, image.height)
        text = " ".join(one["instruction"].split())
        expected.append((one["img_filename"], text, max(x, 0), max(y, 0), right, bottom))
    assert found == sorted(expected)


@pytest.mark.parametrize(("file", "version"), [("screenspot_pro", "pro"), ("screenspot_uground", "v1")])
def test_real_targets_are_read_as_they_are_written_on_pictures_of_any_size(
    test_data: Path, tmp_path: Path, file: str, version: str
) -> None:
    # The pictures are not published with these files, so blank ones stand in: as large as the boxes need.
    annotations = test_data / f"ui/annotations_only/{file}.jsonl"
    records = [json.loads(line) for line in annotations.read_text("utf-8").splitlines()]
    expected: dict[tuple[str, str], tuple[float, ...]] = {}
    sizes: dict[str, tuple[int, int]] = {}
    for one in records:
        x, y, third, fourth = one["bbox"]
        box = (x, y, third, fourth) if version == "pro" else (x, y, x + third, y + fourth)
        name = one.get("img_path", one.get("image")).removeprefix("./")
        expected[name, " ".join(one.get("instruction", one.get("prompt_to_evaluate")).split())] = box
        width, height = sizes.get(name, (64, 64))
        sizes[name] = max(width, box[2]), max(height, box[3])
    for name, (width, height) in sizes.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("1", (max(width, height // 4), max(height, width // 4))).save(path)
    source = ScreenSpotSource(path=str(tmp_path), annotations=str(annotations), version=version)
    refs = [
        ref for item in source.items(0) for ref in source.scan(item, ShotSettings(), ClipSettings(), 32).refs
    ]
    assert len(refs) == len(records) == len(expected)
    for ref in refs[::4]:
        ((_, clip),) = source.read([ref], ClipSettings())
        assert corners(target_of(clip)) == expected[ref.uri, ref.instruction]


def test_its_files_are_recognised_with_their_version(test_data: Path, tmp_path: Path) -> None:
    found = ScreenSpotSource.recognise(str(test_data / "ui/layouts/screenspot_web.json"))
    assert found is not None
    assert found.settings == {
        "path": str(test_data / "ui/rendered"),
        "annotations": str(test_data / "ui/layouts/screenspot_web.json"),
    }
    pro = ScreenSpotSource.recognise(str(test_data / "ui/annotations_only/screenspot_pro.jsonl"))
    assert pro is not None and pro.settings["version"] == "pro"
    assert ScreenSpotSource.recognise(str(test_data / "ui/layouts/seeclick_web.json")) is None
    write_json(tmp_path, [record(box=WRITTEN["xyxy_ratio"])])
    ratio = ScreenSpotSource.recognise(str(tmp_path / "desktop.json"))
    assert ratio is not None and ratio.settings["boxes"] == "xyxy_ratio"
    row = {"image": picture(1), "bbox": [0.1, 0.3, 0.3, 0.4], "instruction": "x", "data_type": "icon"}
    embedded = ScreenSpotSource.recognise(str(write_parquet(tmp_path / "v2", [row])))
    assert embedded is not None
    assert embedded.settings == {
        "path": str(tmp_path / "v2/data/test-00000-of-00001.parquet"),
        "version": "v2",
    }


def test_each_version_has_a_convention_for_json_and_parquet() -> None:
    assert {one for pair in VERSIONS.values() for one in pair} <= set(WRITTEN)
