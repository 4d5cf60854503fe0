"""Statistics of actions that programs which train on RLDS leave beside the shards."""

from collections.abc import Mapping, Sequence

from somtom.schemas.action_stats import PUBLISHED, ActionStats
from somtom.schemas.reasons import DataError
from somtom.sources.json_files import read_json
from somtom.sources.listing import list_files

FILES = "dataset_statistics*.json"
# Octo and OpenVLA write the same file; later versions of Octo call its quantiles p01 and p99.
NAMES = (("q01", "p01"), ("q99", "p99"), ("min",), ("max",), ("mean",), ("std",))


def read_published(
    folder: str, dataset: str, names: tuple[str, ...], kept: Sequence[int], width: int
) -> ActionStats | None:
    """Read the one file of statistics in a version's folder.

    Args:
        folder: the version's folder.
        dataset: name under which they stand in a file of several data sets.
        names: D names of the dimensions.
        kept: their places among the `width` dimensions that the file must have.

    Returns:
        None where there is no such file, or several, or where its numbers do not fit.

    Raises:
        OSError: the store failed.
    """
    try:
        files = list(list_files(f"{folder}/{FILES}"))
        tree = read_json(files[0].locator) if len(files) == 1 else None
    except DataError:
        return None
    if isinstance(tree, Mapping) and isinstance(tree.get(dataset), Mapping):
        tree = tree[dataset]
    action = tree.get("action") if isinstance(tree, Mapping) else None
    if not isinstance(tree, Mapping) or not isinstance(action, Mapping):
        return None
    q01, q99, least, most, mean, std = (_column(action, aliases, kept, width) for aliases in NAMES)
    count = tree.get("num_transitions")
    try:
        return ActionStats(
            names, count if type(count) is int else -1, q01, q99, least, most, mean, std, origin=PUBLISHED
        )
    except ValueError:
        return None


def _column(
    action: Mapping[str, object], aliases: Sequence[str], kept: Sequence[int], width: int
) -> tuple[float, ...]:
    """One number for each dimension that is kept; empty where the file has another count of them."""
    values = next((action[name] for name in aliases if name in action), None)
    if not isinstance(values, list) or len(values) != width:
        return ()
    if any(type(value) not in (int, float) for value in values):
        return ()
    return tuple(float(values[place]) for place in kept)
