"""A step that leaves its notes in a store, for workers that share no folder with the driver.

What a worker has in hand is not noted clip by clip at first: that would cost a request a clip. One note says
that the task is begun. Who finds it on beginning the task knows that a worker has died of it, and then takes
one input at a time and notes each, so that the next death shows the one that is to blame.
"""

import contextlib
import dataclasses
import tempfile
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from somtom.schemas.folder import META
from somtom.transforms.attempts import DEATHS, HAND, TOGETHER, SentNotes, hold, note_death
from somtom.transforms.noted import MADE, RAISED
from somtom.transforms.steps import Task
from somtom.transforms.store import Store

NOTES = f"{META}/work/notes"


@dataclass(frozen=True)
class NotedInStore:
    """Another step's work, with notes.

    Args:
        step: what is done; a dataclass with the field `notes`.
        uri: of the data set.
    """

    step: Any
    uri: str

    def run(self, task: Task) -> int:
        """Do the task unless it is made already; returns how much it made."""
        store = Store(self.uri)
        found = {name.removeprefix(f"{NOTES}/") for name in store.names_beginning(f"{NOTES}/{task.name}.")}
        if f"{task.name}{MADE}" in found:
            return 0
        with _scratch(store, found, task.name) as notes:
            try:
                number: int = dataclasses.replace(self.step, notes=notes).run(task)
            except Exception:
                store.write(f"{NOTES}/{task.name}{RAISED}", traceback.format_exc().encode())
                raise
        store.write(f"{NOTES}/{task.name}{MADE}", b"")
        return number


@contextlib.contextmanager
def _scratch(store: Store, found: set[str], task: str) -> Iterator[SentNotes]:
    """A folder with the task's notes, in which the death of an attempt before this one is blamed."""
    with tempfile.TemporaryDirectory(prefix="somtom-notes-") as scratch:
        folder = Path(scratch)
        for name in found & {f"{task}{HAND}", f"{task}{DEATHS}"}:
            with contextlib.suppress(FileNotFoundError):  # of an attempt that ended just now
                store.fetch(f"{NOTES}/{name}", folder / name)
        send = partial(_send, store, folder)
        if note_death(folder, task, own_fault=False):
            send(f"{task}{DEATHS}")
        hold(folder, task, TOGETHER, 0)
        send(f"{task}{HAND}")
        try:
            yield SentNotes(folder, send)
        finally:
            store.delete([f"{NOTES}/{task}{HAND}"])


def _send(store: Store, folder: Path, name: str) -> None:
    store.put(folder / name, f"{NOTES}/{name}")
