"""Screenshots alone, and with the boxes of a model in their own form and in OmniParser's."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from somtom.schemas.annotation import Screen
from somtom.schemas.clips import Clip
from somtom.schemas.reasons import DataError
from somtom.schemas.settings import ClipSettings, ShotSettings
from somtom.sources.boxes import CONVENTIONS
from somtom.sources.listed_elements import listed_elements
from somtom.sources.screenshots import ScreenshotsSource

Read = dict[str, Screen | str]


def draw(folder: Path, *names: str, size: tuple[int, int] = (200, 100)) -> Path:
    """Pictures of that name."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((size[1], size[0], 3), 90, np.uint8)).save(folder / name)
    return folder


def read(source: ScreenshotsSource) -> Read:
    """What each item gives: its screen, or the reason why there is none."""
    found: Read = {}
    for item in source.items(0):
        assert item.uri not in found
        scan = source.scan(item, ShotSettings(), ClipSettings(), 32)
        found[item.uri] = scan.reject.reason if scan.reject else ""
        for _, clip in source.read(scan.refs, ClipSettings()):
            if isinstance(clip, DataError):
                found[item.uri] = clip.reason
            else:
                assert isinstance(clip, Clip) and clip.annotation.screen is not None
                found[item.uri] = clip.annotation.screen
    return found


def boxes(folder: Path, *records: object) -> str:
    """Those records as JSON lines."""
    path = folder / "boxes.jsonl"
    path.write_text("".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in records))
    return str(path)


def corners(screen: Screen | str) -> list[tuple[float, ...]]:
    """Boxes of a screen."""
    assert isinstance(screen, Screen)
    return [(one.x0, one.y0, one.x1, one.y1) for one in screen.elements]


def test_a_folder_of_pictures_gives_an_empty_screen_each_and_other_files_are_left_alone(
    tmp_path: Path,
) -> None:
    draw(tmp_path, "a.png", "b/c.JPG", "d.webp", ".hidden.png")
    (tmp_path / "notes.txt").write_text("no picture")
    assert read(ScreenshotsSource(str(tmp_path))) == dict.fromkeys(("a.png", "b/c.JPG", "d.webp"), Screen())


def test_a_file_a_glob_and_a_list_name_pictures(tmp_path: Path) -> None:
    draw(tmp_path, "a.png", "b.png", "c.jpg")
    (tmp_path / "some.txt").write_text("b.png\nc.jpg\n")
    assert list(read(ScreenshotsSource(str(tmp_path / "a.png")))) == ["a.png"]
    assert list(read(ScreenshotsSource(str(tmp_path / "*.png")))) == ["a.png", "b.png"]
    assert list(read(ScreenshotsSource(f"@{tmp_path}/some.txt"))) == ["b.png", "c.jpg"]


def test_broken_pictures_are_rejects_of_their_own(tmp_path: Path) -> None:
    draw(tmp_path, "good.png")
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "cut.png").write_bytes((tmp_path / "good.png").read_bytes()[:60])
    (tmp_path / "list.txt").write_text("gone.png\n../out.png\ngood.png\n")
    found = read(ScreenshotsSource(str(tmp_path)))
    assert {uri: one for uri, one in found.items() if uri != "good.png"} == {
        "empty.png": "empty_file",
        "text.png": "not_image",
        "cut.png": "undecodable",
    }
    assert read(ScreenshotsSource(str(tmp_path / "list.txt")))["gone.png"] == "missing"


def test_a_folder_without_pictures_is_missing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="names no file"):
        list(ScreenshotsSource(str(tmp_path)).items(0))


@pytest.mark.parametrize(
    ("convention", "box"),
    [
        ("xyxy_px", [20, 10, 60, 30]),
        ("xywh_px", [20, 10, 40, 20]),
        ("xyxy_ratio", [0.1, 0.1, 0.3, 0.3]),
        ("xywh_ratio", [0.1, 0.1, 0.2, 0.2]),
    ],
)
def test_boxes_are_read_in_the_stated_convention(tmp_path: Path, convention: str, box: list[float]) -> None:
    draw(tmp_path, "a.png")
    one = {"box": box, "text": "検索", "role": "button", "score": 0.5, "actionable": True}
    table = boxes(tmp_path, {"image": "./a.png", "boxes": [one]})
    found = read(ScreenshotsSource(str(tmp_path), annotations=table, boxes=convention))["a.png"]
    assert np.allclose(corners(found), [(20, 10, 60, 30)])
    assert isinstance(found, Screen)
    (element,) = found.elements
    assert (element.text, element.role, element.score) == ("検索", "button", 0.5)


