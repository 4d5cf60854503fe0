"""AndroidControl: episodes in compressed TFRecord files, their accessibility trees, and bad ones."""

import gzip
import io
import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from protobufs import Messages, framed_payloads, message_class, read_example
from screens import corners, make_screens, reasons_of, screen_of
from tfrecords import Values, example, field, header, tfrecord, varint

from somtom.schemas.annotation import ScreenAction
from somtom.schemas.clips import Clip
from somtom.schemas.reasons import DataError
from somtom.schemas.settings import ClipSettings, ShotSettings
from somtom.sources.accessibility import parse_forest
from somtom.sources.android_control import AndroidControlSource

WIDTH, HEIGHT = 90, 160

# android_env/proto/a11y/*.proto
FOREST: Messages = {
    "Rect": {
        side: (number, "int32", False) for number, side in enumerate(("left", "top", "right", "bottom"), 1)
    },
    "Node": {
        "unique_id": (1, "int32", False),
        "bounds_in_screen": (2, "Rect", False),
        "class_name": (3, "string", False),
        "content_description": (4, "string", False),
        "hint_text": (5, "string", False),
        "text": (7, "string", False),
        "is_checkable": (12, "bool", False),
        "is_clickable": (14, "bool", False),
        "is_editable": (15, "bool", False),
        "is_enabled": (16, "bool", False),
        "is_long_clickable": (19, "bool", False),
        "is_visible_to_user": (23, "bool", False),
        "child_ids": (25, "int32", True),
        "tooltip_text": (31, "string", False),
    },
    "Tree": {"nodes": (1, "Node", True)},
    "Window": {
        "bounds_in_screen": (1, "Rect", False),
        "title": (5, "string", False),
        "tree": (11, "Tree", False),
    },
    "Forest": {"windows": (1, "Window", True)},
}
Forest = message_class(FOREST, "Forest")


def forest(*windows: list[dict[str, Any]]) -> bytes:
    """A forest of windows of nodes, written by protobuf; a node's `box` is left, top, right, bottom."""
    whole = Forest()
    for nodes in windows:
        tree = whole.windows.add(title="w").tree
        for number, node in enumerate(nodes):
            values = {"is_enabled": True, "is_visible_to_user": True, **node}
            left, top, right, bottom = values.pop("box", (0, 0, WIDTH, HEIGHT))
            bounds = {"left": left, "top": top, "right": right, "bottom": bottom}
            tree.nodes.add(unique_id=number, bounds_in_screen=bounds, child_ids=[number + 1], **values)
    data: bytes = whole.SerializeToString()
    return data


NODES = [
    {"class_name": "android.widget.FrameLayout"},
    {"box": (10, 20, 50, 60), "class_name": "android.widget.Button", "is_clickable": True, "text": "ثبت نام"},
]


def png(shade: int, size: tuple[int, int] = (WIDTH, HEIGHT)) -> bytes:
    """One screenshot."""
    file = io.BytesIO()
    Image.fromarray(np.full((size[1], size[0], 3), shade, np.uint8)).save(file, format="PNG")
    return file.getvalue()


def episode(identity: int, *actions: object, **more: Values) -> dict[str, Values]:
    """The features of one episode with these actions."""
    count = len(actions) + 1
    features: dict[str, Values] = {
        "episode_id": [identity],
        "goal": ["अलार्म लगाओ".encode()],
        "screenshots": [png(10 * identity + number) for number in range(count)],
        "screenshot_widths": [WIDTH] * count,
        "screenshot_heights": [HEIGHT] * count,
        "accessibility_trees": [forest(NODES)] * count,
        "actions": [one if isinstance(one, bytes) else json.dumps(one).encode() for one in actions],
        "step_instructions": [f"step {number}".encode() for number in range(count - 1)],
    }
    return {**features, **more}


CLICK = {"action_type": "click", "x": 30, "y": 40}
BACK = {"action_type": "navigate_back"}


def write(folder: Path, *episodes: dict[str, Values] | bytes, **settings: Any) -> AndroidControlSource:
    """Write one file of episodes, or of bytes that are none."""
    payloads = (one if isinstance(one, bytes) else example(one) for one in episodes)
    (folder / "android_control-00000-of-00001").write_bytes(gzip.compress(tfrecord(payloads), 1))
    return AndroidControlSource(str(folder), dataset="a", **settings)


def test_an_episode_gives_a_step_for_each_screenshot(tmp_path: Path) -> None:
    made, _ = make_screens(
        write(tmp_path, episode(1, CLICK, BACK), episode(2, BACK)), ClipSettings(history=2)
    )
    assert [screen_of(clip).action for _, clip in made] == [
        ScreenAction("click", "", (), (30, 40)),
        ScreenAction("back"),
        ScreenAction(),
        ScreenAction("back"),
        ScreenAction(),
    ]
    assert [ref.group for ref, _ in made] == ["a/episode 1"] * 3 + ["a/episode 2"] * 2
    clips = [clip for _, clip in made if isinstance(clip, Clip)]
    shown = [[int(picture[0, 0, 0]) for picture in (*clip.history, clip.frames[0])] for clip in clips]
    assert shown == [[10], [10, 11], [10, 11, 12], [20], [20, 21]]
    assert [one.text for one in clips[2].annotation.past] == ['click "ثبت نام"', "go back"]
    assert {ref.instruction for ref, _ in made} == {"अलार्म लगाओ"}


