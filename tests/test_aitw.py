"""Android in the Wild: steps in compressed TFRecord files, and what is wrong with some."""

import gzip
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from protobufs import framed_payloads, read_example
from screens import corners, make_screens, reasons_of, screen_of
from tfrecords import Values, example, field, frame, header, tfrecord

from somtom.schemas.annotation import ScreenAction
from somtom.schemas.clips import Clip
from somtom.schemas.reasons import DataError
from somtom.schemas.refs import Scan
from somtom.schemas.settings import ClipSettings, ShotSettings
from somtom.sources import screen_stream
from somtom.sources.aitw import AitwSource

WIDTH, HEIGHT = 96, 120


def step(number: int, episode: bytes = b"e1", **more: Values) -> dict[str, Values]:
    """The features of one step; its pixels are its number."""
    features: dict[str, Values] = {
        "image/encoded": [bytes([number]) * (WIDTH * HEIGHT * 3)],
        "image/channels": [3],
        "image/height": [HEIGHT],
        "image/width": [WIDTH],
        "image/ui_annotations_positions": [0.25, 0.5, 0.125, 0.25, 0.5, 0.0, 0.25, 0.5],
        "image/ui_annotations_text": ["設定".encode(), b""],
        "image/ui_annotations_ui_types": [b"TEXT", b"ICON_PLAY"],
        "episode_id": [episode],
        "episode_length": [3],
        "step_id": [number],
        "goal_info": ["open العربية".encode()],
        "results/action_type": [4],
        "results/type_action": [b""],
        "results/yx_touch": [0.3, 0.6],
        "results/yx_lift": [0.3, 0.6],
    }
    return {**features, **{name.replace("__", "/"): value for name, value in more.items()}}


def pack(*steps: dict[str, Values] | bytes) -> bytes:
    """A file of steps, or of bytes that are none."""
    return gzip.compress(tfrecord(one if isinstance(one, bytes) else example(one) for one in steps), 1)


def write(folder: Path, data: bytes, name: str = "general-00000-of-00001") -> AitwSource:
    """Write one file."""
    (folder / name).write_bytes(data)
    return AitwSource(str(folder), dataset="w")


def scan(source: AitwSource) -> Scan:
    """Scan the only file."""
    (item,) = source.items(0)
    return source.scan(item, ShotSettings(), ClipSettings(history=2), 32)


def test_a_record_is_a_step_whose_numbers_are_shares_of_the_picture(tmp_path: Path) -> None:
    made, _ = make_screens(write(tmp_path, pack(step(7))))
    ((ref, clip),) = made
    screen = screen_of(clip)
    assert isinstance(clip, Clip) and (clip.source_width, clip.source_height) == (WIDTH, HEIGHT)
    assert (clip.frames == 7).all()
    assert [corners(one) for one in screen.elements] == [(48, 30, 72, 45), (0, 60, 48, 90)]
    assert [(one.text, one.role) for one in screen.elements] == [("設定", "TEXT"), ("", "ICON_PLAY")]
    assert screen.action.kind == "click" and screen.action.point == pytest.approx((57.6, 36))
    assert (ref.instruction, ref.group) == ("open العربية", "w/e1")


def test_history_stays_within_an_episode(tmp_path: Path) -> None:
    steps = [step(0), step(1), step(2), step(0, b"e2"), step(1, b"e2"), step(0, b"e2")]
    source = write(tmp_path, pack(*steps))
    refs = scan(source).refs
    assert [ref.frames for ref in refs] == [(0,), (0, 1), (0, 1, 2), (3,), (3, 4), (5,)]
    assert [ref.group for ref in refs] == ["w/e1"] * 3 + ["w/e2"] * 3
    clips = [clip for _, clip in source.read(refs, ClipSettings(history=2))]
    shown = [[int(picture[0, 0, 0]) for picture in clip.history] for clip in clips if isinstance(clip, Clip)]
    assert shown == [[], [0], [0, 1], [], [0], []]
    assert isinstance(clips[2], Clip)
    assert [one.text for one in clips[2].annotation.past] == ['click "設定"', 'click "設定"']


def test_a_run_in_the_middle_is_read_alone(tmp_path: Path) -> None:
    source = write(tmp_path, pack(*(step(number) for number in range(6))))
    refs = scan(source).refs
    ((ref, clip),) = source.read(refs[4:5], ClipSettings(history=2))
    assert isinstance(clip, Clip) and ref == refs[4]
    assert [int(picture[0, 0, 0]) for picture in (*clip.history, clip.frames[0])] == [2, 3, 4]


