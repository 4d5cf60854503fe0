"""AndroidControl as JSON lines: episodes whose pictures are files, and what is wrong with some."""

import json
from pathlib import Path
from typing import Any

import pytest
from screens import Made, corners, draw_page, make_screens, reasons_of, screen_of

from somtom.schemas.annotation import ScreenAction
from somtom.schemas.clips import Clip
from somtom.schemas.settings import ClipSettings, ShotSettings
from somtom.sources.android_control import AndroidControlSource


def step(number: int, **content: object) -> dict[str, Any]:
    """One step as it is published; by default a click on the smaller of two boxes."""
    said = content or {"action": "click", "coordinate": [50, 60]}
    options = {**said, "candidate_bbox": [[40, 50, 60, 70], [0, 40, 402, 200]]}
    name = f"/somewhere/images/7_{number}.png"
    return {
        "action_content": said,
        "screenshot": name,
        "step_instruction": f"do {number}",
        "check_options": options,
    }


def write(folder: Path, *episodes: object, **settings: Any) -> AndroidControlSource:
    """Write a file of episodes, a list of steps or a whole line each, and pictures of 400 x 200."""
    lines = []
    for number, one in enumerate(episodes):
        whole = {"goal": "открой  часы", "episode_id": number, "steps": one} if isinstance(one, list) else one
        lines.append(whole if isinstance(whole, str) else json.dumps(whole))
    (folder / "std.jsonl").write_text("\n".join(lines))
    for number in range(4):
        draw_page(folder / f"7_{number}.png")
    return AndroidControlSource(str(folder / "std.jsonl"), dataset="a", **settings)


def test_the_boxes_that_would_be_right_are_the_targets(tmp_path: Path) -> None:
    made, _ = make_screens(write(tmp_path, [step(0)]))
    ((ref, clip),) = made
    screen = screen_of(clip)
    assert [corners(one) for one in screen.elements] == [(40, 50, 60, 70), (0, 40, 400, 200)]
    assert screen.action == ScreenAction("click", "", (0, 1), (50, 60))
    assert (ref.instruction, ref.group, ref.uri) == ("открой часы", "a/episode 0", "std.jsonl#record=0")


def test_steps_are_a_trajectory_with_their_words(tmp_path: Path) -> None:
    steps = [
        step(0),
        step(1, action="type", text="ok"),
        step(2, action="system_button", button="Back"),
        step(3),
    ]
    made, _ = make_screens(write(tmp_path, steps, text="step"), ClipSettings(history=3))
    assert [ref.instruction for ref, _ in made] == ["do 0", "do 1", "do 2", "do 3"]
    last = made[3][1]
    assert isinstance(last, Clip)
    assert [one.text for one in last.annotation.past] == ["do 0", 'type "ok"', "go back"]


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        ({"action": "type", "text": "سلام"}, ScreenAction("type", "سلام")),
        ({"action": "open", "text": "Clock"}, ScreenAction("open", "Clock")),
        ({"action": "wait", "time": 2}, ScreenAction("wait")),
        ({"action": "system_button", "button": "Menu"}, ScreenAction("press", "menu")),
        ({"action": "swipe", "coordinate": [9, 90.0], "coordinate2": [9, 5]}, ScreenAction("swipe", "up")),
    ],
)
def test_each_action_is_read(tmp_path: Path, content: dict[str, Any], wanted: ScreenAction) -> None:
    made, _ = make_screens(write(tmp_path, [step(0, **content)]))
    assert screen_of(made[0][1]).action == wanted


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"action_content": []}, "bad_action"),
        ({"action_content": {"action": "fly"}}, "unsupported"),
        ({"action_content": {"action": "click"}}, "bad_action"),
        ({"action_content": {"action": "click", "coordinate": ["1", 2]}}, "bad_action"),
        ({"action_content": {"action": "click", "coordinate": [1, 900]}}, "bad_action"),
        ({"action_content": {"action": "type"}}, "bad_action"),
        ({"check_options": {"candidate_bbox": [[500, 600, 700, 800]]}}, "bad_box"),
        ({"check_options": {"candidate_bbox": [[1, 2, 3]]}}, "bad_box"),
        ({"check_options": {"candidate_bbox": 7}}, "bad_record"),
        ({"screenshot": "/somewhere/7_99.png"}, "missing"),
        ({"screenshot": ".."}, "unsafe_path"),
        ({"screenshot": 7}, "unsafe_path"),
    ],
)
def test_a_malformed_step_is_one_reject(tmp_path: Path, wrong: dict[str, Any], reason: str) -> None:
    made, rejects = make_screens(write(tmp_path, [step(0), {**step(1), **wrong}, step(2)]))
    assert reasons_of(made) == ["", reason, ""] and not rejects


def test_a_malformed_episode_is_one_reject(tmp_path: Path) -> None:
    source = write(tmp_path, [step(0)], "{", "[]", {"goal": "g"}, {"steps": {}}, [], [step(1)])
    made, rejects = make_screens(source)
    assert reasons_of(made) == ["", ""] and rejects == {"bad_record": 5}


def test_pictures_may_lie_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "lines").mkdir()
    draw_page(tmp_path / "images/7_0.png")
    (tmp_path / "lines/std.jsonl").write_text(json.dumps({"goal": "g", "steps": [step(0)]}))
    source = AndroidControlSource(str(tmp_path / "lines"), pictures=str(tmp_path / "images"))
    made, _ = make_screens(source)
    assert reasons_of(made) == [""]


def test_real_episodes_say_what_the_file_says(test_data: Path, tmp_path: Path) -> None:
    path = test_data / "ui/annotations_only/android_control_std.jsonl"
    found = AndroidControlSource.recognise(str(path))
    assert found is not None and found.settings == {"path": str(path)}
    episodes = [json.loads(line) for line in path.read_text().splitlines()]
    draw_page(tmp_path / "page.png", 1080, 2400)  # stands in for the pictures, which the excerpt has not
    for episode in episodes:
        for one in episode["steps"]:
            (tmp_path / Path(one["screenshot"]).name).hardlink_to(tmp_path / "page.png")
    source = AndroidControlSource(str(path), text="step", pictures=str(tmp_path))
    steps = [one for episode in episodes for one in episode["steps"]]
    items = sorted(source.items(0), key=lambda item: int(item.uri.rpartition("=")[2]))
    assert len(items) == len(episodes) == 10
    made: Made = []
    for item in items:
        scan = source.scan(item, ShotSettings(), ClipSettings(), 32)
        made += source.read(scan.refs, ClipSettings())
    assert len(made) == len(steps) == 51 and set(reasons_of(made)) == {""}
    for (ref, clip), one in zip(made, steps, strict=True):
        screen, said = screen_of(clip), one["action_content"]
        assert ref.instruction == " ".join(one["step_instruction"].split())
        boxes = [
            tuple(min(edge, limit) for edge, limit in zip(box, (1080, 2400) * 2, strict=True))
            for box in one["check_options"].get("candidate_bbox", [])
        ]
        assert [corners(element) for element in screen.elements] == boxes
        if said["action"] == "click":
            assert screen.action.point == tuple(said["coordinate"])
            if not boxes:
                continue
            x, y = said["coordinate"]
            x0, y0, x1, y1 = corners(screen.elements[screen.action.targets[0]])
            assert x0 <= x <= x1 and y0 <= y <= y1
        elif said["action"] in ("type", "open"):
            assert screen.action == ScreenAction(said["action"], said["text"])
