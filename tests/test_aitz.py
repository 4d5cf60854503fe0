"""Android in the Zoo: what its episodes become, and what is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from somtom.schemas.annotation import Screen, ScreenAction
from somtom.schemas.clips import Clip
from somtom.schemas.reasons import DataError
from somtom.schemas.refs import Ref
from somtom.schemas.settings import ClipSettings, ShotSettings
from somtom.sources.aitw_steps import MAX_TAP, make_action, make_point, make_views
from somtom.sources.aitz import AitzSource


def step(number: int, **more: object) -> dict[str, Any]:
    """A step as it is published: lists are JSON in texts."""
    return {
        "episode_id": "77",
        "step_id": number,
        "instruction": "open  the clock",
        "ui_positions": "[[10, 20, 30, 40], [100, 110, 20, 10]]",
        "ui_text": '["時計", ""]',
        "ui_types": '["TEXT", "ICON_PLAY"]',
        "result_action_type": 4,
        "result_action_text": "",
        "result_touch_yx": "[0.25, 0.5]",
        "result_lift_yx": "[0.25, 0.5]",
        "image_path": f"single/E-77/E-77_{number}.png",
        **more,
    }


def write(folder: Path, steps: object, pictures: int = 9) -> AitzSource:
    """Write one episode with its pictures, 200 x 400."""
    (folder / "E-77.json").write_text(steps if isinstance(steps, str) else json.dumps(steps))
    for number in range(pictures):
        Image.fromarray(np.full((400, 200, 3), number, np.uint8)).save(folder / f"E-77_{number}.png")
    return AitzSource(str(folder), dataset="z")


def read(source: AitzSource, history: int = 0) -> list[tuple[Ref, Clip | DataError]]:
    """What the steps of the only episode give."""
    (item,) = source.items(0)
    clips = ClipSettings(history=history)
    scan = source.scan(item, ShotSettings(), clips, 32)
    assert scan.reject is None, scan.reject
    return list(source.read(scan.refs, clips))


def screens(source: AitzSource) -> list[Screen | str]:
    """The screens of the only episode, or the reasons why there are none."""
    found: list[Screen | str] = []
    for _, clip in read(source):
        screen = clip.reason if isinstance(clip, DataError) else clip.annotation.screen
        assert screen is not None
        found.append(screen)
    return found


def test_boxes_are_pixels_y_x_height_width(tmp_path: Path) -> None:
    (screen,) = screens(write(tmp_path, [step(0)]))
    assert isinstance(screen, Screen)
    assert [(one.x0, one.y0, one.x1, one.y1) for one in screen.elements] == [
        (20, 10, 60, 40),
        (110, 100, 120, 120),
    ]
    assert [(one.text, one.role, one.actionable) for one in screen.elements] == [
        ("時計", "TEXT", True),
        ("", "ICON_PLAY", True),
    ]
    assert screen.action == ScreenAction("click", point=(100, 100))


def test_an_episode_is_a_trajectory_with_its_own_words_as_history(tmp_path: Path) -> None:
    steps = [
        step(0, coat_action_desc="press  home", result_action_type=6),
        step(1, result_action_type=3),
        step(2),
    ]
    steps[1]["result_action_text"] = "clock"
    pairs = read(write(tmp_path, steps), history=2)
    ref, clip = pairs[2]
    assert isinstance(clip, Clip)
    assert [(one.t_s, one.text) for one in clip.annotation.past] == [(-2, "press home"), (-1, 'type "clock"')]
    assert [int(picture[0, 0, 0]) for picture in (*clip.history, clip.frames[0])] == [0, 1, 2]
    assert (ref.instruction, ref.group, ref.start_s) == ("open the clock", "z/77", -1.0)


@pytest.mark.parametrize(
    ("number", "touch", "lift", "wanted"),
    [
        (3, [-1, -1], [-1, -1], ScreenAction("type", "hi")),
        (4, [0.5, 0.5], [0.5, 0.5 + 0.039], ScreenAction("click", point=(0.5, 0.5))),
        (4, [0.5, 0.5], [0.5, 0.55], ScreenAction("swipe", "right")),
        (4, [0.9, 0.5], [0.1, 0.4], ScreenAction("swipe", "up")),
        (5, [-1, -1], [-1, -1], ScreenAction("back")),
        (6, [-1, -1], [-1, -1], ScreenAction("home")),
        (7, [-1, -1], [-1, -1], ScreenAction("enter")),
        (10, [-1, -1], [-1, -1], ScreenAction("complete")),
        (11, [-1, -1], [-1, -1], ScreenAction("impossible")),
    ],
)
def test_each_action_type_has_its_meaning(
    number: int, touch: list[float], lift: list[float], wanted: ScreenAction
) -> None:
    assert make_action(number, "hi", make_point(touch), make_point(lift)) == wanted


@given(*[st.floats(0, 1)] * 4)
def test_a_gesture_is_a_tap_up_to_the_published_distance(y0: float, x0: float, y1: float, x1: float) -> None:
    found = make_action(4, "", make_point([y0, x0]), make_point([y1, x1]))
    assert (found.kind == "click") == (np.hypot(x1 - x0, y1 - y0) <= MAX_TAP)


@given(st.lists(st.tuples(*[st.integers(0, 999)] * 4), max_size=9))
def test_boxes_survive_their_other_order(boxes: list[tuple[int, int, int, int]]) -> None:
    views = make_views(boxes, [""] * len(boxes), ["TEXT"] * len(boxes))
    again = [(y0, x0, y1 - y0, x1 - x0) for x0, y0, x1, y1 in (view.box for view in views)]
    assert again == boxes


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"ui_positions": "[[10, 20, 30]]"}, "bad_record"),
        ({"ui_positions": "[[10, 20, 30], [1, 2, 3, 4]]"}, "bad_box"),
        ({"ui_positions": '[["a", 20, 30, 40], [1, 2, 3, 4]]'}, "bad_box"),
        ({"ui_positions": "[[10, 20, -3, -4], [1, 2, -3, -4]]"}, "bad_box"),
        ({"ui_positions": "[[1000, 20, 3, 4], [1, 2000, 3, 4]]"}, "bad_box"),
        ({"ui_positions": "[[10, 20"}, "bad_record"),
        ({"ui_positions": "{}"}, "bad_record"),
        ({"ui_positions": 7}, "bad_record"),
        ({"ui_text": '["a"]'}, "bad_record"),
        ({"ui_types": None}, "bad_record"),
        ({"result_action_type": "4"}, "bad_action"),
        ({"result_action_type": 2}, "unsupported"),
        ({"result_touch_yx": "[0.5]"}, "bad_action"),
        ({"result_touch_yx": "[0.5, 300]"}, "bad_action"),
        ({"result_touch_yx": "[NaN, 0.5]"}, "bad_action"),
        ({"result_touch_yx": f"[1{'0' * 400}, 0.5]"}, "bad_action"),
        ({"ui_positions": f"[[1{'0' * 400}, 20, 30, 40], [1, 2, 3, 4]]"}, "bad_box"),
        ({"ui_positions": "[" * 100_000}, "bad_record"),
        ({"result_action_type": 10**400}, "unsupported"),
        ({"result_touch_yx": "[-1.0, -1.0]"}, "bad_action"),
        ({"image_path": "../../etc/E-77_1.png"}, "unsafe_path"),
        ({"image_path": "/E-77_1.png"}, "unsafe_path"),
        ({"image_path": None}, "unsafe_path"),
        ({"image_path": "single/E-77/none.png"}, "missing"),
    ],
)
def test_a_malformed_step_is_one_reject(tmp_path: Path, wrong: dict[str, Any], reason: str) -> None:
    first, bad, last = screens(write(tmp_path, [step(0), step(1, **wrong), step(2)]))
    assert isinstance(first, Screen) and bad == reason and isinstance(last, Screen)


@pytest.mark.parametrize("tree", ["{", "{}", "[]", '"text"', "7"])
def test_a_file_that_is_no_episode_is_one_reject(tmp_path: Path, tree: str) -> None:
    source = write(tmp_path, tree)
    (item,) = source.items(0)
    scan = source.scan(item, ShotSettings(), ClipSettings(), 32)
    assert scan.reject is not None and scan.reject.reason == "bad_record"
    assert AitzSource.recognise(str(tmp_path)) is None


def test_a_step_that_is_no_object_is_one_reject(tmp_path: Path) -> None:
    first, bad, last = screens(write(tmp_path, [step(0), [1], step(2)]))
    assert isinstance(first, Screen) and bad == "bad_record" and isinstance(last, Screen)


def test_a_bad_step_before_only_lacks_its_words(tmp_path: Path) -> None:
    pairs = read(write(tmp_path, [step(0, result_action_type=2), step(1)]), history=1)
    clip = pairs[1][1]
    assert isinstance(clip, Clip) and [one.text for one in clip.annotation.past] == [""]


def test_a_screen_without_elements_is_left_to_the_detector(tmp_path: Path) -> None:
    (screen,) = screens(write(tmp_path, [step(0, ui_positions="[]", ui_text="[]", ui_types="[]")]))
    assert isinstance(screen, Screen) and screen.elements == ()


def test_the_real_episode_is_what_its_file_says(test_data: Path) -> None:
    folder = test_data / "ui/aitz_coat"
    found = AitzSource.recognise(str(folder))
    assert found is not None and found.notes == ("1 episodes of Android in the Zoo, with thoughts",)
    (path,) = folder.glob("*.json")
    said = json.loads(path.read_text())
    pairs = read(AitzSource(str(folder)), history=3)
    assert len(pairs) == len(said) == 4
    for (ref, clip), one in zip(pairs, said, strict=True):
        assert isinstance(clip, Clip) and clip.annotation.screen is not None
        screen = clip.annotation.screen
        shown = [(e.y0, e.x0, e.y1 - e.y0, e.x1 - e.x0) for e in screen.elements]
        assert shown == [tuple(box) for box in json.loads(one["ui_positions"])]
        assert [e.text for e in screen.elements] == json.loads(one["ui_text"])
        assert ref.instruction == one["instruction"]
        with Image.open(folder / Path(one["image_path"]).name) as picture:
            assert np.array_equal(clip.frames[0], np.asarray(picture.convert("RGB")))
    kinds = [
        clip.annotation.screen.action
        for _, clip in pairs
        if isinstance(clip, Clip) and clip.annotation.screen
    ]
    assert [(one.kind, one.argument) for one in kinds] == [
        ("home", ""),
        ("swipe", "up"),
        ("click", ""),
        ("complete", ""),
    ]
    assert kinds[2].point == pytest.approx((0.6069772839546204 * 270, 0.49836206436157227 * 600))
    last = pairs[-1][1]
    assert isinstance(last, Clip)
    assert [one.text for one in last.annotation.past] == [one["coat_action_desc"] for one in said[:3]]
