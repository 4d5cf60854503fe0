"""What one answer adds to each metric, counted by hand on drawn records."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from somtom.schemas.action_stats import ActionStats, bins_of
from somtom.schemas.answers import Action, format_action, format_som, format_tom, quantise
from somtom.schemas.record import Record, complete_record
from somtom.schemas.robot_answers import format_robot_action
from somtom.trainer.answer_kinds import (
    MARKS,
    MOVING,
    ROBOT,
    TARGET,
    TEXT,
    TRACES,
    answered_turns,
    parse_answer,
)
from somtom.trainer.measures import (
    Measure,
    measure_marks,
    measure_moving,
    measure_robot,
    measure_target,
    measure_traces,
    name_nearest,
)

SIZE = 256  # a bin is a pixel, and pixels count twice at a shorter side of 512


def a_record(task: str, marks: list[dict[str, Any]], answers: tuple[str, ...] = (), **more: Any) -> Record:
    turns = [
        turn for text in answers for turn in ({"from": "human", "value": "?"}, {"from": "gpt", "value": text})
    ]
    return complete_record(
        {
            "id": "a",
            "split": "val",
            "task": task,
            "conversations": turns,
            "marks": [{"id": number, **mark} for number, mark in enumerate(marks, start=1)],
            "width": SIZE,
            "height": SIZE,
            "source": {"kind": "video", "dataset": "toys", "uri": "a", "group": "a"},
            **more,
        }
    )


def by_name(measures: list[Measure]) -> dict[str, Measure]:
    assert len({one.metric for one in measures}) == len(measures)
    return {one.metric: one for one in measures}


def traces_of(*paths: list[tuple[float, float]]) -> NDArray[np.float32]:
    """(T, K, 3) traces, a list of points for each mark."""
    xy = np.array(paths, np.float32).transpose(1, 0, 2)
    return np.concatenate([xy, np.ones((*xy.shape[:2], 1), np.float32)], axis=2)


def test_kinds_follow_from_task_place_and_form() -> None:
    point = {"x": 10, "y": 20}
    som, tom = format_som({1: (10, 20)}), format_tom({1: [(11, 20)]})
    click, robot = format_action(Action("click", mark=1, point=(10, 20))), format_robot_action([[1, 2]])

    def kinds(task: str, *answers: str) -> list[str]:
        action = {"kind": "robot", "text": robot} if task == "robot" else {}
        return [turn.kind for turn in answered_turns(a_record(task, [point], answers, action=action))]

    assert kinds("tom", som, tom) == [MARKS, TRACES]
    assert kinds("robot", som, tom, robot) == [MARKS, TRACES, ROBOT]
    assert kinds("ui", som, click) == [MARKS, TARGET]
    assert kinds("ui", som, som) == [MARKS, TARGET]
    assert kinds("ui", som, "scroll down") == [MARKS, TARGET]
    assert kinds("som", som, som) == [MARKS, MOVING]
    assert kinds("som", "[[10,20]]") == kinds("robot", "[[10,20]]") == [MOVING]
    assert kinds("tom", "[[[10,20],[11,20]]]") == kinds("som", "[]") == [TRACES]
    assert kinds("vl", som, "yes") == [TEXT, TEXT]
    assert [turn.index for turn in answered_turns(a_record("tom", [point], (som, tom)))] == [1, 3]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (MARKS, "Mark 1 at [256,0]"),
        (MARKS, "Mark 1 at [-1,0]"),
        (MARKS, "Mark 1 at [1,2], Mark 1 at [1,2]"),
        (MARKS, "Mark 1 at [1,2], Mark 2 a"),
        (TRACES, '{"Mark 1": "[[1,2],[300,4]]"}'),
        (TRACES, '{"Mark 1": "[[1,2],[3'),
        (TRACES, "[[[1,2],[300,4]]]"),
        (TRACES, "[[]]"),
        (MOVING, "[[1,2],[3,256]]"),
        (MOVING, "Mark 1"),
        (TARGET, "Mark 1 at [1,2], Mark 2 at [3,4]"),
        (TARGET, "click : Mark 1 at [1,999]"),
        (TARGET, ""),
        (ROBOT, "[1,2,256]"),
        (ROBOT, ""),
    ],
)
def test_answers_that_cannot_be_read_are_refused(kind: str, text: str) -> None:
    with pytest.raises(ValueError):
        parse_answer(kind, text)


def test_located_marks_are_measured_in_pixels_at_512() -> None:
    record = a_record("som", [{"x": 10, "y": 20}, {"x": 100, "y": 20}, {"x": 127, "y": 131}])
    found = by_name(measure_marks(record, {1: (13, 24), 2: (100, 29), 9: (0, 0)}))
    # 5 and 9 px off on a picture of 256, so 10 and 18; mark 3 is not named and counts as the middle.
    middle = 127.5
    guesses = [2 * math.dist((x, y), (middle, middle)) for x, y in ((10, 20), (100, 20), (127, 131))]
    assert found["location_px"].total == pytest.approx(10 + 18 + guesses[2])
    assert found["location_px"].count == 3
    assert found["location_px"].others["middle"] == pytest.approx(sum(guesses))
    # The middle lies near mark 3, but a mark that is not named is not located.
    assert (found["location_near"].total, found["location_near"].others["middle"]) == (1.0, 1.0)


def test_unread_locations_count_as_the_middle_and_as_wrong() -> None:
    found = by_name(measure_marks(a_record("som", [{"x": 127, "y": 128}, {"x": 0, "y": 0}]), None))
    assert found["location_px"].total == found["location_px"].others["middle"] > 0
    assert found["location_near"].total == 0


MOVERS = [{"x": 10, "y": 50, "foreground": True}, {"x": 90, "y": 50}, {"x": 30, "y": 80, "foreground": True}]
PATHS = traces_of(
    [(10, 50), (14, 50), (18, 50)], [(90, 50), (90, 50), (90, 50)], [(30, 80), (30, 83), (30, 86)]
)


def test_traces_are_measured_beside_no_motion() -> None:
    record = a_record("tom", MOVERS)
    found = by_name(measure_traces(record, PATHS, {1: [(14, 51), (18, 52)], 2: [(90, 50)]}))
    # Mark 1 is 1 and 2 px off, so 2 and 4 at 512; mark 3 has no trace and stands still: 3 and 6 px, 6 and 12.
    assert (found["ade"].total, found["fde"].total) == pytest.approx((3 + 9, 4 + 12))
    assert found["ade"].count == 2
    # Standing still: 4, 8 and 3, 6 px, so 8, 16 and 6, 12.
    assert found["ade"].others["no motion"] == pytest.approx(12 + 9)
    assert found["fde"].others["no motion"] == pytest.approx(16 + 12)
    assert (found["traces_missing"].total, found["traces_missing"].count) == (1.0, 2.0)
    # Marks 1 and 2 are named, 1 and 3 move: one right of two. Two marks of three at random hit 2/3.
    assert found["moving_f1"].total == pytest.approx(0.5)
    assert found["moving_f1"].others["random marks"] == pytest.approx(2 / 3)
    assert "ade_history" not in found


def test_short_traces_stay_where_they_end_and_long_ones_are_cut() -> None:
    record = a_record("tom", MOVERS)
    short = by_name(measure_traces(record, PATHS, {1: [(14, 50)], 3: [(30, 83), (30, 86), (0, 0)]}))
    assert (short["ade"].total, short["fde"].total) == pytest.approx((4, 8))


def test_unread_traces_count_as_no_motion() -> None:
    found = by_name(measure_traces(a_record("tom", MOVERS), PATHS, None))
    for name in ("ade", "fde"):
        assert found[name].total == found[name].others["no motion"]
    assert (found["moving_f1"].total, found["traces_missing"].total) == (0.0, 2.0)


def test_constant_velocity_goes_on_with_what_is_known_of_the_past() -> None:
    steps_px = np.array([[4.0, 0], [0, 0], [0, 1]])
    found = by_name(measure_traces(a_record("tom", MOVERS), PATHS, {}, steps_px))
    # Right for mark 1; mark 3 goes on by 1 px instead of 3: 2 and 4 px off, so 4 and 8.
    assert found["ade_history"].others["constant velocity"] == pytest.approx(6)
    assert found["fde_history"].others["constant velocity"] == pytest.approx(8)
    assert found["ade_history"].total == found["ade"].total


@pytest.mark.parametrize(("said", "right"), [({}, 1.0), ([], 1.0), ({1: [(1, 1)]}, 0.0), (None, 0.0)])
def test_where_nothing_moves_only_that_is_measured(said: Any, right: float) -> None:
    found = by_name(measure_traces(a_record("som", [{"x": 1, "y": 1}]), traces_of([(1, 1), (1, 1)]), said))
    assert {name: one.total for name, one in found.items()} == {"still_seen": right}


def test_points_without_numbers_stand_for_the_marks_next_to_them() -> None:
    record = a_record("tom", MOVERS)
    # Two points near mark 1: the nearer one is it, the other mark 3, which is the next that is free.
    assert name_nearest(record, [(12, 52), (11, 50)]) == {1: 1, 3: 0}
    assert by_name(measure_moving(record, [(12, 52), (11, 50)]))["moving_f1"].total == 1.0
    assert by_name(measure_moving(record, [(11, 50)]))["moving_f1"].total == pytest.approx(2 / 3)
    assert by_name(measure_moving(record, [(88, 50)]))["moving_f1"].total == 0.0
    # More points than marks: three of them are marks, two of those right, of five said.
    many = by_name(measure_moving(record, [(11, 50), (88, 50), (30, 80), (1, 1), (2, 2)]))
    assert many["moving_f1"].total == pytest.approx(2 * 2 / (2 + 5))
    assert name_nearest(record, []) == {}


def test_traces_without_numbers_are_moved_to_their_marks() -> None:
    record = a_record("tom", MOVERS)
    # Beside mark 1 by 2 px and as it moves; mark 3 is 1 and 2 px short.
    said = [[(30, 80), (30, 82), (30, 84)], [(12, 50), (16, 50), (20, 50)]]
    found = by_name(measure_traces(record, PATHS, said))
    assert (found["ade"].total, found["fde"].total) == pytest.approx((3, 4))
    assert (found["moving_f1"].total, found["traces_missing"].total) == (1.0, 0.0)


def boxes(*boxes: tuple[float, float, float, float]) -> list[dict[str, Any]]:
    return [
        {"x": (x0 + x1 - 1) / 2, "y": (y0 + y1 - 1) / 2, "x0": x0, "y0": y0, "x1": x1, "y1": y1}
        for x0, y0, x1, y1 in boxes
    ]


BUTTONS = boxes((0, 0, 64, 32), (8, 8, 24, 24), (100, 100, 132, 132), (200, 200, 216, 216))


def test_the_target_is_measured_by_its_mark_and_by_its_box() -> None:
    record = a_record("ui", BUTTONS, target_mark=1, action={"kind": "click"})
    found = by_name(measure_target(record, Action("click", mark=2, point=(63, 31)), "click"))
    assert (found["mark_accuracy"].total, found["mark_accuracy"].others["random mark"]) == (0.0, 0.25)
    assert found["click_accuracy"].total == 1.0  # the last pixel of the box
    assert found["click_accuracy"].others == pytest.approx(
        {"random point": 64 * 32 / SIZE**2, "random mark": 2 / 4, "256 bins": 1.0}
    )
    assert (found["kind_accuracy"].total, found["kind_accuracy"].others["always click"]) == (1.0, 1.0)
    missed = by_name(measure_target(record, Action("scroll", mark=1, point=(64, 31)), "click"))
    assert (missed["mark_accuracy"].total, missed["click_accuracy"].total, missed["kind_accuracy"].total) == (
        1,
        0,
        0,
    )


def test_where_only_a_mark_is_asked_for_no_kind_is_measured() -> None:
    record = a_record("ui", BUTTONS, target_mark=3, action={"kind": "click"})
    found = by_name(measure_target(record, Action("", mark=3, point=(110, 110)), ""))
    assert [(name, one.total) for name, one in found.items()] == [("mark_accuracy", 1), ("click_accuracy", 1)]


def test_unread_targets_are_wrong() -> None:
    record = a_record("ui", BUTTONS, target_mark=3, action={"kind": "type"})
    found = by_name(measure_target(record, None, "type"))
    assert [found[name].total for name in ("mark_accuracy", "click_accuracy", "kind_accuracy")] == [0, 0, 0]
    assert found["kind_accuracy"].others["always click"] == 0


def test_an_action_on_nothing_is_measured_by_its_kind_alone() -> None:
    record = a_record("ui", BUTTONS, action={"kind": "scroll"})
    assert list(by_name(measure_target(record, Action("scroll", "up"), "scroll"))) == ["kind_accuracy"]


STATS = ActionStats(
    names=("dx", "grip"),
    count=10,
    q01=(-1.0, 0.0),
    q99=(1.0, 0.0),
    min=(-2.0, 0.0),
    max=(2.0, 4.0),
    mean=(0.5, 1.0),
    std=(1.0, 1.0),
    origin="measured",
)


def test_actions_are_measured_in_bins_and_ranges_beside_the_mean() -> None:
    values = np.array([[0.0, 0.0]])
    bins, _ = bins_of(values, STATS)
    record = a_record(
        "robot",
        [],
        action={"kind": "robot", "values": values.ravel(), "bins": bins.ravel(), "names": STATS.names},
    )
    found = by_name(measure_robot(record, np.array([[128 + 64, 128]]), STATS))
    assert found["action_bins"].total == 32  # 64 and 0
    # The mean 0.5 lies in bin 192, as what is said; 1.0 of a dimension without a range in 128.
    assert found["action_bins"].others["mean action"] == 32
    # Half a bin of 2/256 beside 0.5; ranges are 2 and, of min..max, 4.
    assert found["action_l1 toys dx"].total == pytest.approx(0.5 + 1 / 256)
    assert found["action_l1 toys dx"].others["mean action"] == pytest.approx(0.5)
    assert found["action_l1"].total == pytest.approx((0.5 + 1 / 256) / 2 / 2)
    assert found["action_l1"].others["mean action"] == pytest.approx((0.5 / 2 + 1.0 / 4) / 2)


@pytest.mark.parametrize("said", [None, np.array([[1, 2, 3]]), np.array([[1, 2], [3, 4]])])
def test_actions_that_are_unread_or_of_another_shape_count_as_the_mean(
    said: NDArray[np.int64] | None,
) -> None:
    record = a_record(
        "robot", [], action={"kind": "robot", "values": [0.0, 0.0], "bins": [128, 128], "names": STATS.names}
    )
    found = by_name(measure_robot(record, said, STATS))
    assert found["action_bins"].total == found["action_bins"].others["mean action"] == 32
    assert found["action_l1"].total == found["action_l1"].others["mean action"] > 0


points = st.tuples(st.floats(-40, 340, width=32), st.floats(-40, 340, width=32))
inner = st.tuples(st.floats(0, 255, width=32), st.floats(0, 255, width=32))


@given(
    st.lists(
        st.tuples(inner, st.lists(points, min_size=3, max_size=3), st.booleans()), min_size=1, max_size=6
    )
)
def test_the_truth_scores_perfectly(drawn: list[tuple[Any, list[Any], bool]]) -> None:
    marks = [{"x": x, "y": y, "foreground": moves} for (x, y), _, moves in drawn]
    traces = traces_of(*([start, *path] for start, path, _ in drawn))
    record = a_record("tom", marks)
    cells, _ = quantise(traces[..., :2], SIZE, SIZE)
    said = {
        k + 1: [(int(x), int(y)) for x, y in cells[1:, k]]
        for k, mark in enumerate(marks)
        if mark["foreground"]
    }
    located = {k + 1: (int(x), int(y)) for k, (x, y) in enumerate(cells[0])}
    found = by_name(
        [
            *measure_marks(record, parse_answer(MARKS, format_som(located))),
            *measure_traces(record, traces, parse_answer(TRACES, format_tom(said))),
        ]
    )
    perfect = {"location_px": 0.0, "location_near": 1.0, "moving_f1": 1.0, "still_seen": 1.0}
    for name, one in found.items():
        assert one.total / one.count == pytest.approx(perfect.get(name, 0.0)), name


@given(st.integers(0, 2**32))
def test_what_is_said_of_a_trace_never_makes_leaving_it_out_better(seed: int) -> None:
    """Without an answer the error is that of no motion, whatever the truth is."""
    random = np.random.default_rng(seed)
    marks = [{"x": x, "y": y, "foreground": True} for x, y in random.uniform(0, 255, (3, 2))]
    traces = traces_of(*([(m["x"], m["y"]), *random.uniform(0, 255, (4, 2)).tolist()] for m in marks))
    found = by_name(measure_traces(a_record("tom", marks), traces, {}))
    assert found["ade"].total == found["ade"].others["no motion"]
