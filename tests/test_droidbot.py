"""DroidBot: which event belongs to which state, what it becomes, and what is refused."""

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
from somtom.schemas.settings import ClipSettings, ShotSettings
from somtom.sources.action_words import direction_of
from somtom.sources.droidbot import DroidBotSource
from somtom.sources.droidbot_events import parse_event

SIZE = (720, 1280)


def view(number: int, bounds: object, **more: object) -> dict[str, Any]:
    """A view as DroidBot writes it."""
    return {
        "temp_id": number,
        "view_str": f"v{number}",
        "bounds": bounds,
        "class": "android.widget.Button",
        "visible": True,
        "enabled": True,
        "clickable": True,
        "text": None,
        "content_description": None,
        **more,
    }


ROOT = view(0, [[0, 0], [1440, 2560]], clickable=False)
SEND = view(1, [[100, 200], [300, 400]], text="Send")
MENU = view(2, [[0, 2000], [1440, 2300]], content_description="Menu")


def state(
    folder: Path, tag: str, name: str, views: object = None, picture: bool = True, **more: object
) -> None:
    """Write a state and its screenshot: a JPEG that is called a PNG."""
    tree = {"tag": tag, "state_str": name, "views": [ROOT, SEND, MENU] if views is None else views, **more}
    (folder / f"state_{tag}.json").write_text(json.dumps(tree))
    if picture:
        shade = np.full((SIZE[1], SIZE[0], 3), len(list(folder.iterdir())), np.uint8)
        Image.fromarray(shade).save(folder / f"screen_{tag}.png", format="JPEG")


def event(folder: Path, tag: str, start: str, **what: object) -> None:
    """Write an event."""
    tree = {"tag": tag, "start_state": start, "stop_state": "?", "event": what}
    (folder / f"event_{tag}.json").write_text(json.dumps(tree))


def read(folder: Path, history: int = 0) -> list[Clip | DataError]:
    """What the steps of the only run give."""
    source = DroidBotSource(str(folder), dataset="d")
    (item,) = source.items(0)
    clips = ClipSettings(history=history)
    scan = source.scan(item, ShotSettings(), clips, 32)
    assert scan.reject is None, scan.reject
    return [clip for _, clip in source.read(scan.refs, clips)]


def screens(folder: Path) -> list[Screen | str]:
    """The screens of the only run, or the reasons why there are none."""
    found: list[Screen | str] = []
    for clip in read(folder):
        if isinstance(clip, DataError):
            found.append(clip.reason)
        else:
            assert clip.annotation.screen is not None
            found.append(clip.annotation.screen)
    return found


def action(folder: Path, **what: object) -> ScreenAction:
    """The action that an event becomes."""
    state(folder, "1", "a")
    event(folder, "1", "a", **what)
    (screen,) = screens(folder)
    assert isinstance(screen, Screen), screen
    return screen.action


def test_a_touched_view_is_the_target_in_pixels_of_the_picture(tmp_path: Path) -> None:
    state(tmp_path, "1", "a")
    event(tmp_path, "1", "a", event_type="touch", view=SEND, x=None, y=None)
    (screen,) = screens(tmp_path)
    assert isinstance(screen, Screen)
    assert screen.action == ScreenAction("click", "", (0,))
    target = screen.elements[0]
    assert (target.x0, target.y0, target.x1, target.y1) == (50, 100, 150, 200)
    assert [(one.text, one.role) for one in screen.elements] == [("Send", "Button"), ("Menu", "Button")]


def test_the_view_of_the_state_counts_and_not_the_one_the_event_remembers(tmp_path: Path) -> None:
    state(tmp_path, "1", "a")
    moved = {**SEND, "bounds": [[0, 0], [9, 9]]}
    event(tmp_path, "2", "a", event_type="touch", view=moved)
    unknown = {**moved, "view_str": "other"}
    event(tmp_path, "3", "a", event_type="touch", view=unknown)
    known, new = screens(tmp_path)
    assert isinstance(known, Screen) and isinstance(new, Screen)
    assert known.action.targets == (0,) and known.elements[0].x1 == 150
    assert new.action.targets == (2,) and new.elements[2].x1 == 4.5


