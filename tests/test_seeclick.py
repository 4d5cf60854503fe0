import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from screens import draw_page, make_screens, reasons_of

from somtom.schemas.clips import Clip
from somtom.schemas.settings import ClipSettings, ShotSettings
from somtom.sources.seeclick import SeeClickSource

WIDTH, HEIGHT = 400, 200


def write_records(folder: Path, records: object, name: str = "web.json") -> SeeClickSource:
    (folder / name).write_text(json.dumps(records), encoding="utf-8")
    return SeeClickSource(path=str(folder / "images"), annotations=str(folder / name), dataset="toys")


def page(*elements: Any, name: str = "page.png", **more: Any) -> dict[str, Any]:
    return {"img_filename": name, "url": "https://shop.example/a", "elements": list(elements), **more}


def element(text: object, *box: float) -> dict[str, Any]:
    return {"instruction": text, "bbox": list(box), "data_type": "text"}


def test_each_element_of_a_page_becomes_a_sample_with_all_boxes_and_its_own_as_target(tmp_path: Path) -> None:
    draw_page(tmp_path / "images/page.png")
    source = write_records(
        tmp_path, [page(element("Buy", 0.1, 0.2, 0.3, 0.4), element("検索 🔍", 0.5, 0.5, 0.75, 1.0))]
    )
    made, rejects = make_screens(source)
    assert not rejects
    assert [ref.instruction for ref, _ in made] == ["Buy", "検索 🔍"]
    assert {ref.group for ref, _ in made} == {"toys/shop.example"}
    assert [(ref.uri, ref.position, ref.run, ref.history) for ref, _ in made] == [
        ("page.png", 0, 0, 0),
        ("page.png", 1, 0, 0),
    ]
    for step, (_, clip) in enumerate(made):
        assert isinstance(clip, Clip)
        assert (clip.source_width, clip.source_height, clip.frames.shape[0]) == (WIDTH, HEIGHT, 1)
        screen = clip.annotation.screen
        assert screen is not None
        assert screen.action.targets == (step,)
        assert [(one.x0, one.y0, one.x1, one.y1, one.text) for one in screen.elements] == [
            (40.0, 40.0, 120.0, 80.0, "Buy"),
            (200.0, 100.0, 300.0, 200.0, "検索 🔍"),
        ]


def test_the_same_input_gives_the_same_refs_and_pixels_twice(tmp_path: Path) -> None:
    draw_page(tmp_path / "images/page.png")
    source = write_records(tmp_path, [page(element("Buy", 0.1, 0.2, 0.3, 0.4))])
    (first, clip), (second, again) = make_screens(source)[0][0], make_screens(source)[0][0]
    assert first == second
    assert isinstance(clip, Clip) and isinstance(again, Clip)
    assert np.array_equal(clip.frames, again.frames)


def test_flat_mobile_records_of_one_picture_are_gathered(tmp_path: Path) -> None:
    draw_page(tmp_path / "images/1.jpg")
    draw_page(tmp_path / "images/2.jpg")
    flat = [
        {"img_filename": name, "instruction": text, "bbox": [0.1, 0.1, 0.2, 0.2 + at / 10]}
        for at, (name, text) in enumerate([("2.jpg", "a"), ("1.jpg", "b"), ("2.jpg", "c")])
    ]
    made, rejects = make_screens(write_records(tmp_path, flat))
    assert not rejects
    assert [(ref.uri, ref.instruction, ref.group) for ref, _ in made] == [
        ("1.jpg", "b", "toys/1.jpg"),
        ("2.jpg", "a", "toys/2.jpg"),
        ("2.jpg", "c", "toys/2.jpg"),
    ]
    clip = made[2][1]
    assert isinstance(clip, Clip) and clip.annotation.screen is not None
    assert len(clip.annotation.screen.elements) == 2


def test_a_bad_box_costs_its_own_sample_only(tmp_path: Path) -> None:
    draw_page(tmp_path / "images/page.png")
    source = write_records(
        tmp_path,
        [
            page(
                element("pixels", 40, 40, 120, 80),
                element("none", *[]),
                element("outside", 1.5, 1.5, 1.6, 1.6),
                element("", 0.1, 0.1, 0.2, 0.2),
                element(7, 0.1, 0.1, 0.2, 0.2),
                "text",
                element("fine", 0.1, 0.1, 0.2, 1.01),
            )
        ],
    )
    made, rejects = make_screens(source)
    assert not rejects
    assert reasons_of(made) == ["bad_box", "bad_box", "bad_box", "bad_record", "bad_record", "bad_record", ""]
    fine = made[-1][1]
    assert isinstance(fine, Clip) and fine.annotation.screen is not None
    assert len(fine.annotation.screen.elements) == 3
    assert fine.annotation.screen.action.targets == (2,)
    assert fine.annotation.screen.elements[2].y1 == HEIGHT


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (page(element("x", 0, 0, 1, 1), name="../page.png"), "unsafe_path"),
        (page(element("x", 0, 0, 1, 1), name="/etc/passwd"), "unsafe_path"),
        (page(element("x", 0, 0, 1, 1), name="a/../../page.png"), "unsafe_path"),
        (page(element("x", 0, 0, 1, 1), name=""), "bad_record"),
        (page(element("x", 0, 0, 1, 1), name="a\nb.png"), "bad_record"),
        ({"elements": [element("x", 0, 0, 1, 1)]}, "bad_record"),
        ({"img_filename": ["page.png"], "elements": []}, "bad_record"),
        (page(), "bad_record"),
        ({"img_filename": "page.png", "elements": "all"}, "bad_record"),
        ({"img_filename": "page.png", "captions": ["a page"]}, "unsupported"),
        (page(element("x", 0, 0, 1, 1), name="gone.png"), "missing"),
        ([1, 2], "bad_record"),
        (None, "bad_record"),
    ],
)
def test_a_bad_record_is_one_reject_and_the_rest_is_built(
    tmp_path: Path, record: object, reason: str
) -> None:
    draw_page(tmp_path / "images/page.png")
    draw_page(tmp_path / "images/other.png")
    good = page(element("x", 0, 0, 0.5, 0.5), name="other.png")
    made, rejects = make_screens(write_records(tmp_path, [record, good]))
    assert rejects == {reason: 1}
    assert reasons_of(made) == [""]