def test_the_instruction_may_be_that_of_the_step(tmp_path: Path) -> None:
    made, _ = make_screens(write(tmp_path, episode(1, CLICK, BACK), text="step"))
    assert [ref.instruction for ref, _ in made] == ["step 0", "step 1", ""]
    with pytest.raises(ValueError):
        AndroidControlSource("p", text="steps")


def test_nodes_of_the_tree_are_the_elements(tmp_path: Path) -> None:
    made, _ = make_screens(write(tmp_path, episode(1, CLICK)))
    (found,) = screen_of(made[0][1]).elements
    assert corners(found) == (10, 20, 50, 60)
    assert (found.text, found.role, found.actionable, found.visible) == ("ثبت نام", "Button", True, True)


def test_trees_in_pixels_of_a_larger_device_are_scaled_to_the_picture(tmp_path: Path) -> None:
    twice = episode(1, CLICK, screenshot_widths=[2 * WIDTH] * 2, screenshot_heights=[2 * HEIGHT] * 2)
    made, _ = make_screens(write(tmp_path, twice))
    screen = screen_of(made[0][1])
    assert corners(screen.elements[0]) == (5, 10, 25, 30) and screen.action.point == (15, 20)


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ({"action_type": "long_press", "x": 1, "y": 2}, ScreenAction("long_press", "", (), (1, 2))),
        ({"action_type": "type", "text": "こ", "x": 1.5, "y": 2}, ScreenAction("type", "こ", (), (1.5, 2))),
        ({"action_type": "input_text", "text": " a\nb "}, ScreenAction("type", "a b")),
        ({"action_type": "scroll", "direction": "down"}, ScreenAction("scroll", "down")),
        ({"action_type": "open_app", "app_name": "Clock"}, ScreenAction("open", "Clock")),
        ({"action_type": "navigate_home"}, ScreenAction("home")),
        ({"action_type": "wait"}, ScreenAction("wait")),
    ],
)
def test_each_action_is_read(tmp_path: Path, said: object, wanted: ScreenAction) -> None:
    made, _ = make_screens(write(tmp_path, episode(1, said)))
    assert screen_of(made[0][1]).action == wanted


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"{", "bad_action"),
        (b"[]", "bad_action"),
        (b"\xff", "bad_action"),
        ({"action_type": 3}, "bad_action"),
        ({"action_type": "fly"}, "unsupported"),
        ({"action_type": "click", "x": 30}, "bad_action"),
        ({"action_type": "click", "x": "30", "y": 40}, "bad_action"),
        ({"action_type": "click", "x": 30, "y": HEIGHT + 1}, "bad_action"),
        ({"action_type": "click", "x": -1, "y": 4}, "bad_action"),
        ({"action_type": "input_text"}, "bad_action"),
        ({"action_type": "scroll", "direction": 7}, "bad_action"),
    ],
)
def test_a_malformed_action_is_one_reject(tmp_path: Path, said: object, reason: str) -> None:
    made, _ = make_screens(write(tmp_path, episode(1, CLICK, said, BACK)))
    assert reasons_of(made) == ["", reason, "", ""]


@pytest.mark.parametrize(
    ("tree", "reason"),
    [
        (b"\x0a\xff", "bad_record"),
        (b"text", "bad_record"),
        (field(1, field(11, field(1, field(2, b"\x08")))), "bad_record"),
        (field(1, field(11, field(1, field(2, b"\x08" + varint(1 << 40))))), "bad_box"),
        (forest([{**NODES[1], "box": (900, 900, 950, 950)}]), "bad_box"),
        (forest([{**NODES[1], "box": (50, 60, 10, 20)}]), "bad_box"),
    ],
)
def test_a_damaged_tree_is_one_reject(tmp_path: Path, tree: bytes, reason: str) -> None:
    trees = [forest(NODES), tree, forest(NODES)]
    made, _ = make_screens(write(tmp_path, episode(1, BACK, BACK, accessibility_trees=trees)))
    assert reasons_of(made) == ["", reason, ""]


def test_empty_trees_are_left_to_the_detector(tmp_path: Path) -> None:
    trees = [b"", forest([])]
    made, _ = make_screens(write(tmp_path, episode(1, CLICK, accessibility_trees=trees)))
    assert [screen_of(clip).elements for _, clip in made] == [(), ()]


