"""A stage's tasks in files, a JSON line each: what a pipeline over all of them begins with.

A pipeline's description may be some megabytes large; millions of tasks are more. So it names files, which the
workers read.
"""

import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from somtom.schemas.files import whole_file
from somtom.schemas.refs import Item, Ref, ShardSpec
from somtom.sources.files import local_locator, open_binary
from somtom.transforms.scan import ScanTask
from somtom.transforms.steps import Task

TASKS_PER_FILE = 256

_READ: dict[str, Callable[[dict[str, Any]], Task]] = {
    "ScanTask": lambda one: ScanTask(**{**one, "items": tuple(Item(**item) for item in one["items"])}),
    "ShardSpec": lambda one: ShardSpec(
        **{**one, "refs": tuple(Ref(**{**ref, "frames": tuple(ref["frames"])}) for ref in one["refs"])}
    ),
}


def write_task_files(folder: Path, tasks: Iterable[Any]) -> list[str]:
    """Write the tasks, which may be too many to hold; returns the files' locators in order."""
    rest = iter(tasks)
    locators: list[str] = []
    while some := list(itertools.islice(rest, TASKS_PER_FILE)):
        path = folder / f"tasks-{len(locators):06d}.jsonl"
        with whole_file(path) as file:
            for task in some:
                line = json.dumps([type(task).__name__, asdict(task)], separators=(",", ":"))
                file.write(line.encode() + b"\n")
        locators.append(local_locator(path))
    return locators


def read_tasks(locator: str) -> Iterator[Task]:
    """Read back what `write_task_files` wrote."""
    with open_binary(locator) as lines:
        for line in lines:
            kind, values = json.loads(line)
            yield _READ[kind](values)
