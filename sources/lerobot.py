"""LeRobot data sets, v2.0, v2.1 and v3.0: Parquet rows and videos of robot episodes."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from somtom.schemas.action_stats import PUBLISHED, ActionStats
from somtom.schemas.reasons import DataError
from somtom.schemas.refs import Item
from somtom.sources.dimensions import pick_dimensions
from somtom.sources.episodes import Episode, EpisodeSource
from somtom.sources.lerobot_episode import Wanted, open_episode
from somtom.sources.lerobot_index import list_episodes, read_tasks, row_of
from somtom.sources.lerobot_layout import Layout, read_json, read_layout
from somtom.sources.lerobot_notes import action_columns, describe
from somtom.sources.lerobot_vectors import name_vector
from somtom.sources.source import Found

STATISTICS = ("q01", "q99", "min", "max", "mean", "std")


@dataclass(frozen=True)
class LerobotSource(EpisodeSource):
    """Robot episodes as LeRobot publishes them: a folder with meta/, data/ and videos/."""

    kind: ClassVar[str] = "lerobot"

    action: tuple[str, ...] = ("action",)  # columns of the action; several are laid side by side
    state: tuple[str, ...] = ("observation.state",)  # columns of the state; empty = none
    action_dims: tuple[str, ...] = ()  # dimensions to take, by name, place or part; empty = all
    instruction: str = ""  # column of the instruction, text or task numbers; "" = task_index
    tolerance_s: float = 0.0  # how far a frame may be from a step's time; 0 = half of the steps' interval

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.action:
            raise ValueError("action must name at least one column")
        if not (math.isfinite(self.tolerance_s) and 0 <= self.tolerance_s <= 60):
            raise ValueError(f"tolerance_s must be 0 to 60, got {self.tolerance_s!r}")

    @classmethod
    def recognise(cls, path: str) -> Found | None:
        """Look at meta/info.json; see `Source.recognise`."""
        try:
            layout = read_layout(path)
            columns = action_columns(layout)
            source = cls(path, action=columns)
            published = source.published_stats() is not None
            notes = tuple(describe(layout, source._wanted, published))
        except DataError:
            return None
        settings: dict[str, object] = {"path": path} | (
            {} if columns == cls.action else {"action": list(columns)}
        )
        return Found(settings, notes, is_whole=True)

    @cached_property
    def layout(self) -> Layout:
        """The data set's metadata; loaded once and carried along when the source is sent to a worker."""
        return read_layout(self.path)

    @cached_property
    def tasks(self) -> dict[int, str]:
        """Texts by `task_index`."""
        return read_tasks(self.layout)

    def items(self, index: int) -> Iterator[Item]:
        """List the episodes of the data set's own index; see `Source.items`."""
        yield from list_episodes(self.layout, index)

    def open(self, uri: str, locator: str, payload: str) -> Episode:
        """Open an episode; see `EpisodeSource.open`."""
        row = row_of(payload)
        return open_episode(uri, row, self.layout, self.tasks, self._wanted)

    @property
    def _wanted(self) -> Wanted:
        return Wanted(
            self.action, self.state, self.action_dims, self.instruction, self.cameras, self.tolerance_s
        )

    def published_stats(self) -> ActionStats | None:
        """What meta/stats.json says of the actions, if it knows all that is needed; measured otherwise."""
        try:
            layout = self.layout
            tree = read_json(f"{layout.root}/meta/stats.json")
            of_keys = [_statistics(tree.get(key)) for key in self.action]
            names = name_vector(layout, self.action, [len(one["q01"]) for one in of_keys])
            chosen = pick_dimensions(names, self.action_dims)
            joined = {}
            for name in STATISTICS:
                values = [number for one in of_keys for number in one[name]]
                joined[name] = tuple(values[place] for place in chosen)
            return ActionStats(
                names=tuple(names[place] for place in chosen),
                count=min(_count(tree[key]) for key in self.action),
                q01=joined["q01"],
                q99=joined["q99"],
                min=joined["min"],
                max=joined["max"],
                mean=joined["mean"],
                std=joined["std"],
                origin=PUBLISHED,
            )
        except (DataError, ValueError):
            return None


def _statistics(entry: object) -> dict[str, list[float]]:
    """The lists of one key, all of one length.

    Raises:
        ValueError: they are not.
    """
    if not isinstance(entry, dict):
        raise ValueError("no statistics")
    found = {name: _flat(entry.get(name)) for name in STATISTICS}
    if len({len(values) for values in found.values()}) != 1 or not found["q01"]:
        raise ValueError("statistics of different widths, or missing ones")
    return found


def _flat(value: Any, depth: int = 0) -> list[float]:
    """Numbers of a list, also of one within a list; nothing of anything else."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return [float(value)] if abs(value) < 1e300 else []
    if isinstance(value, list) and depth < 4:
        return [number for child in value for number in _flat(child, depth + 1)]
    return []


def _count(entry: dict[str, Any]) -> int:
    """Of how many actions, -1 where that is not said."""
    counts = _flat(entry.get("count"))
    return int(counts[0]) if len(counts) == 1 and counts[0] >= 0 and counts[0].is_integer() else -1
