"""Rico: which screens are listed, what their view hierarchies and icon labels become, and what is refused."""

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
from somtom.sources.rico import RicoSource
from somtom.sources.view_hierarchy import (
    MAX_VIEWS,
    View,
    parse_box,
    plain_text,
    text_at,
    to_elements,
    walk_tree,
)


def view(bounds: object, *children: object, **more: object) -> dict[str, Any]:
    """A view as Rico writes it."""
    return {
        "bounds": bounds,
        "class": "android.widget.TextView",
        "clickable": False,
        "visible-to-user": True,
        "visibility": "visible",
        "content-desc": [None],
        "children": list(children),
        **more,
    }


def tree(*children: object) -> dict[str, Any]:
    """A whole view hierarchy."""
    root = view([0, 0, 1440, 2560], *children)
    return {"activity_name": "org.drawn/.Main", "activity": {"root": root}, "request_id": "1"}


def draw(folder: Path, name: str, hierarchy: object = None, size: tuple[int, int] = (540, 960)) -> Path:
    """One screen: a picture and, if it has one, its view hierarchy."""
    picture = np.full((size[1], size[0], 3), 90, np.uint8)
    Image.fromarray(picture).save(folder / f"{name}.jpg", format="PNG")
    if hierarchy is not None:
        (folder / f"{name}.json").write_text(json.dumps(hierarchy))
    return folder


def scan_all(source: RicoSource) -> dict[str, Clip | DataError | str]:
    """What each screen gives, by its uri: a clip, the error of reading it, or the reason of its reject."""
    found: dict[str, Clip | DataError | str] = {}
    clips = ClipSettings()
    for item in source.items(0):
        scan = source.scan(item, ShotSettings(), clips, 32)
        found[item.uri] = scan.reject.reason if scan.reject else ""
        for _, clip in source.read(scan.refs, clips):
            found[item.uri] = clip
    return found


def only(source: RicoSource) -> Screen:
    """The one screen of a source."""
    (clip,) = scan_all(source).values()
    if isinstance(clip, DataError):
        raise clip
    assert isinstance(clip, Clip) and clip.annotation.screen is not None
    return clip.annotation.screen


def test_bounds_are_scaled_from_the_screen_to_the_picture(tmp_path: Path) -> None:
    button = view([144, 256, 288, 512], clickable=True, text="OK", **{"class": "android.widget.Button"})
    screen = only(RicoSource(str(draw(tmp_path, "7", tree(button)))))
    (found,) = screen.elements
    assert (found.x0, found.y0, found.x1, found.y1) == (54, 96, 108, 192)
    assert (found.text, found.role, found.actionable, found.visible) == ("OK", "Button", True, True)
    assert screen.action.kind == ""


def test_a_screen_held_sideways_has_its_bounds_sideways(tmp_path: Path) -> None:
    button = view([1280, 720, 2560, 1440], clickable=True)
    hierarchy = {"activity": {"root": view([0, 0, 2560, 1440], button)}}
    (found,) = only(RicoSource(str(draw(tmp_path, "7", hierarchy, (960, 540))))).elements
    assert (found.x0, found.y0, found.x1, found.y1) == (480, 270, 960, 540)


def test_views_that_say_or_do_something_are_kept_in_order_and_null_ones_skipped(tmp_path: Path) -> None:
    row = view([0, 0, 1440, 200], view([10, 10, 500, 100], text="検索 بحث"), None, clickable=True)
    hidden = view([0, 300, 1440, 400], clickable=True, **{"visible-to-user": False})
    gone = view([0, 300, 1440, 400], clickable=True, visibility="gone")
    dead = view([0, 500, 1440, 600], clickable=True, enabled=False, **{"content-desc": ["Send"]})
    field = view([0, 700, 1440, 800], **{"class": "android.support.v7.widget.AppCompatEditText"})
    hierarchy = tree(row, hidden, gone, dead, view([0, 0, 9, 9]), field)
    found = only(RicoSource(str(draw(tmp_path, "7", hierarchy)))).elements
    assert [(one.text, one.actionable, one.visible) for one in found] == [
        ("", True, True),
        ("検索 بحث", False, True),
        ("", True, False),
        ("", True, False),
        ("Send", False, True),
        ("", True, True),
    ]


def test_trees_with_semantic_labels_start_with_the_root_itself(tmp_path: Path) -> None:
    for name in ("combined", "labels"):
        (tmp_path / name).mkdir()
    hierarchy = view([0, 0, 1440, 2560], view([0, 0, 99, 99], clickable=True, componentLabel="Icon"))
    draw(tmp_path / "combined", "7")
    (tmp_path / "labels/7.json").write_text(json.dumps(hierarchy))
    source = RicoSource(str(tmp_path), picture="combined/{id}.jpg", hierarchy="labels/{id}.json")
    (found,) = only(source).elements
    assert found.role == "Icon"