def test_events_find_the_state_they_start_from_and_come_in_order_of_time(tmp_path: Path) -> None:
    # A state is written when it is seen first: c starts from a again.
    state(tmp_path, "2017-01-01_000001", "a", [ROOT, SEND])
    state(tmp_path, "2017-01-01_000003", "b", [ROOT, MENU])
    state(tmp_path, "2017-01-01_000009", "last", [ROOT, SEND, MENU])
    event(tmp_path, "2017-01-01_000002", "a", event_type="touch", view=SEND)
    event(tmp_path, "2017-01-01_000004", "b", event_type="key", name="BACK")
    event(tmp_path, "2017-01-01_000006", "a", event_type="touch", view=SEND)
    first, second, third, last = screens(tmp_path)
    assert isinstance(first, Screen) and isinstance(second, Screen) and isinstance(last, Screen)
    assert first == third
    assert [one.text for one in second.elements] == ["Menu"] and second.action.kind == "back"
    assert last.action == ScreenAction()
    past = read(tmp_path, history=2)[3]
    assert isinstance(past, Clip)
    assert [(step.t_s, step.text) for step in past.annotation.past] == [
        (-2.0, "go back"),
        (-1.0, 'click "Send"'),
    ]


def test_folders_of_states_and_events_are_one_run_and_other_folders_others(tmp_path: Path) -> None:
    for name in ("b", "a"):
        for inside in ("states", "events"):
            (tmp_path / name / inside).mkdir(parents=True)
        state(tmp_path / name / "states", "1", "s", foreground_activity="com.drawn/.Main")
        event(tmp_path / name / "events", "1", "s", event_type="touch", view=SEND)
    source = DroidBotSource(str(tmp_path), dataset="d")
    scans = [source.scan(item, ShotSettings(), ClipSettings(), 32) for item in source.items(0)]
    assert [(scan.facts.uri, len(scan.refs)) for scan in scans] == [("a", 1), ("b", 1)]
    assert {scan.refs[0].group for scan in scans} == {"d/com.drawn"}
    found = DroidBotSource.recognise(str(tmp_path / "a"))
    assert found is not None and found.notes == ("a run of DroidBot: 1 states, 1 events",)
    assert DroidBotSource.recognise(str(tmp_path)) is None


@pytest.mark.parametrize(
    ("what", "wanted"),
    [
        ({"event_type": "touch", "x": 360, "y": 640.5}, ScreenAction("click", "", (), (180, 320.25))),
        ({"event_type": "long_touch", "view": SEND}, ScreenAction("long_press", "", (0,))),
        ({"event_type": "select", "view": MENU}, ScreenAction("click", "", (1,))),
        ({"event_type": "set_text", "view": SEND, "text": "नमस्ते"}, ScreenAction("type", "नमस्ते", (0,))),
        ({"event_type": "scroll", "direction": "DOWN"}, ScreenAction("scroll", "down")),
        ({"event_type": "key", "name": "BACK"}, ScreenAction("back")),
        ({"event_type": "key", "name": "MENU"}, ScreenAction("press", "menu")),
        (
            {"event_type": "intent", "intent": "am start -n com.drawn/.Main"},
            ScreenAction("open", "com.drawn"),
        ),
        ({"event_type": "intent", "intent": "am force-stop com.drawn"}, ScreenAction()),
        ({"event_type": "exit"}, ScreenAction()),
        ({"event_type": "shake"}, ScreenAction("shake")),
        (
            {"event_type": "swipe", "start_x": 10, "start_y": 900, "end_x": 30, "end_y": 100},
            ScreenAction("swipe", "up"),
        ),
        ({"event_type": "swipe", "start_view": MENU, "end_view": SEND}, ScreenAction("swipe", "up", (1,))),
    ],
)
def test_each_event_becomes_its_action(tmp_path: Path, what: dict[str, Any], wanted: ScreenAction) -> None:
    assert action(tmp_path, **what) == wanted


def test_a_state_says_how_large_its_device_is(tmp_path: Path) -> None:
    state(tmp_path, "1", "a", [view(0, [[0, 0], [1080, 900]], text="Dialog")], width=1080, height=1920)
    (screen,) = screens(tmp_path)
    assert isinstance(screen, Screen) and screen.elements[0].x1 == 720 and screen.elements[0].y1 == 600


def test_a_root_of_other_proportions_is_a_window_in_pixels_of_the_picture(tmp_path: Path) -> None:
    state(tmp_path, "1", "a", [view(0, [[0, 0], [720, 900]], text="Dialog")])
    (screen,) = screens(tmp_path)
    assert isinstance(screen, Screen) and screen.elements[0].y1 == 900


def test_a_target_with_bounds_that_end_before_they_start_is_not_visible(tmp_path: Path) -> None:
    away = view(3, [[0, 4161], [1050, 2392]], text="Support Center")
    state(tmp_path, "1", "a", [ROOT, SEND, away])
    event(tmp_path, "1", "a", event_type="touch", view=away)
    (screen,) = screens(tmp_path)
    assert isinstance(screen, Screen)
    assert not screen.elements[screen.action.targets[0]].visible