OMNI = [
    {
        "type": "text",
        "bbox": [0.1, 0.1, 0.3, 0.3],
        "interactivity": False,
        "content": "Mail",
        "source": "ocr",
    },
    {"type": "icon", "bbox": [0.5, 0.5, 0.6, 0.7], "interactivity": True, "content": None, "source": "yolo"},
]


@pytest.mark.parametrize("form", ["member", "server", "bare"])
def test_omniparser_output_is_taken_as_it_comes(tmp_path: Path, form: str) -> None:
    draw(tmp_path, "shots/a.png")
    root = str(tmp_path / "shots")
    if form == "member":
        table = boxes(tmp_path, {"image": "a.png", "parsed_content_list": OMNI})
    else:
        table = f"{tmp_path}/parsed/{{stem}}.json"
        (tmp_path / "parsed").mkdir()
        whole = {"som_image_base64": "", "parsed_content_list": OMNI, "latency": 1.0}
        (tmp_path / "parsed" / "a.json").write_text(json.dumps(whole if form == "server" else OMNI))
    found = read(ScreenshotsSource(root, annotations=table))["a.png"]
    assert isinstance(found, Screen)
    assert np.allclose(corners(found), [(20, 10, 60, 30), (100, 50, 120, 70)])
    assert [(one.text, one.role, one.actionable) for one in found.elements] == [
        ("Mail", "text", False),
        ("", "icon", True),
    ]


def test_parquet_and_a_json_array_hold_boxes_too(tmp_path: Path) -> None:
    draw(tmp_path, "a.png")
    record = {"image": "a.png", "boxes": [{"box": [1.0, 2.0, 30.0, 40.0], "text": "x"}]}
    pq.write_table(pa.Table.from_pylist([record]), tmp_path / "boxes.parquet")
    (tmp_path / "boxes.json").write_text(json.dumps([record]))
    for name in ("boxes.parquet", "boxes.json"):
        found = read(ScreenshotsSource(str(tmp_path), annotations=str(tmp_path / name)))
        assert corners(found["a.png"]) == [(1, 2, 30, 40)]


@pytest.mark.parametrize(
    ("record", "uri", "reason"),
    [
        ({"image": "gone.png", "boxes": []}, "gone.png", "missing"),
        ({"image": "../a.png", "boxes": []}, "boxes.jsonl#n=1", "unsafe_path"),
        ({"image": "/a.png", "boxes": []}, "boxes.jsonl#n=1", "unsafe_path"),
        ({"image": 7, "boxes": []}, "boxes.jsonl#n=1", "bad_record"),
        ({"boxes": []}, "boxes.jsonl#n=1", "bad_record"),
        ("{", "boxes.jsonl#n=1", "bad_record"),
        ("[]", "boxes.jsonl#n=1", "bad_record"),
        ({"image": "a.png"}, "a.png", "bad_record"),
        ({"image": "a.png", "boxes": {}}, "a.png", "bad_record"),
        ({"image": "a.png", "boxes": [7]}, "a.png", "bad_record"),
        ({"image": "a.png", "boxes": [{"box": [1, 2, 3, 4], "text": 7}]}, "a.png", "bad_record"),
        ({"image": "a.png", "boxes": [{"box": [1, 2, 3, 4], "score": 2}]}, "a.png", "bad_record"),
        ({"image": "a.png", "boxes": [{"box": [1, 2, 3, 4], "visible": "no"}]}, "a.png", "bad_record"),
        ({"image": "a.png", "boxes": [{}]}, "a.png", "bad_box"),
        ({"image": "a.png", "boxes": [{"box": "1 2 3 4"}]}, "a.png", "bad_box"),
        ({"image": "a.png", "boxes": [{"box": [0.1, 0.1, 0.5, 0.5]}]}, "a.png", "bad_box"),
        ({"image": "a.png", "boxes": [{"box": [60, 30, 20, 10]}]}, "a.png", "bad_box"),
        ({"image": "a.png", "boxes": [{"box": [300, 30, 320, 50]}]}, "a.png", "bad_box"),
        ('{"image": "a.png", "boxes": [{"box": [NaN, 0, 1, 1]}]}', "a.png", "bad_box"),
        ({"image": "a.png", "parsed_content_list": ["icon 0: Mail"]}, "a.png", "bad_record"),
        ({"image": "a.png", "parsed_content_list": [{"bbox": [20, 10, 60, 30]}]}, "a.png", "bad_box"),
    ],
)
def test_a_record_that_cannot_be_used_is_one_reject(
    tmp_path: Path, record: object, uri: str, reason: str
) -> None:
    draw(tmp_path, "a.png", "b.png")
    good = {"image": "b.png", "boxes": [{"box": [1, 2, 30, 40]}]}
    found = read(ScreenshotsSource(str(tmp_path), annotations=boxes(tmp_path, record, good)))
    assert found[uri] == reason
    assert corners(found["b.png"]) == [(1, 2, 30, 40)]


