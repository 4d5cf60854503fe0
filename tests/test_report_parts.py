"""The parts of the report that think: which samples, which bars, which duplicates, which HTML."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from somtom.pipelines.report_charts import histogram_figure
from somtom.pipelines.report_choice import stratified_order
from somtom.pipelines.report_duplicates import find_looks
from somtom.pipelines.report_figures import histogram
from somtom.pipelines.report_html import Html, element, script_data

finite = st.floats(-1e9, 1e9, allow_nan=False)


def columns_of(tasks: list[str], **more: list[str]) -> dict[str, np.ndarray]:
    texts = {
        "key": [f"k{row}" for row in range(len(tasks))],
        "task": tasks,
        "dataset": ["d"] * len(tasks),
        "split": ["train"] * len(tasks),
        "uri": [f"{row}.mp4" for row in range(len(tasks))],
    }
    return {name: np.array(values, dtype=object) for name, values in (texts | more).items()}


@given(st.lists(st.sampled_from(["ui", "tom", "vl"]), max_size=30))
def test_any_beginning_of_the_order_has_as_much_as_can_be_of_each_stratum(tasks: list[str]) -> None:
    order = stratified_order(columns_of(tasks)).tolist()
    assert sorted(order) == list(range(len(tasks)))
    for end in range(len(order)):
        counts = {task: sum(tasks[row] == task for row in order[:end]) for task in set(tasks)}
        unfinished = [counts[task] for task in counts if counts[task] < tasks.count(task)]
        assert not unfinished or max(counts.values()) <= min(unfinished) + 1


def test_tasks_take_turns_even_where_one_has_most_of_the_sources() -> None:
    columns = columns_of(["ui"] * 6 + ["tom"], dataset=["a", "b", "c", "d", "e", "f", "g"])
    assert 6 in stratified_order(columns)[:2]


@given(st.lists(finite, max_size=60), st.sampled_from(["linear", "log", "count"]))
def test_every_number_is_in_one_bar(values: list[float], scale: str) -> None:
    numbers = np.array([round(one) for one in values] if scale == "count" else values, dtype=np.float64)
    shown = histogram({"all": np.append(numbers, [np.nan, np.inf])}, scale)  # type: ignore[arg-type]  # sampled
    expected = int((numbers > 0).sum()) if scale == "log" else len(numbers)
    assert (shown.total if shown else 0) == expected
    if shown:
        assert (np.diff(shown.edges) > 0).all() and len(shown.edges) <= 60
        assert shown.low <= shown.median <= shown.high


def test_a_count_has_a_bar_for_each_whole_number() -> None:
    shown = histogram({"a": np.array([3.0, 3, 5]), "b": np.array([4.0])}, "count")
    assert shown is not None and shown.edges.tolist() == [2.5, 3.5, 4.5, 5.5]
    assert {name: counts.tolist() for name, counts in shown.series.items()} == {
        "a": [2, 0, 1],
        "b": [0, 1, 0],
    }


def test_a_chart_has_its_numbers_as_a_table_and_bars_that_filter() -> None:
    shown = histogram({"tom": np.array([0.1, 0.1, 0.9])}, "linear")
    assert shown is not None
    drawn = histogram_figure("Share <b>", "share", "samples", shown, column="quality_visible_share")
    assert "Share &lt;b&gt;" in drawn and "<b>" not in drawn
    assert 'data-column="quality_visible_share"' in drawn and '<td class="number">2</td>' in drawn


def test_looks_are_of_different_groups_and_those_across_splits_come_first() -> None:
    near, far = "00000000000000ff", "0f0f0f0f0f0f0f0f"
    columns = columns_of(
        ["ui"] * 6,
        shard=["train-000000"] * 6,
        uri=["a", "a", "b", "c", "d", "e"],
        group=["a", "a", "b", "c", "d", "e"],
        split=["train", "train", "train", "val", "train", "train"],
        picture_hash=[far, far, far, near, "00000000000000fe", ""],
    )
    found = find_looks(columns)
    assert found is not None and found.hashed == 5 and found.repeats == 1
    assert [(look.rows, look.leaks, look.exact) for look in found.several] == [
        ((3, 4), True, False),
        ((0, 1, 2), False, True),
    ]
    assert found.shown(columns) == [3, 4, 0, 2]


def test_a_table_without_hashes_has_no_looks() -> None:
    assert find_looks(columns_of(["ui"])) is None


@pytest.mark.parametrize("text", ["</script>", "<!--", "\u2028", "&", '"', "\ud7ff", "\x00"])
def test_json_in_the_page_holds_no_sign_of_html(text: str) -> None:
    inside = script_data("x", [text]).removeprefix('<script type="application/json" id="x">')
    assert inside.endswith("</script>") and inside.isascii()
    assert not set(inside.removesuffix("</script>")) & set("<>&")


def test_children_and_attributes_are_escaped_unless_they_are_html() -> None:
    made = element("a", "<i>", Html("<b></b>"), href='"><script>', data_x="&")
    assert made == '<a href="&quot;&gt;&lt;script&gt;" data-x="&amp;">&lt;i&gt;<b></b></a>'
