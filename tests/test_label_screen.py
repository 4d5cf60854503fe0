"""From a stored screenshot to its sample."""

from dataclasses import replace

import numpy as np
import pytest
from screens import BUTTONS_SIZE, button_corner, draw_buttons

from somtom.schemas.annotation import Annotation, Element, PastStep, Screen, ScreenAction
from somtom.schemas.answers import parse_action
from somtom.schemas.check_sample import check_sample
from somtom.schemas.pictures import decode_jpeg, encode_jpeg
from somtom.schemas.reasons import DataError
from somtom.schemas.refs import Ref
from somtom.schemas.sample import Sample, sample_members
from somtom.schemas.settings import BuildSettings, MarkSettings
from somtom.schemas.tracks_table import StoredClip
from somtom.transforms.label_screen import label_screen

WIDTH, HEIGHT = BUTTONS_SIZE
SETTINGS = BuildSettings()


def button(number: int, scale: float = 1.0) -> Element:
    x, y = button_corner(number)
    return Element(x * scale, y * scale, (x + 140) * scale, (y + 30) * scale, f"Send {number}", "button")


def stored(
    elements: int,
    action: ScreenAction | None = None,
    instruction: str = "",
    past: tuple[PastStep, ...] = (),
    scale: float = 1.0,
) -> StoredClip:
    """Six buttons are drawn, the first `elements` are known; the input was `scale` times as large."""
    ref = Ref(
        key="dom-0123456789abcdef",
        source=0,
        kind="dom",
        dataset="pages",
        uri="page.png",
        locator="",
        fingerprint="",
        licence="CC0-1.0",
        group="page",
        run=0,
        position=0,
        start_s=-1.0,
        end_s=-1.0,
        step_s=-1.0,
        fps=-1.0,
        frames=(0,),
        instruction=instruction,
        split="train",
    )
    screen = Screen(tuple(button(n, scale) for n in range(elements)), action or ScreenAction())
    black = encode_jpeg(np.zeros((40, 60, 3), np.uint8), 90)
    return StoredClip(
        ref,
        WIDTH,
        HEIGHT,
        round(WIDTH * scale),
        round(HEIGHT * scale),
        np.zeros(1),
        annotation=Annotation(past=past, screen=screen),
        clean_jpeg=encode_jpeg(draw_buttons(6), 90),
        extra_jpegs=(black,) * len(past),
    )


def faults_of(sample: Sample) -> list[str]:
    prefix = len(sample.key) + 1
    faults: list[str] = []
    check_sample(
        sample.key, "train", {name[prefix:]: data for name, data in sample_members(sample)}, {}, faults
    )
    return faults


def test_an_action_becomes_a_sample_that_the_checker_passes() -> None:
    past = (PastStep(-2.0, known=False), PastStep(-1.0, "click the button"))
    clip = stored(6, ScreenAction("type", 'a "b"', targets=(3,)), "Send it", past, scale=2.5)
    sample = label_screen(clip, SETTINGS)
    record = sample.record
    assert faults_of(sample) == []
    assert record["task"] == "ui"
    target = record["marks"][record["target_mark"] - 1]
    assert (target["x0"], target["y0"], target["x1"], target["y1"]) == (220, 65, 360, 95)
    assert (target["text"], target["role"], target["foreground"]) == ("Send 3", "button", True)
    done = parse_action(record["conversations"][3]["value"])
    assert (done.kind, done.argument, done.mark) == ("type", 'a "b"', record["target_mark"])
    assert [name for name, _ in sample.extra] == ["h00.jpg", "h01.jpg"]
    assert [one["known"] for one in record["history"]] == [False, True]
    assert sample.traces.shape == (1, 6, 3)
    assert record["quality"]["mark_overlap"] == 0.0


def test_the_same_clip_gives_the_same_bytes() -> None:
    first, second = (
        sample_members(label_screen(stored(2, ScreenAction("back"), "Back"), BuildSettings()))
        for _ in range(2)
    )
    assert first == second


@pytest.mark.parametrize("point", [None, (750.0, 200.0)])
def test_a_point_in_the_inputs_pixels_finds_its_mark(point: tuple[float, float] | None) -> None:
    clip = stored(6, ScreenAction("click", point=point), "Send it", scale=2.5)
    if point is None:
        with pytest.raises(DataError) as error:
            label_screen(clip, SETTINGS)
        assert error.value.reason == "no_target"
    else:
        sample = label_screen(clip, SETTINGS)
        assert sample.record["marks"][sample.record["target_mark"] - 1]["text"] == "Send 3"
        assert faults_of(sample) == []


def test_each_mark_is_drawn_around_its_element() -> None:
    clip = stored(6)
    for style in ("disc", "box", "outline"):
        sample = label_screen(clip, replace(SETTINGS, marks=MarkSettings(style=style)))
        marked = decode_jpeg(sample.marked_jpeg).astype(int)
        changed = np.abs(marked - decode_jpeg(sample.clean_jpeg)).max(axis=2) > 60
        for mark in sample.record["marks"]:
            x0, y0, x1, y1 = (round(mark[name]) for name in ("x0", "y0", "x1", "y1"))
            edges = (changed[y0, x0:x1], changed[y1 - 1, x0:x1], changed[y0:y1, x0], changed[y0:y1, x1 - 1])
            assert all(edge.mean() > 0.6 for edge in edges)


def test_a_screenshot_of_which_nothing_is_known_is_filtered() -> None:
    with pytest.raises(DataError) as error:
        label_screen(stored(0), SETTINGS)
    assert error.value.reason == "no_elements"


def test_an_element_on_an_empty_place_gets_no_mark_unless_it_is_the_target() -> None:
    clip = stored(6)
    screen = clip.annotation.screen
    assert screen is not None
    elements = (*screen.elements, Element(240, 200, 390, 290, "closed menu", "link"))

    def marked(action: ScreenAction) -> list[str]:
        annotation = replace(clip.annotation, screen=Screen(elements, action))
        sample = label_screen(replace(clip, annotation=annotation), SETTINGS)
        return sorted(mark["text"] for mark in sample.record["marks"])

    assert marked(ScreenAction()) == [f"Send {number}" for number in range(6)]
    assert "closed menu" in marked(ScreenAction("click", targets=(6,)))