def test_a_screenshot_that_is_missing_or_damaged_is_one_reject(tmp_path: Path) -> None:
    shots = [png(1), b"", png(2)[:-30], b"GIF"]
    made, _ = make_screens(write(tmp_path, episode(1, BACK, BACK, BACK, screenshots=shots)))
    assert reasons_of(made) == ["", "missing", "undecodable", "not_image"]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"actions": [b"{}"]}, "bad_action"),
        ({"actions": [1, 2]}, "bad_record"),
        ({"screenshots": []}, "bad_record"),
        ({"screenshots": [1.0]}, "bad_record"),
        ({"step_instructions": [b"one"]}, "bad_record"),
        ({"accessibility_trees": [b""]}, "bad_record"),
        ({"episode_id": [b"one"]}, "bad_record"),
    ],
)
def test_a_malformed_episode_is_one_reject(tmp_path: Path, more: dict[str, Any], reason: str) -> None:
    bad = episode(2, BACK, BACK)
    bad.update(more)
    made, rejects = make_screens(write(tmp_path, episode(1, BACK), bad, b"\xff", episode(3, BACK)))
    assert reasons_of(made) == ["", "", reason, "bad_record", "", ""] and not rejects


def test_a_file_cut_off_gives_what_is_whole_and_one_reject(tmp_path: Path) -> None:
    inner = tfrecord(example(episode(number, BACK)) for number in (1, 2))
    path = tmp_path / "android_control-00000-of-00001"
    for broken in (inner[:-9], inner + header(1 << 40)):
        path.write_bytes(gzip.compress(broken))
        made, rejects = make_screens(AndroidControlSource(str(tmp_path)))
        whole = 2 if broken[-9:] != header(1 << 40)[-9:] else 4
        assert reasons_of(made)[:whole] == [""] * whole and len(made) == whole + 1 and not rejects
        assert isinstance(made[-1][1], DataError) and made[-1][1].reason in ("unreadable", "too_large")


def test_a_forest_that_claims_much_costs_little() -> None:
    many = field(1, field(11, field(1, b"") * 30_000))
    deep = field(1, field(11, field(1, field(99, b"") * 210_000)))
    for data in (many, deep, field(1, varint(11 << 3 | 2) + varint(1 << 60))):
        with pytest.raises(DataError):
            parse_forest(data)
    tracemalloc.start()
    with pytest.raises(DataError):
        parse_forest(field(1, varint(11 << 3 | 2) + varint(1 << 60)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


# Characters for private use are an icon font's, and are left out of texts.
READABLE = st.characters(exclude_categories=["Cs", "Co"], max_codepoint=0xEFFFF)


@given(
    st.lists(
        st.lists(
            st.tuples(*[st.integers(-5000, 5000)] * 4, st.text(READABLE, max_size=9), st.booleans()),
            max_size=5,
        ),
        max_size=3,
    )
)
def test_every_forest_that_protobuf_writes_is_read(windows: list[list[tuple[Any, ...]]]) -> None:
    drawn = [
        [{"box": node[:4], "content_description": node[4], "is_clickable": node[5]} for node in nodes]
        for nodes in windows
    ]
    views = parse_forest(forest(*drawn))
    flat = [node for nodes in windows for node in nodes]
    assert [(view.box, view.actionable) for view in views] == [(node[:4], node[5]) for node in flat]
    assert [view.text for view in views] == [" ".join(node[4].split()).replace("\x00", "") for node in flat]


@given(st.binary(max_size=200))
def test_any_bytes_are_a_forest_or_refused(data: bytes) -> None:
    try:
        parse_forest(data)
    except DataError as error:
        assert error.reason in ("bad_record", "bad_box")


def test_files_of_the_kind_are_recognised(tmp_path: Path) -> None:
    write(tmp_path, episode(1, BACK))
    found = AndroidControlSource.recognise(str(tmp_path))
    assert found is not None and found.settings == {"path": str(tmp_path)}
    assert AndroidControlSource.recognise(str(tmp_path / "nowhere")) is None


def test_the_file_in_its_layout_is_what_protobuf_reads(test_data: Path) -> None:
    path = test_data / "ui/layouts/android_control-00000-of-00001"
    (wanted,) = (read_example(one) for one in framed_payloads(gzip.decompress(path.read_bytes())))
    source = AndroidControlSource(str(path), text="step")
    (item,) = source.items(0)
    scan = source.scan(item, ShotSettings(), ClipSettings(screen_short_side=4096), 32)
    made = list(source.read(scan.refs, ClipSettings(screen_short_side=4096)))
    assert len(made) == len(wanted["screenshots"]) == 3
    assert [ref.instruction.encode() for ref, _ in made] == [*wanted["step_instructions"], b""]
    for number, (_, clip) in enumerate(made):
        assert isinstance(clip, Clip)
        pixels = np.asarray(Image.open(io.BytesIO(wanted["screenshots"][number])).convert("RGB"))
        assert np.array_equal(clip.frames[0], pixels)
    for said, (_, clip) in zip(wanted["actions"], made, strict=False):
        action = json.loads(said)
        assert screen_of(clip).action == ScreenAction(
            action["action_type"], "", (), (action["x"], action["y"])
        )
