"""The ablation's score: answers with and without marks against the truth of the clip."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from somtom.pipelines.ablation import TITLES, VARIANTS, read_results, table_lines
from somtom.pipelines.ablation_score import (
    Mover,
    first_named,
    read_truth,
    score_answer,
    score_chance,
    score_standing,
)
from somtom.pipelines.commands_ablation import VARIANTS as OFFERED
from somtom.pipelines.samples_moves import travelled, write_moves
from somtom.schemas.answers import quantise
from somtom.schemas.reasons import DataError

STEPS = 8
MOVER = Mover(60.0, 100.0, 20.0, (64.0, 0.0))
RECORD: dict[str, Any] = {
    "width": 256,
    "height": 256,
    "marks": [{"id": 1, "x": 60.0, "y": 100.0}, {"id": 2, "x": 200.0, "y": 30.0}],
}


def path_from(x: float, y: float, goes_x: float = 64.0, goes_y: float = 0.0) -> list[tuple[int, int]]:
    """The positions after the first frame, in bins."""
    way = np.array([x, y]) + travelled(STEPS + 1)[1:, None] * np.array([goes_x, goes_y])
    return [(int(one), int(two)) for one, two in quantise(way, 256, 256)[0]]


def score(said: Any) -> dict[str, float]:
    return score_answer(RECORD, said, [MOVER], STEPS)


def test_the_right_mark_with_the_right_trace_has_no_error() -> None:
    found = score({1: path_from(60, 100)})
    assert (found["hit"], found["direction"]) == (1.0, 1.0)
    assert found["ade"] < 1.0 > found["fde"]  # half a bin is half a pixel here, a pixel at 512


def test_points_without_numbers_are_scored_alike() -> None:
    found = score([[(60, 100), *path_from(60, 100)]])
    assert (found["hit"], found["direction"]) == (1.0, 1.0)
    assert found["ade"] < 1.0


@pytest.mark.parametrize("said", [{1: (61, 101)}, [(65, 110)], {1: []}])
def test_an_answer_without_traces_has_only_a_hit(said: Any) -> None:
    assert score(said) == {"hit": 1.0}


@pytest.mark.parametrize("said", [None, {}, [], {7: path_from(60, 100)}])
def test_what_names_nothing_is_no_hit(said: Any) -> None:
    assert score(said) == {"hit": 0.0}


def test_another_mark_is_no_hit_and_its_distance_counts() -> None:
    found = score({2: path_from(200, 30)})
    assert (found["hit"], found["direction"]) == (0.0, 1.0)
    away = float(np.hypot(140, 70)) - 20
    assert found["ade"] == pytest.approx(2 * away, rel=0.02)


@pytest.mark.parametrize(
    ("goes", "right"), [((50, 30), 1.0), ((30, 50), 0.0), ((-64, 0), 0.0), ((0, 0), 0.0)]
)
def test_a_direction_is_right_within_45_degrees(goes: tuple[float, float], right: float) -> None:
    assert score({1: path_from(60, 100, *goes)})["direction"] == right


def test_a_short_trace_stays_where_it_ends_and_a_long_one_is_cut() -> None:
    whole = path_from(60, 100)
    assert score({1: [*whole, (0, 0)]}) == score({1: whole})
    assert score({1: whole[:3]})["fde"] > 60


def test_the_first_that_is_named_counts() -> None:
    start, path = first_named(RECORD, {2: [(200, 30)], 1: [(60, 100)]})
    assert start is not None and path is not None
    assert start.tolist() == [200.0, 30.0]
    assert path.shape == (2, 2)


def test_standing_still_is_off_by_the_whole_way_in_the_end() -> None:
    found = score_standing(RECORD, [MOVER], STEPS)
    assert found["fde"] == pytest.approx(128.0)
    assert found["ade"] == pytest.approx(128.0 * travelled(STEPS + 1)[1:].mean())
    assert score({1: [(60, 100)] * STEPS})["fde"] == pytest.approx(128.0, abs=1.5)


def test_chance_is_the_share_of_marks_and_of_the_picture() -> None:
    found = score_chance(RECORD, [MOVER])
    assert found["random mark"] == 0.5
    assert found["random point"] == pytest.approx(np.pi * 400 / 256**2)


def test_the_truth_is_that_of_the_samples(tmp_path: Path) -> None:
    write_moves(tmp_path, 6, 0)
    truth = read_truth(tmp_path / "truth" / "moves" / "train.jsonl")
    assert len(truth) == 5
    lines = (tmp_path / "truth" / "moves" / "train.jsonl").read_text().splitlines()
    for line in map(json.loads, lines):
        movers = truth[f"{line['name']}.mp4"]
        assert len(movers) == (0 if line["cue"] == "rest" else line["named"])
    with pytest.raises(DataError, match="is not there"):
        read_truth(tmp_path / "none.jsonl")
    (tmp_path / "bad.jsonl").write_text('{"name": 1}\n')
    with pytest.raises(DataError, match="no truth of the sample moves"):
        read_truth(tmp_path / "bad.jsonl")


def test_the_table_has_mean_and_deviation_of_each_variant() -> None:
    runs = [
        {"hit": 0.5, "ade": 10.0, "hit random mark": 0.2, "ade no motion": 50.0},
        {"hit": 0.7, "ade": 12.0, "hit random mark": 0.2, "ade no motion": 50.0},
    ]
    lines = list(table_lines({"raw": [], "som": [{"hit": 0.4}], "som-tom": runs}))
    assert lines[0] == "| | seeds | hit, % | ade, px |"
    assert lines[2:] == [
        "| SoM | 1 | 40.0 | - |",
        "| SoM + ToM | 2 | 60.0 ± 14.1 | 11.0 ± 1.4 |",
        "| random mark | | 20.0 | - |",
        "| no motion | | - | 50.0 |",
    ]


def test_the_command_offers_every_variant() -> None:
    assert set(OFFERED) == set(VARIANTS) == set(TITLES)


def test_results_are_read_by_variant_and_further_data_sets_get_columns(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    for name in ("som-0", "som-tom-0", "som-tom-1"):
        found = {"hit": 0.5, "label ade": 9.0, "set 2 f1": 0.25, "set 2 f1 random marks": 0.2}
        (tmp_path / "results" / f"{name}.json").write_text(json.dumps(found))
    results = read_results(tmp_path)
    assert {name: len(runs) for name, runs in results.items() if runs} == {"som": 1, "som-tom": 2}
    lines = list(table_lines(results))
    assert lines[0] == "| | seeds | hit, % | label ade, px | set 2 f1, % |"
    assert lines[-1] == "| random marks | | - | - | 20.0 |"