def test_steps_that_are_no_longer_held_are_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write(tmp_path, pack(*(step(number) for number in range(5))))
    refs = scan(source).refs
    whole = [clip.history for _, clip in source.read(refs, ClipSettings(history=2)) if isinstance(clip, Clip)]
    monkeypatch.setattr(screen_stream, "MAX_HELD_BYTES", 1)
    again = [clip.history for _, clip in source.read(refs, ClipSettings(history=2)) if isinstance(clip, Clip)]
    assert len(again) == 5
    for first, second in zip(whole, again, strict=True):
        assert np.array_equal(np.array(first), np.array(second))


def test_each_action_is_read(tmp_path: Path) -> None:
    none: Values = [-1.0, -1.0]
    typed = step(0, results__action_type=[3], results__type_action=["नमस्ते".encode()], results__yx_touch=none)
    swiped = step(1, results__yx_touch=[0.8, 0.5], results__yx_lift=[0.2, 0.5])
    done = step(2, results__action_type=[10], results__yx_touch=none, results__yx_lift=none)
    made, _ = make_screens(write(tmp_path, pack(typed, swiped, done)))
    assert [screen_of(clip).action for _, clip in made] == [
        ScreenAction("type", "नमस्ते"),
        ScreenAction("swipe", "up"),
        ScreenAction("complete"),
    ]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"image__height": [HEIGHT + 1]}, "bad_record"),
        ({"image__height": [1 << 40]}, "bad_record"),
        ({"image__height": [-1]}, "bad_record"),
        ({"image__height": [1.0]}, "bad_record"),
        ({"image__width": []}, "bad_record"),
        ({"image__channels": [1]}, "bad_record"),
        ({"image__encoded": []}, "bad_record"),
        ({"image__encoded": [3]}, "bad_record"),
        ({"image__ui_annotations_positions": [0.5] * 7}, "bad_box"),
        ({"image__ui_annotations_positions": [30.0, 20.0, 10.0, 10.0, 0.0, 0.0, 5.0, 5.0]}, "bad_box"),
        ({"image__ui_annotations_positions": [float("nan")] * 8}, "bad_box"),
        ({"image__ui_annotations_positions": [0.5, 0.5, -0.1, -0.1] * 2}, "bad_box"),
        ({"image__ui_annotations_positions": [1] * 8}, "bad_record"),
        ({"image__ui_annotations_text": [b"one"]}, "bad_record"),
        ({"results__action_type": []}, "bad_action"),
        ({"results__action_type": [1]}, "unsupported"),
        ({"results__action_type": [b"4"]}, "bad_record"),
        ({"results__yx_touch": [0.5]}, "bad_action"),
        ({"results__yx_touch": [0.5, 7.0]}, "bad_action"),
        ({"results__yx_lift": [-1.0, -1.0]}, "bad_action"),
    ],
)
def test_a_malformed_step_is_one_reject(tmp_path: Path, wrong: dict[str, Any], reason: str) -> None:
    made, rejects = make_screens(write(tmp_path, pack(step(0), step(1, **wrong), step(2))))
    assert reasons_of(made) == ["", reason, ""] and not rejects


def test_a_screen_without_elements_is_left_to_the_detector(tmp_path: Path) -> None:
    bare = step(0)
    bare.update({f"image/ui_annotations_{name}": [] for name in ("positions", "text", "ui_types")})
    made, _ = make_screens(write(tmp_path, pack(bare)))
    assert screen_of(made[0][1]).elements == ()


def test_records_that_are_no_steps_are_one_reject_each(tmp_path: Path) -> None:
    made, _ = make_screens(
        write(tmp_path, pack(step(0), b"\xff\xff nothing", b"", field(1, b"\x0a\xff"), step(1)))
    )
    assert reasons_of(made) == ["", "bad_record", "bad_record", "bad_record", ""]


def test_a_damaged_record_costs_that_record_only(tmp_path: Path) -> None:
    data = bytearray(tfrecord(example(step(number)) for number in range(3)))
    data[len(frame(example(step(0)))) + 100] ^= 1
    made, _ = make_screens(write(tmp_path, gzip.compress(bytes(data), 1)))
    assert reasons_of(made) == ["", "unreadable", ""]


