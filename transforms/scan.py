"""Beam 1: look into items and find the clips they hold."""

import json
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from somtom.schemas.books import SCAN
from somtom.schemas.files import whole_file, write_whole
from somtom.schemas.reasons import DataError, Reject
from somtom.schemas.refs import Item, ItemFacts, Scan, ref_of_values, ref_values
from somtom.schemas.settings import ClipSettings, ShotSettings
from somtom.schemas.sketch import ActionSketch
from somtom.sources.source import Source
from somtom.transforms.attempts import Attempts, Notes
from somtom.transforms.logs import take_in_hand, working_on
from somtom.transforms.metrics import count, observe, observe_seconds
from somtom.transforms.place import Place
from somtom.transforms.retry import MACHINE, why_unread, with_retries

SCAN_FORM = 2  # of the files that scans are kept in, so that those of another version are not taken up


@dataclass(frozen=True)
class ScanTask:
    """Some items to be scanned together: the element of the scan stage."""

    name: str
    items: tuple[Item, ...]


@dataclass(frozen=True)
class ScanItems:
    """The step of the scan stage, with what it needs besides the items.

    Args:
        sources: of the whole configuration; `Item.source` points into them.
        shots, clips, run_length: how the items are cut.
        place, folder: where the scans of each task go, as <task>.jsonl in that folder of the data set's.
        notes: where the attempts' notes lie, None to keep none.
    """

    sources: tuple[Source, ...]
    shots: ShotSettings
    clips: ClipSettings
    run_length: int
    place: Place
    folder: str
    notes: Notes

    def run(self, task: ScanTask) -> int:
        """Scan the task's items into its file; returns the number of refs."""
        with working_on(stage=SCAN, task=task.name), self.place.writing() as folder:
            return scan_to_file(task, self, folder / self.folder)


def scan_to_file(task: ScanTask, context: ScanItems, folder: Path) -> int:
    """Scan the task's items into its file in `folder`, which is whole or absent; returns the number of refs.

    What robots did is summed up over the task into a file of its own, put in place before.
    """
    attempts = Attempts(context.notes, task.name)
    refs = 0
    actions: dict[tuple[int, tuple[str, ...]], ActionSketch] = {}
    with whole_file(folder / f"{task.name}.jsonl") as file:
        for done, item in enumerate(task.items):
            key = f"{item.source} {item.uri}"
            attempts.take(key, done)
            take_in_hand(context.sources[item.source].name, item.uri)
            begun = time.perf_counter()
            scan = _scan(item, context, crashed=key in attempts.blamed)
            _report(scan, time.perf_counter() - begun)
            if scan.actions is not None:
                place = (item.source, scan.action_names)
                actions.setdefault(place, ActionSketch(len(scan.action_names))).merge(scan.actions)
            head = (item.source, asdict(scan.facts), scan.reject and asdict(scan.reject), len(scan.refs))
            for values in (head, *map(ref_values, scan.refs)):
                file.write(json.dumps(values, separators=(",", ":")).encode() + b"\n")
            refs += len(scan.refs)
        sums = [[*place, sketch.to_json()] for place, sketch in sorted(actions.items())]
        write_whole(_actions_path(folder, task), json.dumps(sums).encode())
        attempts.take("", len(task.items))
    return refs


def _report(scan: Scan, seconds: float) -> None:
    """Count what scanning an input gave, and log why it gave nothing."""
    observe_seconds("scan_ms", seconds)
    count("items_scanned")
    if (reject := scan.reject) is not None:
        count(f"items_{reject.outcome}_{reject.reason}")
        logging.getLogger(__name__).info("%s: %s: %s", reject.uri, reject.reason, reject.message)
    else:
        count("items_used")
        count("clips_found", len(scan.refs))
        observe("clips_per_item", len(scan.refs))


def _actions_path(folder: Path, task: ScanTask) -> Path:
    return folder / f"{task.name}.actions.json"


def read_actions(folder: Path, task: ScanTask) -> Iterator[tuple[int, tuple[str, ...], ActionSketch]]:
    """Read what robots did in a task: position of the source, names of the dimensions, the sum."""
    for source, names, sketch in json.loads(_actions_path(folder, task).read_bytes()):
        yield source, tuple(names), ActionSketch.from_json(sketch)


def read_scans(path: Path) -> Iterator[tuple[int, Scan]]:
    """Read what `scan_to_file` wrote: position of the source, scan of one of its items."""
    with path.open(encoding="utf-8") as lines:
        for source, facts, reject, refs in _heads(lines):
            found = tuple(ref_of_values(json.loads(next(lines))) for _ in range(refs))
            yield source, Scan(facts, found, reject)


def read_scan_heads(path: Path) -> Iterator[tuple[int, ItemFacts, Reject | None, int]]:
    """Read the same without the refs, of which there may be tens of millions, but for their number."""
    with path.open(encoding="utf-8") as lines:
        for source, facts, reject, refs in _heads(lines):
            yield source, facts, reject, refs
            for _ in range(refs):
                next(lines)


def _heads(lines: Iterator[str]) -> Iterator[tuple[int, ItemFacts, Reject | None, int]]:
    """Read the line that comes before the lines of an item's refs."""
    for line in lines:
        source, facts, reject, refs = json.loads(line)
        yield source, ItemFacts(**facts), Reject(**reject) if reject else None, refs


def _scan(item: Item, context: ScanItems, crashed: bool) -> Scan:
    source = context.sources[item.source]
    try:
        if crashed:
            raise DataError("crashed", "the process died twice while this input was scanned; leave it out")
        return with_retries(
            lambda: source.scan(item, context.shots, context.clips, context.run_length), item.uri
        )
    except DataError as error:
        reason, message = error.reason, error.message
    except FileNotFoundError:
        reason, message = "missing", "the file is not there; was it moved since it was listed?"
    except OSError as error:
        if error.errno in MACHINE:
            raise
        reason, message = "io_error", why_unread(error)
    return Scan(
        ItemFacts(item.uri),
        reject=Reject(source.name, item.uri, "", SCAN, reason, message),
    )


def missing_tasks(tasks: Sequence[ScanTask], folder: Path) -> list[ScanTask]:
    """The tasks whose file is not there yet."""
    return [task for task in tasks if not (folder / f"{task.name}.jsonl").is_file()]
