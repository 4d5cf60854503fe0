"""DOM dumps: CSS pixels become pixels of the picture, and dumps that do not fit it are refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from somtom.schemas.annotation import Screen
from somtom.schemas.clips import Clip
from somtom.schemas.reasons import DataError
from somtom.schemas.settings import ClipSettings, ShotSettings
from somtom.sources.dom import DomSource, _Page

BUTTON = {"tag": "button", "role": None, "name": "OK", "bbox_css": [10, 20, 30, 15], "markable": True}


def dump(*elements: object, **more: object) -> dict[str, Any]:
    """The dump of a viewport of 200 x 100 CSS pixels."""
    return {
        "image": "page.png",
        "viewport": [200, 100],
        "device_scale_factor": 1,
        "scroll": [0, 0],
        "full_page": False,
        "elements": list(elements),
        **more,
    }


def write(folder: Path, tree: object, size: tuple[int, int] = (200, 100)) -> DomSource:
    """One page as a source."""
    Image.fromarray(np.full((size[1], size[0], 3), 90, np.uint8)).save(folder / "page.png")
    (folder / "page.json").write_text(tree if isinstance(tree, str) else json.dumps(tree))
    return DomSource(str(folder))


def read(source: DomSource) -> Screen:
    """The screen of the only page; raises why there is none."""
    (item,) = source.items(0)
    scan = source.scan(item, ShotSettings(), ClipSettings(), 32)
    if scan.reject:
        raise DataError(scan.reject.reason, scan.reject.message)
    ((_, clip),) = source.read(scan.refs, ClipSettings())
    if isinstance(clip, DataError):
        raise clip
    assert isinstance(clip, Clip) and clip.annotation.screen is not None
    return clip.annotation.screen


def test_css_pixels_are_multiplied_by_the_device_pixel_ratio(tmp_path: Path) -> None:
    screen = read(write(tmp_path, dump(BUTTON, device_scale_factor=2), (400, 200)))
    (one,) = screen.elements
    assert (one.x0, one.y0, one.x1, one.y1) == (20, 40, 80, 70)
    assert (one.text, one.role, one.actionable, one.visible) == ("OK", "button", True, True)
    assert screen.action.kind == "" and screen.action.targets == ()


def test_boxes_of_a_full_page_are_moved_by_the_scroll_and_those_of_a_viewport_are_not(tmp_path: Path) -> None:
    full = dump(BUTTON, scroll=[0, 50], full_page=True)
    assert read(write(tmp_path, full, (200, 400))).elements[0].y0 == 70
    assert read(write(tmp_path, dump(BUTTON, scroll=[0, 50]))).elements[0].y0 == 20


def test_occluded_elements_are_invisible_and_disabled_ones_cannot_be_acted_on(tmp_path: Path) -> None:
    page = dump({**BUTTON, "markable": False}, {**BUTTON, "enabled": False}, BUTTON)
    flags = [(one.visible, one.actionable) for one in read(write(tmp_path, page)).elements]
    assert flags == [(False, True), (True, False), (True, True)]


@pytest.mark.parametrize(
    ("members", "role"),
    [
        ({"tag": "a", "role": "button"}, "button"),
        ({"tag": "input", "type": "checkbox"}, "checkbox"),
        ({"tag": "input", "type": "submit"}, "button"),
        ({"tag": "input", "type": "text"}, "input"),
        ({"tag": "li"}, "li"),
    ],
)
def test_a_role_is_what_aria_says_or_the_tag(tmp_path: Path, members: dict[str, str], role: str) -> None:
    assert read(write(tmp_path, dump({**members, "bbox_css": [0, 0, 9, 9]}))).elements[0].role == role


@pytest.mark.parametrize("text", ["検索", "ابحث", "खोजें", "🔍 \u202e", "a\n b", "\x00"])
def test_names_and_texts_in_any_script_are_kept_on_one_line(tmp_path: Path, text: str) -> None:
    page = dump({**BUTTON, "name": text}, texts=[{"text": text, "bbox_css": [0, 0, 5, 5]}])
    button, written = read(write(tmp_path, page)).elements
    assert button.text == written.text == " ".join(text.split()).replace("\x00", "")
    assert not written.actionable


@pytest.mark.parametrize(
    ("tree", "reason"),
    [
        ("{", "bad_record"),
        ("[]", "bad_record"),
        (dump() | {"elements": None}, "bad_record"),
        (dump(7), "bad_record"),
        (dump(BUTTON, texts=7), "bad_record"),
        (dump(BUTTON, device_scale_factor=0), "bad_record"),
        (dump(BUTTON, device_scale_factor="2"), "bad_record"),
        (dump(BUTTON, device_scale_factor=1e9), "bad_record"),
        (dump(BUTTON, viewport=[200]), "bad_record"),
        (dump(BUTTON, viewport=["200", 100]), "bad_record"),
        (dump(BUTTON, scroll=[0, 10**400], full_page=True), "bad_record"),
        (dump({**BUTTON, "bbox_css": None}), "bad_box"),
        (dump({**BUTTON, "bbox_css": [1, 2, 3]}), "bad_box"),
        (dump({**BUTTON, "bbox_css": [1, 2, "3", 4]}), "bad_box"),
        (dump({**BUTTON, "bbox_css": [50, 50, -10, 10]}), "bad_box"),
        (dump({**BUTTON, "bbox_css": [500, 50, 10, 10]}), "bad_box"),
        ('{"image": "page.png", "elements": [{"bbox_css": [NaN, 0, 1, 1]}]}', "bad_record"),
        (dump(BUTTON, device_scale_factor=2), "bad_box"),
        (dump(BUTTON, image_size=[400, 200]), "bad_box"),
        (dump(BUTTON, image="../page.png"), "unsafe_path"),
        (dump(BUTTON, image="/etc/passwd"), "unsafe_path"),
        (dump(BUTTON, image=None), "bad_record"),
        (dump(BUTTON, image="other.png"), "missing"),
        (dump(BUTTON, image="page.json"), "not_image"),
        (dump(*[BUTTON] * 20_001), "unsupported"),
    ],
)
def test_a_dump_that_cannot_be_used_is_one_reject(tmp_path: Path, tree: object, reason: str) -> None:
    with pytest.raises(DataError) as caught:
        read(write(tmp_path, tree))
    assert caught.value.reason == reason


def test_a_page_without_elements_has_an_empty_screen(tmp_path: Path) -> None:
    assert read(write(tmp_path, dump())).elements == ()


def test_pages_of_one_site_share_a_group(tmp_path: Path) -> None:
    source = write(tmp_path, dump(BUTTON, url="https://shop.example/a?b"))
    (item,) = source.items(0)
    (ref,) = source.scan(item, ShotSettings(), ClipSettings(), 32).refs
    assert ref.group == f"{tmp_path.name}/shop.example"
    assert (ref.kind, ref.uri, ref.instruction, ref.frames, ref.start_s) == ("dom", "page.json", "", (0,), -1)


def test_a_changed_dump_is_noticed(tmp_path: Path) -> None:
    source = write(tmp_path, dump(BUTTON))
    (item,) = source.items(0)
    refs = source.scan(item, ShotSettings(), ClipSettings(), 32).refs
    write(tmp_path, dump(BUTTON, BUTTON))
    ((_, clip),) = source.read(refs, ClipSettings())
    assert isinstance(clip, DataError) and clip.reason == "changed_input"


@given(
    box=st.tuples(*[st.floats(0, 50)] * 4),
    ratio=st.sampled_from([1.0, 1.25, 2.0, 3.0]),
    scroll=st.tuples(st.floats(0, 500), st.floats(0, 500)),
)
def test_scaling_keeps_a_box_where_it_is(
    box: tuple[float, ...], ratio: float, scroll: tuple[float, float]
) -> None:
    page = dump(
        {**BUTTON, "bbox_css": list(box)}, device_scale_factor=ratio, scroll=list(scroll), full_page=True
    )
    (one,) = _Page("a.json", "a.json", page).screen(0, 10_000, 10_000).elements
    x, y, wide, high = box
    assert np.allclose(
        [one.x0, one.y0, one.x1 - one.x0, one.y1 - one.y0],
        np.array([x + scroll[0], y + scroll[1], wide, high]) * ratio,
    )


def test_a_folder_of_dumps_is_recognised_and_others_are_not(tmp_path: Path) -> None:
    assert DomSource.recognise(str(tmp_path)) is None
    (tmp_path / "notes.json").write_text('{"elements": [1]}')
    assert DomSource.recognise(str(tmp_path)) is None
    write(tmp_path, dump(BUTTON))
    found = DomSource.recognise(str(tmp_path))
    assert found is not None and found.settings == {"path": str(tmp_path)}
    assert DomSource.recognise(str(tmp_path / "nowhere")) is None


def test_real_pages_have_the_boxes_that_the_renderer_gave_in_pixels(test_data: Path) -> None:
    source = DomSource(str(test_data / "ui" / "rendered"))
    pages = 0
    for item in source.items(0):
        (ref,) = source.scan(item, ShotSettings(), ClipSettings(), 32).refs
        ((_, clip),) = source.read([ref], ClipSettings())
        assert isinstance(clip, Clip) and clip.annotation.screen is not None
        told = json.loads((test_data / "ui" / "rendered" / item.uri).read_text())
        size = np.tile(told["image_size"], 2)
        assert (clip.source_width, clip.source_height) == tuple(told["image_size"])
        got = [one for one in clip.annotation.screen.elements if one.role != "text"]
        assert len(got) == len(told["elements"])
        for one, true in zip(got, told["elements"], strict=True):
            box = np.clip([one.x0, one.y0, one.x1, one.y1], 0, size)
            assert np.abs(box - true["bbox_px_xyxy"]).max() <= 0.11
            assert one.visible == true["markable"]
        pages += 1
    assert pages == 13