@pytest.mark.parametrize("lost", [1, 100, 2000])
def test_a_file_cut_off_gives_what_is_whole_and_one_reject(tmp_path: Path, lost: int) -> None:
    data = pack(step(0), step(1), step(2))
    made, rejects = make_screens(write(tmp_path, data[: len(data) - 20]))
    assert reasons_of(made)[:2] == ["", ""] and "unreadable" in reasons_of(made) and not rejects
    inner = tfrecord(example(step(number)) for number in range(3))
    made, rejects = make_screens(write(tmp_path, gzip.compress(inner[:-lost], 1)))
    assert reasons_of(made) == ["", "", "unreadable"] and not rejects


def test_a_claim_of_an_endless_record_costs_nothing(tmp_path: Path) -> None:
    whole = tfrecord([example(step(0))])
    source = write(tmp_path, gzip.compress(whole + header(1 << 40) + bytes(100), 1))
    tracemalloc.start()
    made, _ = make_screens(source)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert reasons_of(made) == ["", "too_large"] and peak < 20_000_000
    first = scan(write(tmp_path, gzip.compress(header(1 << 40) + bytes(100))))
    assert first.reject is not None and first.reject.reason == "too_large"


@pytest.mark.parametrize(
    "data", [b"", b"\x1f\x8b\x08\x00", b"text\n", gzip.compress(b""), gzip.compress(b"abc")]
)
def test_a_file_that_holds_nothing_is_one_reject(tmp_path: Path, data: bytes) -> None:
    source = write(tmp_path, data)
    found = scan(source)
    assert found.reject is not None and found.reject.reason in ("unreadable", "bad_record")
    assert AitwSource.recognise(str(tmp_path)) is None


def test_a_file_that_changed_after_it_was_planned_is_said_to_have(tmp_path: Path) -> None:
    source = write(tmp_path, pack(step(0), step(1), step(2)))
    refs = scan(source).refs
    write(tmp_path, pack(step(0), step(9)))
    found = [
        clip.reason if isinstance(clip, DataError) else "" for _, clip in source.read(refs, ClipSettings())
    ]
    assert found == ["", "changed_input", "changed_input"]


def test_files_of_the_kind_are_recognised_among_others(tmp_path: Path) -> None:
    write(tmp_path, pack(step(0)), "single-00000-of-00001")
    found = AitwSource.recognise(str(tmp_path))
    assert found is not None and found.settings == {"path": str(tmp_path)}
    write(tmp_path, pack(example({"a": [1]})), "other")
    alone = AitwSource.recognise(str(tmp_path))
    assert alone is not None and alone.settings == {"path": str(tmp_path / "single-00000-of-00001")}


def test_the_file_in_its_layout_is_what_protobuf_reads(test_data: Path) -> None:
    path = test_data / "ui/layouts/aitw_google_apps-00000-of-00001"
    wanted = [read_example(one) for one in framed_payloads(gzip.decompress(path.read_bytes()))]
    made, rejects = make_screens(AitwSource(str(path)))
    assert len(made) == len(wanted) == 4 and not rejects
    for (ref, clip), one in zip(made, wanted, strict=True):
        screen = screen_of(clip)
        (height,), (width,) = one["image/height"], one["image/width"]
        pixels = np.frombuffer(one["image/encoded"][0], np.uint8).reshape(height, width, 3)
        assert isinstance(clip, Clip) and np.array_equal(clip.frames[0], pixels)
        boxes = np.array([corners(element) for element in screen.elements])
        y, x, down, across = np.array(one["image/ui_annotations_positions"]).reshape(-1, 4).T
        assert boxes == pytest.approx(
            np.stack([x * width, y * height, (x + across) * width, (y + down) * height], axis=1)
        )
        assert [element.text.encode() for element in screen.elements] == one["image/ui_annotations_text"]
        assert [element.role.encode() for element in screen.elements] == one["image/ui_annotations_ui_types"]
        assert [ref.instruction.encode()] == one["goal_info"]
    assert [screen_of(clip).action.kind for _, clip in made] == ["home", "swipe", "click", "complete"]
    y, x = wanted[2]["results/yx_touch"]
    assert screen_of(made[2][1]).action.point == pytest.approx((x * 270, y * 600))
