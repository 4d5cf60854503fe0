"""The plan stage: list the sources, scan each item, cut the clips found into shards."""

import dataclasses
import itertools
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from somtom.pipelines.action_sums import ActionSums, gather_stats, sum_actions
from somtom.pipelines.config import BuildConfig
from somtom.pipelines.config_rules import ConfigError
from somtom.pipelines.order import cut_shards, order_refs
from somtom.pipelines.output import OutputError, notes_path, work_path
from somtom.pipelines.runners import RunOptions
from somtom.pipelines.scans import Head, Scans
from somtom.pipelines.stage import FailureLimit, Stage
from somtom.schemas.action_stats import read_action_stats, write_action_stats
from somtom.schemas.books import SCAN
from somtom.schemas.folder import META, plan_path
from somtom.schemas.keys import digest
from somtom.schemas.meta_tables import ItemRow, read_items, read_rejects, write_items, write_rejects
from somtom.schemas.plan_table import PlannedShard, read_plan, read_plan_index, write_plan
from somtom.schemas.reasons import DataError, Reject
from somtom.schemas.record import storable_text
from somtom.schemas.refs import Item, ItemFacts, Ref, ShardSpec
from somtom.sources.files import is_remote, local_path
from somtom.sources.fingerprint import fingerprint
from somtom.tracking.trackers import make_tracker
from somtom.transforms.place import InFolder, Place
from somtom.transforms.scan import (
    SCAN_FORM,
    ScanItems,
    ScanTask,
    missing_tasks,
    read_actions,
    read_scan_heads,
)
from somtom.transforms.versions import label_settings, track_settings

ITEMS_PER_TASK = 8
SCANS = f"{META}/work/scans"  # in the data set's folder


def plan_build(
    config: BuildConfig, folder: Path, items: Sequence[Item], options: RunOptions, append: bool
) -> list[PlannedShard]:
    """Make the plan, extend it by new inputs (`append`), or take up the one that is there.

    Raises:
        OutputError: the inputs (`items`) are no longer those of the plan that is there.
    """
    put_in_place(folder)
    planned = plan_path(folder).is_file()
    if planned:
        refuse_other_version(config, folder)
    old_rows = list(read_items(folder)) if planned else []
    left = Counter((row.source, row.facts.uri) for row in old_rows)
    new = []
    for item in items:
        place = _place(config, item)
        if left[place]:
            left[place] -= 1
        else:
            new.append(item)
    if planned:
        _refuse_changed(config, folder, items, old_rows)
        if config.settings.output.limit:
            if append:
                raise OutputError(f"{folder}: was limited to some clips; --overwrite builds it without limit")
            new = []
        if new and not append:
            raise OutputError(
                f"{folder}: its plan lacks {len(new)} of the inputs (the first is {new[0].uri}); "
                "--append adds them, --overwrite builds anew"
            )
    if new:
        old_rejects = list(read_rejects(folder)) if planned else []
        seen = {(row.source, row.facts.uri) for row in old_rows}
        scans, actions = _scan(new, seen, config, folder, options)
        aside = work_path(folder) / "next"
        _write_plan(config, folder, aside, scans.refs, planned)
        write_items(aside, itertools.chain(old_rows, _item_rows(config, scans)))
        new_rejects = (reject for _, _, reject, _ in scans.heads() if reject is not None)
        write_rejects(aside, itertools.chain(old_rejects, new_rejects))
        if stats := gather_stats(config.sources, actions, read_action_stats(folder)):
            write_action_stats(aside, stats)
        aside.rename(work_path(folder) / "ready")
        options.output.keep_plan()
        put_in_place(folder)
        options.output.save()
    return read_plan_index(plan_path(folder))


def put_in_place(folder: Path) -> None:
    """Move the tables of a new plan to meta/, all of them, also when a run died in between."""
    ready = work_path(folder) / "ready"
    if ready.is_dir():
        for table in sorted((ready / META).iterdir()):
            table.replace(folder / META / table.name)
        shutil.rmtree(ready)