def test_a_file_cut_off_gives_what_was_whole_and_one_reject(tmp_path: Path) -> None:
    draw_page(tmp_path / "images/page.png")
    source = write_records(tmp_path, [page(element("x", 0, 0, 0.5, 0.5)), page(name="b.png")])
    file = tmp_path / "web.json"
    file.write_bytes(file.read_bytes()[:-20])
    made, rejects = make_screens(source)
    assert rejects == {"bad_record": 1}
    assert reasons_of(made) == [""]


def test_a_file_that_is_no_json_is_one_reject(tmp_path: Path) -> None:
    draw_page(tmp_path / "images/page.png")
    source = write_records(tmp_path, [])
    (tmp_path / "web.json").write_bytes(b"\x00\x01not json")
    assert make_screens(source) == ([], {"bad_record": 1})


def test_records_changed_after_planning_are_found_out(tmp_path: Path) -> None:
    draw_page(tmp_path / "images/page.png")
    source = write_records(tmp_path, [page(element("Buy", 0.1, 0.2, 0.3, 0.4))])
    item = next(iter(source.items(0)))
    refs = source.scan(item, ShotSettings(), ClipSettings(), 2).refs
    for other in ("Bye", "Purchase"):
        write_records(tmp_path, [page(element(other, 0.1, 0.2, 0.3, 0.4))])
        assert reasons_of(list(source.read(refs, ClipSettings()))) == ["changed_input"]


def test_places_are_right_in_any_script_and_behind_a_byte_order_mark(tmp_path: Path) -> None:
    draw_page(tmp_path / "images/page.png")
    texts = ["ünï", "日本語のボタン", "🙂" * 40_000, "עברית", "x"]
    records = [page(element(text, 0.1 * n, 0.2, 0.5, 0.4)) for n, text in enumerate(texts)]
    source = write_records(tmp_path, records)
    text = json.dumps(records, ensure_ascii=False, indent=1)
    (tmp_path / "web.json").write_text(text, encoding="utf-8-sig")
    made, rejects = make_screens(source)
    assert not rejects
    assert [ref.instruction for ref, _ in made] == [text[:10_000] for text in texts]


def test_every_element_of_the_drawn_pages_is_read_as_it_is_written(test_data: Path) -> None:
    annotations = test_data / "ui/layouts/seeclick_web.json"
    records = json.loads(annotations.read_text("utf-8"))
    source = SeeClickSource(path=str(test_data / "ui/rendered"), annotations=str(annotations))
    made, rejects = make_screens(source)
    assert not rejects
    expected = {}
    for record in records:
        with Image.open(test_data / "ui/rendered" / record["img_filename"]) as image:
            size = np.array([*image.size, *image.size])
        for step, one in enumerate(record["elements"]):
            expected[record["img_filename"], step] = (one["instruction"], np.array(one["bbox"]) * size)
    assert len(made) == len(expected) == 371
    for ref, clip in made:
        text, box = expected[ref.uri, ref.position]
        assert isinstance(clip, Clip) and clip.annotation.screen is not None
        target = clip.annotation.screen.elements[clip.annotation.screen.action.targets[0]]
        assert ref.instruction == " ".join(text.split())
        inside = np.clip(box, 0, [clip.source_width, clip.source_height] * 2)
        assert np.allclose([target.x0, target.y0, target.x1, target.y1], inside, atol=1e-6)


def test_3000_elements_on_one_screen_are_read(test_data: Path) -> None:
    source = SeeClickSource(
        path=str(test_data / "ui/rendered"),
        annotations=str(test_data / "hostile/ui/seeclick_dense_3000.json"),
    )
    made, _ = make_screens(source)
    assert reasons_of(made) == [""] * 3000


def test_its_files_are_recognised_with_the_folder_of_their_pictures(test_data: Path) -> None:
    layouts = test_data / "ui/layouts"
    found = SeeClickSource.recognise(str(layouts / "seeclick_web.json"))
    assert found is not None
    assert found.settings == {
        "path": str(test_data / "ui/rendered"),
        "annotations": str(layouts / "seeclick_web.json"),
    }
    assert SeeClickSource.recognise(str(layouts / "screenspot_web.json")) is None
    assert SeeClickSource.recognise(str(test_data / "ui/webui")) is None
    assert SeeClickSource.recognise(str(test_data / "absent")) is None
