"""Pairs as samples: picture tokens, and boxes and points in the text as numbered marks."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from somtom.marks.pair_marks import MAX_MARKS, name_marks, place_tokens, write_pair
from somtom.schemas.annotation import Annotation, Screen
from somtom.schemas.check_pair import pair_faults
from somtom.schemas.check_text import text_faults
from somtom.schemas.pictures import decode_jpeg, encode_jpeg
from somtom.schemas.record import complete_record
from somtom.schemas.refs import Ref
from somtom.schemas.settings import BuildSettings, PairSettings
from somtom.schemas.tracks_table import StoredClip
from somtom.transforms.label_pair import label_pair

MARKS = BuildSettings(vl=PairSettings(boxes="marks", box_frame="picture"))


def draw_pair(*said: str, width: int = 200, height: int = 150) -> StoredClip:
    """A stored pair on a grey picture."""
    ref = Ref(
        key="llava-1",
        source=0,
        kind="llava",
        dataset="pairs",
        uri="a.json#row=1",
        locator="",
        fingerprint="f",
        licence="",
        group="g",
        run=0,
        position=0,
        start_s=-1.0,
        end_s=-1.0,
        step_s=-1.0,
        fps=-1.0,
        frames=(0,),
        split="train",
        weight=3.0,
    )
    turns = tuple((("human", "gpt")[k % 2], text) for k, text in enumerate(said))
    clean = encode_jpeg(np.full((height, width, 3), 90, np.uint8), 90)
    return StoredClip(
        ref,
        width,
        height,
        width,
        height,
        np.array([-1.0]),
        annotation=Annotation(turns=turns),
        clean_jpeg=clean,
    )


def named(*said: str, width: int = 200, height: int = 100, frame: str = "picture") -> tuple[list[str], Any]:
    turns = tuple((("human", "gpt")[k % 2], text) for k, text in enumerate(said))
    got, marks = name_marks(turns, width, height, frame, "key")
    return [text for _, text in got], marks


@pytest.mark.parametrize(
    ("first", "placed"),
    [
        ("<image>\nWhat?", "<image>\nWhat?"),
        ("What?\n<image>", "What?\n<image>"),
        ("What?", "<image>\nWhat?"),
        ("<image> or <image>?", "<image> or [image]?"),
        ("<Image>\nWhat?", "<image>\n[Image]\nWhat?"),
        ("< <image> >", "< <image> >"),
        ("<<image>>", "<<image>>"),
        ("a <video> <image>", "a [video] <image>"),
    ],
)
def test_the_first_turn_asks_for_the_picture_once(first: str, placed: str) -> None:
    assert place_tokens((("human", first), ("gpt", "x")), 0)[0]["value"] == placed


@given(
    said=st.lists(st.text(alphabet="<> aimge\n/ID", max_size=40) | st.just("<image><<image>>"), min_size=2),
    history=st.integers(0, 3),
)
def test_picture_tokens_stand_in_the_first_turn_only(said: list[str], history: int) -> None:
    turns = place_tokens(tuple((("human", "gpt")[k % 2], text) for k, text in enumerate(said)), history)
    assert turns[0]["value"].count("<image>") == history + 1
    assert not any("<image>" in turn["value"] for turn in turns[1:])


@given(
    x=st.tuples(st.integers(0, 100), st.integers(0, 100)).filter(lambda one: one[1] - one[0] > 1),
    y=st.tuples(st.integers(0, 100), st.integers(0, 100)).filter(lambda one: one[1] - one[0] > 1),
    size=st.tuples(st.integers(100, 900), st.integers(100, 900)),
)
def test_a_box_in_shares_becomes_the_mark_of_its_pixels(
    x: tuple[int, int], y: tuple[int, int], size: tuple[int, int]
) -> None:
    width, height = size
    box = f"[{x[0] / 100}, {y[0] / 100}, {x[1] / 100}, {y[1] / 100}]"
    texts, (mark,) = named("?", box, width=width, height=height)
    assert mark.x0 == pytest.approx(x[0] / 100 * width, abs=1 / 64)
    assert mark.y1 == pytest.approx(y[1] / 100 * height, abs=1 / 64)
    assert (mark.x, mark.y) == ((mark.x0 + mark.x1 - 1) / 2, (mark.y0 + mark.y1 - 1) / 2)
    assert texts[1].startswith("Mark 1 at [")


def test_shares_of_the_padded_square_lose_the_padding() -> None:
    # 200 x 100 in a square of 200: 50 rows of padding above and below.
    _, (mark,) = named("?", "[0.25, 0.25, 0.75, 0.75]", frame="square")
    assert (mark.x0, mark.y0, mark.x1, mark.y1) == (50.0, 0.0, 150.0, 100.0)
    _, (tall,) = named("?", "[0.5, 0.1, 0.7, 0.2]", width=100, height=200, frame="square")
    assert (tall.x0, tall.y0, tall.x1, tall.y1) == (50.0, 20.0, 90.0, 40.0)
    texts, marks = named("?", "[0.25, 0.0, 0.75, 0.2]", frame="square")
    assert marks == () and texts[1] == "[0.25, 0.0, 0.75, 0.2]"


@pytest.mark.parametrize(
    "text",
    [
        "[0.6, 0.3, 0.2, 0.7]",  # x0 > x1
        "[0.2, 0.3, 0.2, 0.7]",  # no width
        "[120, 30, 180, 90]",  # pixels
        "[233, 468, 557, 745]",  # thousandths
        "[0.5, 0.5, 1.4, 1.2]",  # beyond the picture
        "[-0.1, 0.2, 0.3, 0.4]",
        "[0, 0, 1, 1]",  # no shares to be told from a list of whole numbers
        "[1, 0]",
        "[0.1, 0.2, 0.3]",
        "[0.1; 0.2; 0.3; 0.4]",
        "[0.1, 0.2, 0.3, 0.4, 0.5]",
        "[0.100, 0.1000, 0.1001, 0.9]",  # thinner than a pixel
        "[٠.١, ٠.٢, ٠.٣, ٠.٤]",
        "[nan, 0.1, inf, 0.3]",
        "[0." + "1" * 5000 + ", 0.2]",
    ],
)
def test_what_is_no_box_stays_as_it_is(text: str) -> None:
    texts, marks = named("What about this?", f"See {text}.")
    assert marks == () and texts[1] == f"See {text}."


def test_points_and_several_boxes_become_marks_and_equal_ones_the_same() -> None:
    said = (
        "Describe [0.1, 0.1, 0.4, 0.5] and [.5,.5]; list [1, 2].",
        "The first, [0.10, 0.1, 0.40, 0.50], is left of [[0.6, 0.2, 0.9, 0.8]].",
    )
    (asked, answer), marks = named(*said)
    assert [mark.id for mark in marks] == [1, 2, 3]
    of = {(mark.x0, mark.x1): mark.id for mark in marks}
    left, right, point = of[20.0, 80.0], of[120.0, 180.0], of[-1.0, -1.0]
    assert asked == f"Describe Mark {left} at [64,76] and Mark {point} at [128,128]; list [1, 2]."
    assert answer == f"The first, Mark {left} at [64,76], is left of [Mark {right} at [192,128]]."
    assert next(mark for mark in marks if mark.id == point).x == 99.5


def test_who_is_answered_with_a_mark_did_not_ask_for_a_box() -> None:
    (asked, _), _ = named("Give the bounding box coordinate of the region: a cup", "[0.1, 0.1, 0.4, 0.5]")
    assert asked == "Give the mark of the region: a cup"
    (kept, _), _ = named("Give the bounding box coordinate of the region: a cup", "There is none.")
    assert kept == "Give the bounding box coordinate of the region: a cup"


def test_numbers_say_nothing_of_the_order_in_the_text() -> None:
    turns = (("human", "?"), ("gpt", " ".join(f"[0.{k}1, 0.1, 0.{k}8, 0.5]" for k in range(10))))
    orders = set()
    for key in "abcdef":
        (_, (_, text)), _ = name_marks(turns, 200, 100, "picture", key)
        orders.add(text)
    assert len(orders) == 6


def test_too_many_boxes_are_left_as_they_are() -> None:
    text = " ".join(f"[0.{k:03}, 0.1]" for k in range(1, MAX_MARKS + 2))
    texts, marks = named("?", text)
    assert marks == () and texts[1] == text


def test_a_hostile_text_is_searched_in_little_time() -> None:
    for text in ("[" * 130_000, "[0.1, " * 20_000, "<" * 130_000, "[0." + "1" * 130_000, "< " * 65_000):
        written = write_pair((("human", text), ("gpt", text)), 1, 200, 100, MARKS.vl, "key")
        assert written.turns[0]["value"].count("<image>") == 2 and written.marks.marks == ()


def test_a_pair_passes_through_with_its_own_picture() -> None:
    clip = draw_pair("<image>\nWhere is it?", "At [0.1, 0.1, 0.4, 0.5].")
    sample = label_pair(clip, BuildSettings())
    record = sample.record
    assert sample.marked_jpeg == sample.clean_jpeg == clip.clean_jpeg
    assert sample.traces.shape == (1, 0, 3)
    assert [turn["value"] for turn in record["conversations"]] == [text for _, text in clip.annotation.turns]
    assert (record["task"], record["marks"], record["source"]["weight"]) == ("vl", [], 3.0)
    assert list(text_faults(record, sample.traces)) == []


def test_boxes_are_drawn_where_the_text_says() -> None:
    clip = draw_pair("<image>\nWhere is it?", "At [0.1, 0.2, 0.4, 0.6].")
    sample = label_pair(clip, MARKS)
    change = np.abs(decode_jpeg(sample.marked_jpeg).astype(int) - decode_jpeg(sample.clean_jpeg)).max(axis=2)
    assert change[30:90, 20].min() > 24  # the frame's left side
    assert change[100:, 100:].max() < 24
    assert sample.record["conversations"][1]["value"] == "At Mark 1 at [64,102]."
    assert sample.traces.tolist() == [[[49.5, 59.5, 1.0]]]
    assert sample.record["marks"][0]["x1"] == 80.0
    assert list(text_faults(sample.record, sample.traces)) == []
    again = label_pair(clip, MARKS)
    assert again.marked_jpeg == sample.marked_jpeg and again.record == sample.record


def test_a_screenshot_is_no_pair() -> None:
    screenshot = replace(draw_pair("?", "x"), annotation=Annotation(screen=Screen()))
    with pytest.raises(ValueError, match="no image-text pair"):
        label_pair(screenshot, BuildSettings())


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"target_mark": 1}, "no target_mark"),
        ({"action": {"kind": "click"}}, "no target_mark"),
        ({"tracker": {"name": "dis"}}, "no target_mark"),
        ({"marks": [{"id": 1, "x": 10.0, "y": 10.0}]}, "no turn says where mark 1 is"),
    ],
)
def test_the_checker_finds_what_a_pair_must_not_have(change: dict[str, Any], fault: str) -> None:
    sample = label_pair(draw_pair("<image>\nWhere is it?", "At [0.1, 0.2, 0.4, 0.6]."), MARKS)
    record = complete_record({**sample.record, **change})
    assert [one for one in pair_faults(record, sample.traces) if fault in one]
    assert list(pair_faults(sample.record, np.zeros((2, 1, 3), np.float32)))
