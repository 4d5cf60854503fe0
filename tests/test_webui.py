import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from screens import corners, make_screens, reasons_of, screen_of

from somtom.schemas.clips import Clip
from somtom.schemas.reasons import DataError
from somtom.sources.webui import WebUiSource
from somtom.sources.webui_page import MAX_BYTES, make_elements, read_gzipped_json

DEVICE = "iPhone-13 Pro"
WIDTH, HEIGHT = 100, 200  # CSS pixels


def node(number: int, role: str, name: str = "", **properties: Any) -> dict[str, Any]:
    return {
        "nodeId": str(1000 + number),
        "ignored": False,
        "role": {"type": "role", "value": role},
        "name": {"type": "computedString", "value": name},
        "properties": [
            {"name": key, "value": {"type": "boolean", "value": value}} for key, value in properties.items()
        ],
        "backendDOMNodeId": number,
    }


def box(x: float, y: float, width: float, height: float) -> dict[str, float]:
    return {"x": x, "y": y, "width": width, "height": height}


NODES = [
    node(1, "RootWebArea", "Lamps", focusable=True),
    node(2, "link", "Shop 電燈", focusable=True),
    node(3, "button", "Buy", disabled=True),
    node(4, "StaticText", "Only today"),
    node(5, "generic", focusable=True),
    node(6, "paragraph"),
    node(7, "link", "below"),
    node(8, "link", "not rendered"),
    {**node(9, "link", "ignored"), "ignored": True},
    node(10, "img", ""),
]
BOXES: dict[str, Any] = {
    "1": box(0, 0, WIDTH, HEIGHT),
    "2": box(10, 20, 30.5, 10),
    "3": box(10, 40, 30, 10),
    "4": box(10, 60, 60, 10),
    "5": box(10, 80, 60, 10),
    "6": box(0, 0, 50, 50),
    "7": box(10, 300, 60, 10),
    "8": None,
    "9": box(0, 0, 5, 5),
    "10": box(0, 0, 5, 5),
}
SEEN = {"2": True, "3": True, "5": True, "7": False}


def write_page(folder: Path, device: str = DEVICE, scale: float = 3, **changed: Any) -> None:
    """Write a page's files; `None` in place of one leaves it out, bytes are written as they are."""
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, Any] = {
        "axtree": {"nodes": NODES},
        "bb": BOXES,
        "viewport": SEEN,
        "url": "https://a.example/x\n",
    }
    for name, content in {**files, **changed}.items():
        if name == "url":
            if content is not None:
                (folder / f"{device}-url.txt").write_text(content)
        elif content is not None:
            data = content if isinstance(content, bytes) else gzip.compress(json.dumps(content).encode())
            (folder / f"{device}-{name}.json.gz").write_bytes(data)
    size = (round(WIDTH * scale), round(HEIGHT * scale))
    Image.new("RGB", size, (200, 0, 0)).save(folder / f"{device}-screenshot.webp")
    Image.new("RGB", (size[0], 2 * size[1])).save(folder / f"{device}-screenshot-full.webp")


def test_a_page_on_a_device_is_an_item_with_elements_in_pixels_of_its_screenshot(tmp_path: Path) -> None:
    write_page(tmp_path / "17")
    ((ref, clip),), rejects = make_screens(WebUiSource(path=str(tmp_path), dataset="w"))
    assert not rejects
    assert (ref.uri, ref.group, ref.instruction, ref.history) == (
        f"17/{DEVICE}-screenshot.webp",
        "w/a.example",
        "",
        0,
    )
    screen = screen_of(clip)
    assert screen.action.kind == "" and screen.action.targets == ()
    assert [(one.text, one.role, one.actionable, one.visible) for one in screen.elements] == [
        ("Shop 電燈", "link", True, True),
        ("Buy", "button", False, True),
        ("Only today", "StaticText", False, True),
        ("", "generic", True, True),
        ("below", "link", True, False),
    ]
    assert corners(screen.elements[0]) == (30.0, 60.0, 121.5, 90.0)


