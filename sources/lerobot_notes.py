"""What a LeRobot data set holds, said for a person: a look at its metadata and one episode, no picture."""

from collections.abc import Iterator, Sequence

from somtom.schemas.reasons import DataError
from somtom.schemas.refs import Item
from somtom.sources.lerobot_episode import LerobotEpisode, Wanted, find_data, open_episode
from somtom.sources.lerobot_index import list_episodes, paths_of, read_tasks, row_of
from somtom.sources.lerobot_layout import Layout


def action_columns(layout: Layout) -> tuple[str, ...]:
    """The columns that make the action: the usual one, or those whose names begin like it."""
    if "action" in layout.features:
        return ("action",)
    return tuple(key for key in layout.features if key.startswith("action.")) or ("action",)


def describe(layout: Layout, wanted: Wanted, published: bool) -> Iterator[str]:
    """Say what is there and what is odd, a line each; `published`: statistics of the actions are there."""
    files = "several episodes a file" if layout.shares_files else "a file an episode"
    yield f"LeRobot {layout.version or '(no version)'}: {files}, {layout.fps:g} steps a second"
    for key in layout.cameras:
        feature = layout.features[key]
        kind = "depth " if feature.is_depth else ""
        yield f"camera {key}: {kind}{feature.dtype} {_size(feature.shape)} {feature.codec}".rstrip()
    believed = "published (believed only where the actions fit them)"
    yield f"statistics: {believed if published else 'none with q01 and q99; they are measured'}"
    try:
        tasks = read_tasks(layout)
        yield f"{len(tasks)} tasks" + (f", such as {next(iter(tasks.values()))!r}" if tasks else "")
        items = list(list_episodes(layout, 0))
        yield f"{len(items)} episodes in the index"
        row = row_of(items[0].payload)
        first = open_episode(items[0].uri, row, layout, tasks, wanted)
        yield f"{items[0].uri}: {len(first.times_s)} steps, {first.instruction!r}"
        yield f"action: {_named(first.action_names)}"
        yield f"state: {_named(first.state_names)}"
        yield from _oddities(layout, items, first)
    except DataError as error:
        yield f"{error.reason}: {error.message}"


def _oddities(layout: Layout, items: Sequence[Item], first: LerobotEpisode) -> Iterator[str]:
    if first.warning:
        yield f"odd: {first.warning}"
    if first.times_s[0] > 1e-3:
        yield f"odd: the first step is at {first.times_s[0]:.4f} s; its picture is the video's at that time"
    last = row_of(items[-1].payload)
    if find_data(layout, last) != paths_of(layout, last)[0]:
        yield "odd: data_path does not fit the files, which lie where LeRobot usually has them"


def _named(names: Sequence[str]) -> str:
    some = ", ".join(names[:3]) + (f", ... {names[-1]}" if len(names) > 3 else "")
    return f"{len(names)} numbers: {some}" if names else "none"


def _size(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))