@pytest.mark.parametrize(
    ("views", "reason"),
    [
        ([], "bad_record"),
        ({}, "bad_record"),
        ([1], "bad_record"),
        ([view(0, None)], "bad_box"),
        ([view(0, [[0, 0], [9]])], "bad_box"),
        ([view(0, [["0", 0], [9, 9]])], "bad_box"),
        ([view(0, [[9000, 0], [9100, 9]])], "bad_box"),
        ([view(0, [[500, 900], [20, 30]]), view(1, [[300, 800], [40, 50]])], "bad_box"),
    ],
)
def test_a_malformed_state_is_one_reject(tmp_path: Path, views: object, reason: str) -> None:
    state(tmp_path, "1", "a", views)
    state(tmp_path, "2", "b")
    bad, good = screens(tmp_path)
    assert bad == reason and isinstance(good, Screen)


def test_events_that_cannot_be_used_are_one_reject_each(tmp_path: Path) -> None:
    state(tmp_path, "1", "a")
    (tmp_path / "event_2.json").write_text("{")
    (tmp_path / "event_3.json").write_text("[]")
    event(tmp_path, "4", "nowhere", event_type="touch", view=SEND)
    event(tmp_path, "5", "a", event_type=5)
    event(tmp_path, "6", "a", event_type="touch", view=[1])
    event(tmp_path, "7", "a", event_type="touch", x="1", y=2)
    event(tmp_path, "8", "a", event_type="swipe", start_x=1, start_y=1)
    first, *rest = screens(tmp_path)
    assert isinstance(first, Screen)
    reasons = ["bad_record", "bad_record", "missing", "bad_record", "bad_record", "bad_box", "bad_record"]
    assert rest == reasons


def test_a_state_without_its_screenshot_is_one_reject(tmp_path: Path) -> None:
    state(tmp_path, "1", "a", picture=False)
    state(tmp_path, "2", "b")
    bad, good = screens(tmp_path)
    assert bad == "missing" and isinstance(good, Screen)


def test_a_folder_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        list(DroidBotSource(str(tmp_path)).items(0))
    assert DroidBotSource.recognise(str(tmp_path)) is None


@given(st.integers(-100, 100), st.integers(-100, 100))
def test_a_movement_back_has_the_opposite_direction(right: int, down: int) -> None:
    opposite = {"up": "down", "down": "up", "left": "right", "right": "left"}
    if right or down:
        assert direction_of(-right, -down) == opposite[direction_of(right, down)]


def test_real_targets_and_words_are_those_of_the_files(test_data: Path) -> None:
    folder = test_data / "ui/droidbot_yelp"
    events = [json.loads(path.read_text()) for path in sorted(folder.glob("event_*.json"))]
    states = {
        tree["state_str"]: tree for tree in (json.loads(path.read_text()) for path in folder.glob("state_*"))
    }
    clips = read(folder, history=4)
    assert len(clips) == len(events) == 5
    for clip, said in zip(clips, events, strict=True):
        assert isinstance(clip, Clip) and clip.annotation.screen is not None
        screen = clip.annotation.screen
        assert (clip.source_width, clip.source_height) == (1440, 2560)
        (target,) = (screen.elements[index] for index in screen.action.targets)
        (x0, y0), (x1, y1) = said["event"]["view"]["bounds"]
        assert (target.x0, target.y0, target.x1, target.y1) == (x0, y0, x1, y1)
        assert target.text == (said["event"]["view"]["text"] or "")
        shown = {
            (*one["bounds"][0], *one["bounds"][1], one["text"] or one["content_description"] or "")
            for one in states[said["start_state"]]["views"]
            if one["clickable"] or one["text"] or one["content_description"]
        }
        assert {(one.x0, one.y0, one.x1, one.y1, one.text) for one in screen.elements} == shown
    last = clips[-1]
    assert isinstance(last, Clip)
    words = [
        'click "Yes, turn it on"',
        'click "I\'m New"',
        'click "Sign up with Facebook"',
        'click "Bookmarks"',
    ]
    assert [step.text for step in last.annotation.past] == words


def test_the_real_event_with_inverted_bounds_is_read(test_data: Path) -> None:
    tree = json.loads((test_data / "hostile/real_inverted_bounds_event.json").read_text())
    assert parse_event(tree).words == 'click "Support Center"'
