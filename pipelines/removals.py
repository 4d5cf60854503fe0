"""Takes out of a data set what its list of removals names: which shards that concerns."""

import logging
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from somtom.pipelines.config_rules import ConfigError
from somtom.schemas.folder import plan_path, removals_path
from somtom.schemas.manifest import Manifest, done_manifest
from somtom.schemas.plan_table import PlannedShard, read_plan
from somtom.schemas.reasons import DataError
from somtom.schemas.removals import REMOVED, add_removals, is_named, read_removals


def take_removals(folder: Path, *lists: Path) -> frozenset[str]:
    """Add the names of further lists to the data set's own, and give all of them.

    Raises:
        ConfigError: a list cannot be read.
    """
    try:
        for one in lists:
            add_removals(folder, read_removals(one))
        return frozenset(read_removals(removals_path(folder)))
    except DataError as error:
        raise ConfigError(error.message) from error


def file_of_removals(setting: str) -> list[Path]:
    """The file that output.removals names, if it does.

    Raises:
        ConfigError: it is not there.
    """
    if not setting:
        return []
    path = Path(setting).expanduser()
    if not path.is_file():
        raise ConfigError(f"output.removals = {setting!r}: is no file")
    return [path]


def shards_to_make(
    folder: Path,
    planned: Sequence[PlannedShard],
    names: Collection[str],
    can_return: bool,
    done: Callable[[PlannedShard, Manifest], None] = lambda shard, manifest: None,
) -> set[str]:
    """Name the shards that are not done, or hold what is to be taken out now.

    `can_return`: also those that lack what is no longer named. `done` is told of all others, with their
    manifests: of hundreds of thousands of shards each is read once.
    """
    wanted = _named(folder, names) if names else {}
    todo: set[str] = set()
    for one in planned:
        manifest = done_manifest(folder, one)
        if manifest is None or _differs(manifest, wanted.get(one.name, set()), can_return):
            todo.add(one.name)
        else:
            done(one, manifest)
    return todo


def _differs(manifest: Manifest, wanted: set[str], can_return: bool) -> bool:
    removed = {one.key for one in manifest.rejects if one.reason == REMOVED}
    return removed != wanted if can_return else not wanted <= removed


def _named(folder: Path, names: Collection[str]) -> dict[str, set[str]]:
    """The keys that the names mean, by shard; names that mean nothing are said."""
    keys: dict[str, set[str]] = {}
    meant: set[str] = set()
    for spec in read_plan(plan_path(folder)):
        for ref in spec.refs:
            if is_named(ref, names):
                keys.setdefault(spec.name, set()).add(ref.key)
                meant.update((ref.key, ref.uri, ref.group))
    if unknown := [name for name in names if name not in meant]:
        logging.getLogger(__name__).warning(
            "removals.txt: %d names are no key, uri or group of the plan, such as %s",
            len(unknown),
            min(unknown),
        )
    return keys