def test_screens_of_one_app_share_a_group(tmp_path: Path) -> None:
    folder = draw(draw(tmp_path, "7", tree()), "8", tree())
    details = tmp_path / "ui_details.csv"
    details.write_text("UI Number,App Package Name,Interaction Trace Number\n8,com.other,0\n")
    groups = []
    for source in (
        RicoSource(str(folder), dataset="r"),
        RicoSource(str(folder), dataset="r", details=str(details)),
    ):
        scans = [source.scan(item, ShotSettings(), ClipSettings(), 32) for item in source.items(0)]
        groups.append([scan.refs[0].group for scan in scans])
    assert groups == [["r/org.drawn", "r/org.drawn"], ["r/org.drawn", "r/com.other"]]


def test_icons_of_semantics_are_shares_of_the_picture(tmp_path: Path) -> None:
    icon = {"xmin": 0.5, "ymin": 0.25, "xmax": 0.75, "ymax": 0.5, "label": "ICON_PLUS:ADD_ITEM"}
    semantics = tmp_path / "rico_semantics.json"
    semantics.write_text(
        json.dumps([{"screen_id": "7", "screen_elements": [icon, {**icon, "label": "ICON_X:OTHER"}]}])
    )
    source = RicoSource(str(draw(tmp_path, "7")), semantics=str(semantics))
    first, second = only(source).elements
    assert (first.x0, first.y0, first.x1, first.y1) == (270, 240, 405, 480)
    assert [(one.text, one.role) for one in (first, second)] == [("add item", "ICON_PLUS"), ("", "ICON_X")]


def test_views_and_icons_of_one_screen_come_together(tmp_path: Path) -> None:
    icon = {"xmin": 0.5, "ymin": 0.25, "xmax": 0.75, "ymax": 0.5, "label": "ICON_PLUS:ADD"}
    semantics = tmp_path / "rico_semantics.json"
    semantics.write_text(json.dumps([{"screen_id": 7, "screen_elements": [icon]}]))
    folder = draw(tmp_path, "7", tree(view([0, 0, 99, 99], clickable=True)))
    assert len(only(RicoSource(str(folder), semantics=str(semantics))).elements) == 2


@pytest.mark.parametrize(
    ("hierarchy", "reason"),
    [
        ("text", "bad_record"),
        ({"activity": None}, "bad_record"),
        ({"activity": {"root": [1]}}, "bad_record"),
        ({"activity": {"root": view([0, 0, 9, 9], 7)}}, "bad_record"),
        ({"activity": {"root": view([0, 0, 9, 9], children=7)}}, "bad_record"),
        ({"activity": {"root": None}}, "bad_record"),
        ({"activity": {"root": view([0, 0, "9", 9])}}, "bad_box"),
        ({"activity": {"root": view([0, 0, 1e30, 9])}}, "bad_box"),
        ({"activity": {"root": view([0, 0, 9])}}, "bad_box"),
        ({"activity": {"root": view([5000, 0, 6000, 9])}}, "bad_box"),
        (tree(view([700, 900, 100, 90]), view([900, 90, 40, 40]), view([500, 500, 40, 40])), "bad_box"),
    ],
)
def test_a_malformed_hierarchy_is_one_reject(tmp_path: Path, hierarchy: object, reason: str) -> None:
    good = tree(view([0, 0, 99, 99], clickable=True))
    found = scan_all(RicoSource(str(draw(draw(tmp_path, "7", hierarchy), "8", good))))
    bad = found["7.jpg"]
    assert isinstance(bad, DataError) and bad.reason == reason
    assert isinstance(found["8.jpg"], Clip)


def test_screens_with_a_part_missing_are_rejected_alone(tmp_path: Path) -> None:
    draw(draw(tmp_path, "7"), "8", tree(view([0, 0, 99, 99], clickable=True)))
    (tmp_path / "9.json").write_text(json.dumps(tree()))
    (tmp_path / "10.json").write_text('{"activity": {"root": ')
    (tmp_path / "10.jpg").write_bytes((tmp_path / "8.jpg").read_bytes())
    (tmp_path / "rico_semantics.json").write_text("[]")
    found = scan_all(RicoSource(str(tmp_path)))
    assert isinstance(found.pop("8.jpg"), Clip)
    assert found == {"7.jpg": "missing", "9.jpg": "missing", "10.jpg": "bad_record"}


def test_a_picture_of_other_proportions_than_the_screen_is_refused(tmp_path: Path) -> None:
    found = scan_all(RicoSource(str(draw(tmp_path, "7", tree(), (960, 960)))))["7.jpg"]
    assert isinstance(found, DataError) and found.reason == "bad_box"


