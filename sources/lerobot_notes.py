"""What a folder that looks like a LeRobot data set holds, said for a person."""

from collections.abc import Iterator

from somtom.schemas.reasons import DataError
from somtom.sources.lerobot_episode import Wanted, open_episode
from somtom.sources.lerobot_index import list_episodes, read_tasks, row_of
from somtom.sources.lerobot_layout import Layout, exists, read_layout
from somtom.sources.source import Found


def describe(path: str) -> Found | None:
    """Say what is there; None where it is no LeRobot data set. See `Source.recognise`."""
    if not exists(f"{path.rstrip('/')}/meta/info.json"):
        return None
    try:
        layout = read_layout(path)
    except DataError:
        return None
    settings: dict[str, object] = {"path": path}
    actions = tuple(key for key in layout.features if key == "action" or key.startswith("action."))
    if actions and actions != ("action",) and "action" not in actions:
        settings["action"] = list(actions)
    return Found(settings, tuple(_notes(layout, actions or ("action",))))


def _notes(layout: Layout, actions: tuple[str, ...]) -> Iterator[str]:
    files = "several episodes a file" if layout.shares_files else "a file an episode"
    yield f"LeRobot {layout.version or 'of no version'}, {files}, {layout.fps:g} steps a second"
    for key in layout.cameras:
        feature = layout.features[key]
        size = "x".join(map(str, feature.shape))
        yield f"camera {key}: {feature.dtype} {size} {feature.codec}".rstrip()
    for key in (*actions, "observation.state"):
        if key in layout.features:
            feature = layout.features[key]
            yield f"{key}: {feature.dtype} {'x'.join(map(str, feature.shape))}, names {feature.names[:3]} ..."
    try:
        items = list(list_episodes(layout, 0))
        yield f"{len(items)} episodes in the index"
        tasks = read_tasks(layout)
        yield f"{len(tasks)} tasks, such as {next(iter(tasks.values()), '')!r}"
        first = open_episode(items[0].uri, row_of(items[0].payload), layout, tasks, Wanted(action=actions))
        start = f"{len(first.times_s)} steps from {first.times_s[0]:.4f} s on"
        yield f"{items[0].uri}: {start}, {first.instruction!r}"
        if first.warning:
            yield f"{items[0].uri}: {first.warning}"
    except DataError as error:
        yield f"first episode: {error.reason}: {error.message}"