def refuse_other_version(config: BuildConfig, folder: Path) -> None:
    """Refuse to go on with a plan of another version of somtom: one data set would hold labels of two.

    Raises:
        OutputError: that is so.
    """
    now = digest(label_settings(config.settings))
    if any(one.label_digest != now for one in read_plan_index(plan_path(folder))):
        raise OutputError(
            f"{folder}: was planned by another version of somtom; go on with that one, or --overwrite"
        )


def list_items(config: BuildConfig) -> list[Item]:
    """List every source, in the order of the configuration.

    Raises:
        ConfigError: a source's path is not there or names nothing.
    """
    limit = config.settings.output.limit
    listed: list[list[Item]] = []
    for index, source in enumerate(config.sources):
        try:
            items = itertools.islice(source.items(index), limit or None)
            # A file's name need not be UTF-8, what is written must be.
            listed.append([dataclasses.replace(item, uri=storable_text(item.uri)) for item in items])
        except DataError as error:
            raise ConfigError(f"source[{index}].path = {source.path!r}: {error.message}") from error
        except (ValueError, OSError) as error:
            raise ConfigError(f"source[{index}]: {error}") from error
    if not limit:
        return [item for items in listed for item in items]
    # As many of each source as there are: a mix is to be tried out as a mix.
    rounds = itertools.zip_longest(*listed)
    some = [item for one in rounds for item in one if item is not None][:limit]
    return sorted(some, key=lambda item: item.source)


def scan_step(config: BuildConfig, folder: Path, place: Place) -> ScanItems:
    """What the scan stage needs to know, for a build in `folder` whose scans go to `place`."""
    settings = config.settings
    return ScanItems(
        sources=config.sources,
        shots=settings.shots,
        clips=settings.clips,
        run_length=settings.output.clips_per_run,
        place=place,
        folder=SCANS,
        notes=notes_path(folder),
    )


def _place(config: BuildConfig, item: Item) -> tuple[str, str]:
    """What names an item on every machine: its data set and its path there."""
    return config.sources[item.source].name, item.uri


def _scan(
    items: Sequence[Item],
    seen: set[tuple[str, str]],
    config: BuildConfig,
    folder: Path,
    options: RunOptions,
) -> tuple[Scans, ActionSums]:
    """Scan the items, each place once and none of `seen`; scans of an earlier run that died are taken up."""
    settings = config.settings
    first: list[Item] = []
    doubles: list[Head] = []
    for item in items:
        place = _place(config, item)
        if place in seen:
            doubles.append(_double(place[0], item))
        else:
            seen.add(place)
            first.append(item)
    # Workers of this machine see the folder; scans are of use to nobody else.
    target = options.output.place(folder, True) if options.is_elsewhere else InFolder(folder)
    step, scanned = scan_step(config, folder, target), folder / SCANS
    tasks = _tasks(first, config)
    todo = missing_tasks(tasks, scanned)
    stage = Stage[ScanTask]("scan", "inputs", step, lambda task: len(task.items), notes_path(folder))
    limit = FailureLimit(options.max_failure_ratio)

    def count(task: str, inputs: int) -> None:
        heads = read_scan_heads(scanned / f"{task}.jsonl")
        limit.add(inputs, [reject for _, _, reject, _ in heads if reject is not None])

    def finished(task: str, inputs: int) -> None:
        if options.is_elsewhere:
            options.output.fetch(f"{SCANS}/{task}.jsonl", f"{SCANS}/{task}.actions.json")
        count(task, inputs)

    done = [task for task in tasks if task not in todo]
    for task in done:
        count(task.name, len(task.items))
    on_any_worker = dataclasses.replace(options, hints=())  # scanning needs no GPU
    stage.run(todo, len(first), sum(len(task.items) for task in done), on_any_worker, finished)
    limit.settle()
    scans = Scans([scanned / f"{task.name}.jsonl" for task in tasks], doubles, settings.output.limit)
    parts = (part for task in tasks for part in read_actions(scanned, task))
    actions = sum_actions(config.sources, parts)
    return scans, actions


