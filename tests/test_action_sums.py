import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest

from somtom.pipelines.action_sums import gather_stats, sum_actions
from somtom.schemas.action_stats import ActionStats
from somtom.schemas.refs import Item
from somtom.schemas.sketch import ActionSketch
from somtom.sources.episodes import Episode, EpisodeSource

ROWS = np.random.default_rng(0).normal(size=(200, 2))


def stats_of(rows: Any, names: tuple[str, ...], origin: str = "published") -> ActionStats:
    q01, q99 = np.quantile(rows, [0.01, 0.99], axis=0)
    columns = (q01, q99, rows.min(0), rows.max(0), rows.mean(0), rows.std(0))
    return ActionStats(names, len(rows), *(tuple(column.tolist()) for column in columns), origin)


@dataclass(frozen=True, kw_only=True)
class Robot(EpisodeSource):
    """Robot episodes that come with the statistics of `ROWS * scale`."""

    kind: ClassVar[str] = "robot"

    scale: float = 1.0
    names: tuple[str, ...] = ("x", "y")

    def items(self, index: int) -> Iterator[Item]:
        raise NotImplementedError

    def open(self, uri: str, locator: str, payload: str) -> Episode:
        raise NotImplementedError

    def published_stats(self) -> ActionStats | None:
        return stats_of(ROWS * self.scale, self.names)


def sketch_of(rows: Any) -> ActionSketch:
    sketch = ActionSketch(rows.shape[1])
    sketch.add(rows)
    return sketch


def gathered(source: EpisodeSource, *parts: tuple[tuple[str, ...], Any]) -> dict[str, ActionStats]:
    sums = sum_actions([source], [(0, names, sketch_of(rows)) for names, rows in parts])
    return gather_stats([source], sums, {})


def test_published_statistics_that_fit_are_taken() -> None:
    ((name, stats),) = gathered(Robot(path="robots/"), (("x", "y"), ROWS)).items()

    assert (name, stats.origin) == ("robots", "published")


def test_published_statistics_that_would_clip_too_much_give_way(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        stats = gathered(Robot(path="r", scale=0.3), (("x", "y"), ROWS))["r"]

    assert stats.origin == "measured"
    np.testing.assert_allclose(stats.q99, np.quantile(ROWS, 0.99, axis=0), rtol=2e-3)
    assert "outside of its published q01..q99" in caplog.text


@pytest.mark.parametrize(
    ("settings", "origin"),
    [
        ({"scale": 0.3, "statistics": "published"}, "published"),
        ({"statistics": "measured"}, "measured"),
        ({"names": ("x", "z"), "statistics": "published"}, "measured"),
    ],
)
def test_the_setting_decides_unless_the_dimensions_differ(settings: dict[str, Any], origin: str) -> None:
    assert gathered(Robot(path="r", **settings), (("x", "y"), ROWS))["r"].origin == origin


def test_a_wrong_setting_is_refused() -> None:
    with pytest.raises(ValueError, match="statistics must be one of"):
        Robot(path="r", statistics="guessed")


def test_most_steps_decide_where_episodes_differ(caplog: pytest.LogCaptureFixture) -> None:
    parts = [(("x",), ROWS[:30, :1]), (("x", "y"), ROWS[:100]), (("x",), ROWS[30:60, :1])]

    with caplog.at_level(logging.WARNING):
        stats = gathered(Robot(path="r"), *parts)["r"]

    assert (stats.names, stats.origin) == (("x", "y"), "published")
    assert "differ in width or names" in caplog.text


def test_the_order_of_the_parts_leaves_no_trace() -> None:
    parts = [(("x", "y"), ROWS[start : start + 20]) for start in range(0, 200, 20)]
    source = Robot(path="r", statistics="measured")

    assert gathered(source, *parts) == gathered(source, *reversed(parts))


def test_what_was_known_before_stays() -> None:
    source = Robot(path="r")
    known = {"r": stats_of(ROWS * 9, ("x", "y"))}

    assert gather_stats([source], sum_actions([source], [(0, ("x", "y"), sketch_of(ROWS))]), known) == known
