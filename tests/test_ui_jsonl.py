"""The generic form of screenshots with elements, instructions, actions and episodes."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from somtom.schemas.annotation import ScreenAction
from somtom.schemas.clips import Clip
from somtom.schemas.reasons import DataError
from somtom.schemas.refs import Ref
from somtom.schemas.settings import ClipSettings, ShotSettings
from somtom.sources.ui_jsonl import UiJsonlSource, _point

ELEMENTS = [
    {"box": [10, 10, 60, 30], "text": "Mail", "role": "link"},
    {"box": [100, 50, 120, 70], "text": "検索", "role": "field"},
]


def record(**more: object) -> dict[str, object]:
    """A record that asks for a click on the second element."""
    return {
        "image": "a.png",
        "instruction": "search",
        "elements": ELEMENTS,
        "target": 1,
        "action": {"kind": "click"},
        **more,
    }


def source(folder: Path, *records: object, boxes: str = "xyxy_px") -> UiJsonlSource:
    """A source of those records, with two pictures of 200 x 100."""
    for name, level in (("a.png", 90), ("b.png", 180)):
        Image.fromarray(np.full((100, 200, 3), level, np.uint8)).save(folder / name)
    lines = (one if isinstance(one, str) else json.dumps(one) for one in records)
    (folder / "steps.jsonl").write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return UiJsonlSource(path=str(folder), annotations=str(folder / "steps.jsonl"), boxes=boxes)


def read(made: UiJsonlSource, history: int = 0) -> dict[str, list[tuple[Ref, Clip | DataError]] | str]:
    """What each item gives: its refs with their clips, or the reason why there are none."""
    clips = ClipSettings(history=history)
    found: dict[str, list[tuple[Ref, Clip | DataError]] | str] = {}
    for item in made.items(0):
        assert item.uri not in found
        scan = made.scan(item, ShotSettings(), clips, 32)
        found[item.uri] = scan.reject.reason if scan.reject else list(made.read(scan.refs, clips))
    return found


def only(made: UiJsonlSource) -> tuple[Ref, Clip]:
    """The only sample; raises why there is none."""
    (got,) = read(made).values()
    if isinstance(got, str):
        raise DataError(got, "at the scan")
    ((ref, clip),) = got
    if isinstance(clip, DataError):
        raise clip
    return ref, clip


def test_elements_instruction_and_action_are_read(tmp_path: Path) -> None:
    ref, clip = only(source(tmp_path, record(action={"kind": "type", "argument": "tea  pot"})))
    assert (ref.kind, ref.uri, ref.instruction, ref.group) == (
        "ui-jsonl",
        "steps.jsonl#n=1",
        "search",
        f"{tmp_path.name}/a.png",
    )
    screen = clip.annotation.screen
    assert screen is not None and screen.action == ScreenAction("type", "tea pot", (1,))
    got = [(one.x0, one.y0, one.x1, one.y1, one.text, one.role) for one in screen.elements]
    assert got == [(10, 10, 60, 30, "Mail", "link"), (100, 50, 120, 70, "検索", "field")]


def test_a_target_is_an_index_a_box_or_a_point_or_nothing(tmp_path: Path) -> None:
    def action(target: object) -> ScreenAction:
        screen = only(source(tmp_path, record(target=target)))[1].annotation.screen
        assert screen is not None
        return screen.action

    assert action(0).targets == (0,)
    assert action([20, 40, 50, 60]).targets == (2,)
    assert action([20.5, 40]) == ScreenAction("click", "", (), (20.5, 40.0))
    assert action(None) == ScreenAction("click")
    screen = only(source(tmp_path, record(target=[20, 40, 50, 60])))[1].annotation.screen
    assert screen is not None and (screen.elements[2].x0, screen.elements[2].y1) == (20, 60)


def test_what_is_not_given_is_empty(tmp_path: Path) -> None:
    ref, clip = only(source(tmp_path, {"image": "a.png"}))
    assert ref.instruction == ""
    assert clip.annotation.screen is not None
    assert clip.annotation.screen.elements == () and clip.annotation.screen.action == ScreenAction()


def test_an_action_may_be_its_kind_alone(tmp_path: Path) -> None:
    screen = only(source(tmp_path, record(action="scroll", target=None)))[1].annotation.screen
    assert screen is not None and screen.action == ScreenAction("scroll")


def test_an_index_still_names_its_element_when_an_earlier_one_is_left_out(tmp_path: Path) -> None:
    outside = {"box": [900, 10, 950, 30], "text": "beyond"}
    screen = only(source(tmp_path, record(elements=[outside, *ELEMENTS], target=2)))[1].annotation.screen
    assert screen is not None
    (target,) = screen.action.targets
    assert screen.elements[target].text == "検索" and len(screen.elements) == 2


def test_steps_of_an_episode_are_ordered_by_number_and_give_history(tmp_path: Path) -> None:
    steps = [
        record(episode="e/1", step=7, image="b.png", action={"kind": "back"}, target=None),
        record(episode="other", image="b.png"),
        record(episode="e/1", step=2, instruction="first"),
    ]
    found = read(source(tmp_path, *steps), history=2)
    assert list(found) == ["steps.jsonl#episode=e%2F1", "steps.jsonl#episode=other"]
    got = found["steps.jsonl#episode=e%2F1"]
    assert not isinstance(got, str)
    assert [ref.instruction for ref, _ in got] == ["first", "search"]
    first, second = (clip for _, clip in got)
    assert isinstance(first, Clip) and isinstance(second, Clip)
    assert first.history == () and len(second.history) == 1
    assert (second.history[0] == 90).all() and (second.frames == 180).all()
    (past,) = second.annotation.past
    assert (past.t_s, past.text) == (-1.0, 'click "検索"')
    assert len({ref.group for ref, _ in got}) == 1


def test_a_json_array_and_parquet_hold_the_same(tmp_path: Path) -> None:
    made = source(tmp_path, record())
    true = only(made)[1].annotation
    (tmp_path / "steps.json").write_text(json.dumps([record()]))
    pq.write_table(pa.Table.from_pylist([record()]), tmp_path / "steps.parquet")
    for name in ("steps.json", "steps.parquet"):
        other = UiJsonlSource(path=str(tmp_path), annotations=str(tmp_path / name))
        assert only(other)[1].annotation == true


@pytest.mark.parametrize("words", ["検索して", "ابحث الآن", "खोजें", "🔍", "a\tb\n c", "\ud800 x"])
def test_text_in_any_script_is_kept_on_one_line(tmp_path: Path, words: str) -> None:
    ref, _ = only(source(tmp_path, record(instruction=words)))
    assert ref.instruction == " ".join(words.split()).replace("\ud800", "?")


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("{", "bad_record"),
        ("[1]", "bad_record"),
        (record(image=None), "bad_record"),
        (record(image="../a.png"), "unsafe_path"),
        (record(image="C:\\a.png"), "unsafe_path"),
        (record(image="gone.png"), "missing"),
        (record(image="steps.jsonl"), "not_image"),
        (record(instruction=7), "bad_record"),
        (record(elements={}), "bad_record"),
        (record(elements=[7]), "bad_record"),
        (record(elements=[]), "bad_record"),
        (record(elements=[{"box": [1, 2, 3]}]), "bad_box"),
        (record(elements=[{"box": [0.1, 0.1, 0.2, 0.2]}], target=0), "bad_box"),
        (record(elements=[{"box": [150, 50, 40, 20]}], target=0), "bad_box"),
        (record(elements=[{"box": [500, 50, 540, 70]}], target=0), "bad_box"),
        (record(elements=[*ELEMENTS, {"box": [500, 50, 540, 70]}], target=2), "bad_box"),
        (record(target=2), "bad_record"),
        (record(target=-1), "bad_record"),
        (record(target=True), "bad_record"),
        (record(target="1"), "bad_record"),
        (record(target=[1, 2, 3]), "bad_box"),
        (record(target=[500, 20, 540, 40]), "bad_box"),
        (record(target=[500, 20]), "bad_box"),
        (record(target=["1", 20]), "bad_record"),
        (record(target=[10**400, 20]), "bad_record"),
        (record(action=7), "bad_record"),
        (record(action={"kind": 7}), "bad_record"),
        (record(action={"kind": "type", "argument": ["x"]}), "bad_record"),
        (record(episode=[1]), "bad_record"),
        (record(episode=" "), "bad_record"),
        (record(episode="e" * 201), "bad_record"),
        (record(episode="e", step="1"), "bad_record"),
    ],
)
def test_a_record_that_cannot_be_used_is_one_reject_and_the_rest_is_read(
    tmp_path: Path, bad: object, reason: str
) -> None:
    with pytest.raises(DataError) as caught:
        only(source(tmp_path, bad))
    assert caught.value.reason == reason
    both = read(source(tmp_path, bad, record(image="b.png")))
    assert len(both) == 2
    got = both["steps.jsonl#n=2"]
    assert not isinstance(got, str) and isinstance(got[0][1], Clip)


def test_a_bad_step_of_an_episode_is_a_reject_alone(tmp_path: Path) -> None:
    steps = [record(episode=1, step=0), record(episode=1, step=1, target=9), record(episode=1, step=2)]
    (got,) = read(source(tmp_path, *steps)).values()
    assert not isinstance(got, str)
    assert [isinstance(clip, Clip) for _, clip in got] == [True, False, True]


def test_steps_with_equal_or_missing_numbers_are_refused(tmp_path: Path) -> None:
    for steps in ((0, 0), (0, None)):
        made = source(tmp_path, *(record(episode="e", step=step) for step in steps))
        assert read(made) == {"steps.jsonl#episode=e": "bad_record"}


def test_a_missing_folder_or_file_and_a_wrong_setting_are_said_at_once(tmp_path: Path) -> None:
    made = source(tmp_path, record())
    with pytest.raises(DataError, match="no folder"):
        list(UiJsonlSource(path=f"{tmp_path}/gone", annotations=made.annotations).items(0))
    with pytest.raises(DataError):
        list(UiJsonlSource(path=str(tmp_path), annotations=f"{tmp_path}/gone.jsonl").items(0))
    with pytest.raises(ValueError, match="boxes must be one of"):
        UiJsonlSource(path="x", annotations="y", boxes="ratio")


def test_a_changed_record_is_noticed(tmp_path: Path) -> None:
    made = source(tmp_path, record())
    (item,) = made.items(0)
    refs = made.scan(item, ShotSettings(), ClipSettings(), 32).refs
    source(tmp_path, record(target=0))
    ((_, clip),) = made.read(refs, ClipSettings())
    assert isinstance(clip, DataError) and clip.reason == "changed_input"


@given(x=st.floats(0, 1), y=st.floats(0, 1))
def test_a_point_is_the_same_in_pixels_and_in_shares(x: float, y: float) -> None:
    assert _point([x * 200, y * 100], "xyxy_px", 200, 100) == _point([x, y], "xywh_ratio", 200, 100)


def test_records_are_recognised_with_their_convention(tmp_path: Path) -> None:
    assert UiJsonlSource.recognise(str(tmp_path)) is None
    made = source(tmp_path, record(elements=[{"box": [0.1, 0.1, 0.4, 0.4]}]))
    found = UiJsonlSource.recognise(str(tmp_path))
    assert found is not None
    assert found.settings == {
        "path": str(tmp_path),
        "annotations": made.annotations,
        "boxes": "xyxy_ratio",
    }