def _tasks(items: Sequence[Item], config: BuildConfig) -> list[ScanTask]:
    """Group items into tasks; a task's name covers everything that its result depends on."""
    settings = config.settings
    how = [
        SCAN_FORM,
        dataclasses.asdict(settings.shots),
        dataclasses.asdict(settings.clips),
        settings.output.clips_per_run,
        config.as_dict()["source"],
    ]
    tasks = []
    for start in range(0, len(items), ITEMS_PER_TASK):
        some = tuple(items[start : start + ITEMS_PER_TASK])
        stamps = [(*dataclasses.astuple(item), _stamp(item.locator)) for item in some]
        tasks.append(ScanTask(f"scan-{start:09d}-{digest(how, stamps)[:12]}", some))
    return tasks


def _stamp(locator: str) -> list[int]:
    """Size and time of change of a local file, to see whether an old scan still holds."""
    if is_remote(locator):
        return []
    try:
        status = local_path(locator).stat()
    except OSError:
        return []
    return [status.st_size, status.st_mtime_ns]


def _double(name: str, item: Item) -> Head:
    message = f"{name} has this path already; give the sources different `dataset` names if they differ"
    return item.source, ItemFacts(item.uri), Reject(name, item.uri, "", SCAN, "duplicate", message), 0


def _item_rows(config: BuildConfig, scans: Scans) -> Iterator[ItemRow]:
    for source, facts, reject, refs in scans.heads():
        yield ItemRow(config.sources[source].name, facts, refs, reject.reason if reject is not None else "")


def _write_plan(
    config: BuildConfig, folder: Path, aside: Path, refs: Callable[[], Iterable[Ref]], extend: bool
) -> None:
    """Cut the refs into shards behind those of the plan that is there, if any; the new plan is put aside."""
    settings = config.settings
    first: dict[str, int] = {}

    def old() -> Iterator[ShardSpec]:
        return read_plan(plan_path(folder)) if extend else iter(())

    if extend:
        for one in read_plan_index(plan_path(folder)):
            first[one.split] = int(one.name.rsplit("-", 1)[1]) + 1
    ordered = order_refs(
        refs,
        settings.output.val_fraction,
        work_path(folder) / "order",
        lambda: (ref for spec in old() for ref in spec.refs),
    )
    tracker = make_tracker(settings.tracking).info
    specs = cut_shards(
        ordered,
        settings.output.clips_per_shard,
        track_settings(settings, tracker, config.sources),
        label_settings(settings),
        first,
    )
    write_plan(plan_path(aside), itertools.chain(old(), specs))


def _refuse_changed(
    config: BuildConfig, folder: Path, items: Sequence[Item], rows: Sequence[ItemRow]
) -> None:
    """Refuse to go on with inputs that were written to after they were planned.

    Only a local file that is younger than the plan is looked at; an input that is more or less than one file
    is scanned again. Labelling checks each input once more.
    """
    settings = config.settings
    planned_at = plan_path(folder).stat().st_mtime_ns
    before = {(row.source, row.facts.uri): row.facts.fingerprint for row in rows if row.facts.fingerprint}
    for item in items:
        stamp = _stamp(item.locator)
        # The first of a place is the one that was planned.
        then = before.pop(_place(config, item), "")
        if not then or not stamp or stamp[1] <= planned_at or then == fingerprint(item.locator):
            continue
        source = config.sources[item.source]
        again = source.scan(item, settings.shots, settings.clips, settings.output.clips_per_run)
        if then != again.facts.fingerprint:
            raise OutputError(f"{folder}: {item.uri} changed after it was planned; --overwrite builds anew")
