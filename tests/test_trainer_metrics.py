"""Scores over many samples: means, intervals, baselines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from somtom.trainer.measures import Measure
from somtom.trainer.metrics import METRICS, Score, Scores


def scores_of(*found: tuple[str, Measure]) -> dict[str, Score]:
    scores = Scores()
    for group, measure in found:
        scores.add(group, [measure])
    return {one.metric: one for one in scores.scores()}


def test_means_are_over_the_things_measured() -> None:
    score = scores_of(
        ("a", Measure("ade", 10, 1, {"no motion": 20})), ("b", Measure("ade", 20, 4, {"no motion": 10}))
    )["ade"]
    assert (score.value, score.count, score.samples, score.groups) == (6.0, 5, 2, 2)
    assert [(one.name, one.value) for one in score.baselines] == [("no motion", 6.0)]
    assert score.low == 5.0 and score.high == 10.0  # all draws of b alone, all of a alone


def test_measures_of_one_sample_count_it_once() -> None:
    scores = Scores()
    scores.add("a", [Measure("loss", 2.0, 3), Measure("loss", 4.0, 3)])
    (score,) = scores.scores()
    assert (score.value, score.count, score.samples) == (1.0, 6, 1)


def test_a_baseline_is_beaten_only_when_the_interval_says_so() -> None:
    better = scores_of(*((str(k), Measure("ade", 1 + k % 2, 1, {"no motion": 5})) for k in range(8)))["ade"]
    worse = scores_of(*((str(k), Measure("ade", 9 + k % 2, 1, {"no motion": 5})) for k in range(8)))["ade"]
    open_ = scores_of(*((str(k), Measure("ade", 10 * (k % 2), 1, {"no motion": 5})) for k in range(8)))["ade"]
    same = scores_of(*((str(k), Measure("ade", 0.1 * k, 1, {"no motion": 0.3 * k / 3})) for k in range(8)))[
        "ade"
    ]
    right = scores_of(*((str(k), Measure("mark_accuracy", 1, 1, {"random mark": 0.2})) for k in range(8)))
    said = [one.baselines[0].beaten for one in (better, worse, open_, same, right["mark_accuracy"])]
    assert said == ["yes", "no", "unsure", "no", "yes"]


def test_one_group_gives_no_interval_and_no_verdict() -> None:
    score = scores_of(("a", Measure("ade", 1, 1, {"no motion": 5})))["ade"]
    assert score.low == score.high == score.value == 1.0
    assert score.baselines[0].beaten == "unsure"


def test_scores_come_in_the_order_of_the_table() -> None:
    named = [*reversed(METRICS), "action_l1 toys dx"]
    assert list(scores_of(*(("a", Measure(name, 1.0)) for name in named))) == [*METRICS, "action_l1 toys dx"]


@given(
    st.lists(
        st.tuples(st.sampled_from("abcd"), st.floats(0, 100), st.integers(1, 5)), min_size=1, max_size=20
    )
)
def test_the_interval_is_seeded_holds_together_and_ignores_the_order(
    drawn: list[tuple[str, float, int]],
) -> None:
    found = [
        (group, Measure("ade", total, count, {"no motion": 50.0 * count})) for group, total, count in drawn
    ]
    first, again = scores_of(*found)["ade"], scores_of(*reversed(found))["ade"]
    assert first.low == pytest.approx(again.low) and first.high == pytest.approx(again.high)
    assert first.low <= first.high
    means = [total / count for _, total, count in drawn]
    assert min(means) - 1e-9 <= first.low <= first.high <= max(means) + 1e-9
    assert first.baselines[0].value == pytest.approx(50.0)