def test_bad_entries_of_semantics_are_one_reject_each(tmp_path: Path) -> None:
    icon = {"xmin": 0.5, "ymin": 0.25, "xmax": 0.75, "ymax": 0.5, "label": "ICON_PLUS:ADD"}
    pixels = {"xmin": 10, "ymin": 20, "xmax": 30, "ymax": 40, "label": "ICON_PLUS:ADD"}
    entries = [
        {"screen_id": "7", "screen_elements": [icon]},
        {"screen_id": "8", "screen_elements": [pixels]},
        {"screen_id": "9", "screen_elements": [7]},
        {"screen_id": "../../7", "screen_elements": []},
        {"screen_id": "11", "screen_elements": None},
        "nothing",
        {"screen_id": "12", "screen_elements": []},
    ]
    semantics = tmp_path / "rico_semantics.json"
    semantics.write_text(json.dumps(entries))
    for name in ("7", "8", "9"):
        draw(tmp_path, name)
    found = scan_all(RicoSource(str(tmp_path), semantics=str(semantics), hierarchy=""))
    assert len(found) == len(entries)
    reasons = {uri: one.reason if isinstance(one, DataError) else one for uri, one in found.items()}
    assert isinstance(reasons.pop("7.jpg"), Clip)
    assert reasons == {
        "8.jpg": "bad_box",
        "9.jpg": "bad_record",
        "semantics#entry=4": "bad_record",
        "semantics#entry=5": "bad_record",
        "semantics#entry=6": "bad_record",
        "12.jpg": "missing",
    }


def test_trees_are_walked_parents_first_however_deep() -> None:
    root: dict[str, Any] = {"n": 0}
    for number in range(1, MAX_VIEWS):
        root = {"n": number, "children": [root]}
    assert [one["n"] for one in walk_tree(root)] == list(range(MAX_VIEWS - 1, -1, -1))
    with pytest.raises(DataError):
        list(walk_tree({"children": [root]}))


@given(st.lists(st.tuples(*[st.integers(0, 500)] * 4), min_size=1, max_size=20), st.floats(0.1, 4))
def test_scaling_keeps_every_kept_view_and_its_box(boxes: list[tuple[int, ...]], scale: float) -> None:
    corners = [(x, y, x + width + 1, y + height + 1) for x, y, width, height in boxes]
    views = [View(parse_box([[x0, y0], [x1, y1]]), actionable=True) for x0, y0, x1, y1 in corners]
    found = to_elements(views, scale, scale, 2048, 2048)
    assert [(one.x0, one.y0, one.x1, one.y1) for one in found] == [
        tuple(value * scale for value in box) for box in corners
    ]


def test_text_is_one_line_of_any_script() -> None:
    assert plain_text(None, "", [None, "a"], "b") == "a"
    assert plain_text("नमस्ते\n😀\ud800") == "नमस्ते 😀?"


def test_what_is_done_at_a_point_is_named_by_what_acts_there() -> None:
    row, label, page = (0.0, 0.0, 100.0, 20.0), (5.0, 5.0, 30.0, 15.0), (0.0, 0.0, 100.0, 200.0)
    texts = [View((5.0, 20.0 + 9 * n, 30.0, 29.0 + 9 * n), f"t{n}") for n in range(5)]
    views = [View(page, actionable=True), View(row, actionable=True), View(label, "Alarms"), *texts]
    assert text_at(views, 80, 10) == text_at(views, 10, 10) == "Alarms"
    assert text_at(views, 80, 100) == text_at(views, 500, 10) == ""
    assert text_at(texts, 10, 25) == "t0"


def test_settings_that_name_no_screen_are_refused() -> None:
    settings: list[dict[str, Any]] = [
        {"picture": "a.jpg"},
        {"picture": "../{id}.jpg"},
        {"hierarchy": "a"},
        {"hierarchy": ""},
    ]
    for wrong in settings:
        with pytest.raises(ValueError):
            RicoSource("p", **wrong)


def test_real_icons_are_what_the_file_says(test_data: Path) -> None:
    folder = test_data / "ui/rico"
    found = RicoSource.recognise(str(folder))
    assert found is not None
    listed = json.loads((folder / "rico_semantics_val_excerpt.json").read_text())
    whole = RicoSource(str(folder), semantics=str(folder / "rico_semantics_val_excerpt.json"), hierarchy="")
    assert sorted(item.uri for item in whole.items(0)) == sorted(f"{one['screen_id']}.jpg" for one in listed)
    said = json.loads((folder / "rico_semantics_for_images.json").read_text())[0]["screen_elements"]
    settings: dict[str, Any] = {**found.settings, "dataset": "rico"}
    elements = only(RicoSource(**settings)).elements
    width, height = Image.open(folder / "10.jpg").size
    assert [(one.x0 / width, one.y0 / height, one.x1 / width, one.y1 / height) for one in elements] == [
        pytest.approx([icon["xmin"], icon["ymin"], icon["xmax"], icon["ymax"]]) for icon in said
    ]