def test_in_a_full_screenshot_what_is_below_the_first_screen_is_seen(tmp_path: Path) -> None:
    write_page(tmp_path / "17")
    ((_, clip),), _ = make_screens(WebUiSource(path=str(tmp_path), screenshot="full"))
    assert isinstance(clip, Clip) and (clip.source_width, clip.source_height) == (300, 1200)
    below = screen_of(clip).elements[-1]
    assert (below.visible, corners(below)) == (True, (30.0, 900.0, 210.0, 930.0))


def test_devices_are_items_of_one_group_and_can_be_chosen(tmp_path: Path) -> None:
    write_page(tmp_path / "17", "default_100-200", 1)
    write_page(tmp_path / "17", url=None)
    write_page(tmp_path / "18", url=None)
    made, _ = make_screens(WebUiSource(path=str(tmp_path), dataset="w"))
    assert [(ref.uri, ref.group) for ref, _ in made] == [
        ("17/default_100-200-screenshot.webp", "w/a.example"),
        (f"17/{DEVICE}-screenshot.webp", "w/a.example"),
        (f"18/{DEVICE}-screenshot.webp", "w/18"),
    ]
    chosen, _ = make_screens(WebUiSource(path=str(tmp_path), devices=("default_100-200",)))
    assert [ref.uri for ref, _ in chosen] == ["17/default_100-200-screenshot.webp"]


@pytest.mark.parametrize(
    ("drawn", "settings", "reason"),
    [
        (3, {"scale": 3.0}, ""),
        (3, {"scale": 1.0}, "bad_box"),
        (2.5, {}, ""),
        (3, {"screenshot": "full", "scale": 2.0}, "bad_box"),
    ],
)
def test_the_scale_is_held_against_the_page(
    tmp_path: Path, drawn: float, settings: dict[str, Any], reason: str
) -> None:
    write_page(tmp_path / "17", scale=drawn)
    made, _ = make_screens(WebUiSource(path=str(tmp_path), **settings))
    assert reasons_of(made) == [reason]
    assert not reason or "set scale (3 would fit" in str(made[0][1])


def test_a_screenshot_of_another_shape_than_the_device_is_rejected(tmp_path: Path) -> None:
    write_page(tmp_path / "17")
    (tmp_path / f"17/{DEVICE}-screenshot-full.webp").rename(tmp_path / f"17/{DEVICE}-screenshot.webp")
    assert reasons_of(make_screens(WebUiSource(path=str(tmp_path)))[0]) == ["bad_box"]


def test_a_page_whose_root_has_no_box_needs_its_scale_set(tmp_path: Path) -> None:
    write_page(tmp_path / "17", bb={**BOXES, "1": None})
    assert reasons_of(make_screens(WebUiSource(path=str(tmp_path)))[0]) == ["bad_box"]
    assert reasons_of(make_screens(WebUiSource(path=str(tmp_path), scale=3.0))[0]) == [""]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"axtree": None}, "missing"),
        ({"bb": None}, "missing"),
        ({"viewport": None}, ""),
        ({"viewport": b"broken"}, ""),
        ({"axtree": b"not gzip"}, "unreadable"),
        ({"axtree": b""}, "bad_record"),
        ({"axtree": gzip.compress(b'{"nodes": []}')[:-9]}, "unreadable"),
        ({"axtree": gzip.compress(b"not json")}, "bad_record"),
        ({"axtree": gzip.compress(b"\xff\xfe")}, "bad_record"),
        ({"axtree": [1, 2]}, "bad_record"),
        ({"axtree": {"nodes": {}}}, "bad_record"),
        ({"axtree": {"nodes": [None, 3, {}, {"backendDOMNodeId": 4, "role": 7, "name": []}]}}, "bad_box"),
        ({"bb": {"1": [0, 0, 1, 1]}}, "bad_box"),
        ({"bb": gzip.compress(b'{"1": {"x": NaN}}')}, "bad_record"),
    ],
)
def test_a_broken_file_is_one_reject_and_other_pages_are_built(
    tmp_path: Path, changed: dict[str, Any], reason: str
) -> None:
    write_page(tmp_path / "17", **changed)
    write_page(tmp_path / "18")
    made, rejects = make_screens(WebUiSource(path=str(tmp_path)))
    assert sorted([*reasons_of(made), *rejects]) == sorted([reason, ""])