def test_a_picture_that_the_model_was_not_asked_about_is_a_reject(tmp_path: Path) -> None:
    draw(tmp_path, "a.png", "b.png")
    table = boxes(tmp_path, {"image": "a.png", "boxes": []})
    assert read(ScreenshotsSource(str(tmp_path), annotations=table)) == {
        "a.png": Screen(),
        "b.png": "missing",
    }
    template = f"{tmp_path}/{{stem}}.json"
    assert read(ScreenshotsSource(str(tmp_path), annotations=template))["b.png"] == "missing"


def test_a_few_boxes_outside_are_left_out_and_mostly_such_are_refused() -> None:
    inside, outside = {"box": [1, 1, 9, 9]}, {"box": [900, 1, 909, 9]}
    listed = listed_elements([inside, outside, inside], "xyxy_px", 200, 100)
    assert len(listed.elements) == 2
    assert [one if isinstance(one, int) else one.reason for one in listed.of_list] == [0, "bad_box", 1]
    with pytest.raises(DataError, match="2 of 3 boxes"):
        listed_elements([inside, outside, outside], "xyxy_px", 200, 100)
    with pytest.raises(DataError, match="at most"):
        listed_elements([inside] * 20_001, "xyxy_px", 200, 100)


@given(
    corner=st.tuples(st.integers(0, 150), st.integers(0, 70)),
    sides=st.tuples(st.integers(2, 50), st.integers(2, 30)),
    convention=st.sampled_from(sorted(CONVENTIONS)),
)
def test_a_box_is_the_same_in_every_convention(
    corner: tuple[int, int], sides: tuple[int, int], convention: str
) -> None:
    has_corner, is_ratio = CONVENTIONS[convention]
    last = (corner[0] + sides[0], corner[1] + sides[1])
    box = np.array([*corner, *(last if has_corner else sides)]) / (np.tile([200, 100], 2) if is_ratio else 1)
    (one,) = listed_elements([{"box": box.tolist()}], convention, 200, 100).elements
    assert np.allclose([one.x0, one.y0, one.x1, one.y1], [*corner, *last])


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="boxes must be one of"):
        ScreenshotsSource("x", boxes="yxyx")
    with pytest.raises(ValueError, match="once"):
        ScreenshotsSource("x", annotations="{stem}/{stem}.json")


def test_pictures_are_recognised_as_a_last_resort_and_boxes_with_their_convention(tmp_path: Path) -> None:
    assert ScreenshotsSource.recognise(str(tmp_path)) is None
    draw(tmp_path, "a.png")
    alone = ScreenshotsSource.recognise(str(tmp_path))
    assert alone is not None and alone.is_fallback and alone.settings == {"path": str(tmp_path)}
    table = boxes(tmp_path, {"image": "a.png", "boxes": [{"box": [150, 50, 40, 20]}]})
    found = ScreenshotsSource.recognise(str(tmp_path))
    assert found is not None and not found.is_fallback
    assert found.settings == {"path": str(tmp_path), "annotations": table, "boxes": "xywh_px"}


def test_changed_boxes_are_noticed(tmp_path: Path) -> None:
    draw(tmp_path, "a.png")
    record: dict[str, Any] = {"image": "a.png", "boxes": [{"box": [1, 2, 30, 40]}]}
    source = ScreenshotsSource(str(tmp_path), annotations=boxes(tmp_path, record))
    (item,) = source.items(0)
    refs = source.scan(item, ShotSettings(), ClipSettings(), 32).refs
    boxes(tmp_path, {"image": "a.png", "boxes": [{"box": [1, 2, 30, 44]}]})
    ((_, clip),) = source.read(refs, ClipSettings())
    assert isinstance(clip, DataError) and clip.reason == "changed_input"