def test_a_page_without_its_screenshot_is_one_reject(tmp_path: Path) -> None:
    write_page(tmp_path / "17")
    (tmp_path / f"17/{DEVICE}-screenshot.webp").unlink()
    assert make_screens(WebUiSource(path=str(tmp_path))) == ([], {"missing": 1})


def test_a_file_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    bomb = tmp_path / "a.json.gz"
    with gzip.open(bomb, "wb") as file:
        for _ in range(MAX_BYTES // (1 << 20) + 1):
            file.write(bytes(1 << 20))
    assert bomb.stat().st_size < 100_000
    with pytest.raises(DataError) as found:
        read_gzipped_json(str(bomb))
    assert found.value.reason == "too_large"


@pytest.mark.parametrize(
    "broken", [{"x": 1}, box(0, 0, -5, 5), box(0, 0, 0, 5), {**box(0, 0, 5, 5), "x": "1"}, 7]
)
def test_boxes_that_are_none_are_left_out(broken: object) -> None:
    assert make_elements({"nodes": [node(2, "link", "x")]}, {"2": broken}, {}, 1.0) == ()


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="screenshot must be one of viewport, full"):
        WebUiSource(path="x", screenshot="page")
    with pytest.raises(ValueError, match="scale must be 0, or"):
        WebUiSource(path="x", scale=-1.0)


def test_the_real_page_is_read_as_it_is_written_on_both_devices(test_data: Path) -> None:
    made, rejects = make_screens(WebUiSource(path=str(test_data / "ui/webui")))
    assert not rejects
    assert [ref.uri for ref, _ in made] == [
        f"1656554031731/{device}-screenshot.webp" for device in ("default_1280-720", DEVICE)
    ]
    for (ref, clip), scale in zip(made, (1, 3), strict=True):
        stem = str(test_data / "ui/webui" / ref.uri.removesuffix("-screenshot.webp"))
        stored = {
            name: json.loads(gzip.decompress(Path(f"{stem}-{name}.json.gz").read_bytes()))
            for name in ("axtree", "bb", "viewport")
        }
        expected = []
        for one in stored["axtree"]["nodes"]:
            number = str(one["backendDOMNodeId"])
            found = stored["bb"][number]
            if not one["ignored"] and found and one["role"]["value"] in ("link", "button", "combobox"):
                x, y = found["x"] * scale, found["y"] * scale
                right, bottom = x + found["width"] * scale, y + found["height"] * scale
                seen = stored["viewport"][number]
                expected.append(
                    (one["name"]["value"], one["role"]["value"], seen, *map(float, (x, y, right, bottom)))
                )
        found_elements = [
            (one.text, one.role, one.visible, *corners(one))
            for one in screen_of(clip).elements
            if one.actionable
        ]
        assert len(expected) == (31 if scale == 1 else 23)
        assert [one[:3] for one in found_elements] == [one[:3] for one in expected]
        assert np.allclose([one[3:] for one in found_elements], [one[3:] for one in expected])


def test_its_folders_are_recognised(test_data: Path) -> None:
    for path in (test_data / "ui/webui", test_data / "ui/webui/1656554031731"):
        found = WebUiSource.recognise(str(path))
        assert found is not None and found.settings == {"path": str(path)}
        assert "default_1280-720, iPhone-13 Pro" in found.notes[0]
    assert WebUiSource.recognise(str(test_data / "ui/layouts")) is None
    assert WebUiSource.recognise(str(test_data / "absent")) is None
