"""A step that leaves notes of its end, for a driver that cannot watch the workers of a cluster.

Besides the note of what is in hand (`attempts`), a task leaves one when it is made, and one when it raised.
A worker that dies leaves neither: that is how the driver, or the next attempt, knows.
"""

import json
import os
import socket
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from somtom.transforms.attempts import HAND, empty_hand, key_in_hand, note_death
from somtom.transforms.steps import Step, Task

MADE, RAISED, WORKER = ".made", ".raised", ".worker.json"


@dataclass(frozen=True)
class NotedStep:
    """Another step's work, with notes.

    Args:
        step: what is done.
        notes: folder of the notes, which workers and driver share.
    """

    step: Step
    notes: Path

    def run(self, task: Task) -> int:
        """Do the task unless it is made already, as when a bundle is run again; returns how much it made.

        Raises:
            FileNotFoundError: the worker does not see the driver's folder; then nothing it writes counts.
        """
        if not self.notes.is_dir():
            raise FileNotFoundError(
                f"{self.notes} is not there on this worker: the output folder must be shared by all machines"
            )
        made = self.notes / f"{task.name}{MADE}"
        if made.is_file():
            return 0
        # A runner that tries again by itself says nothing of the death of the first attempt; where that is
        # alive, the runner wants to see which is faster.
        if _worker_is_alive(self.notes, task.name) is not True:
            note_death(self.notes, task.name, own_fault=False)
        (self.notes / f"{task.name}{WORKER}").write_text(json.dumps([_here(), os.getpid()]))
        try:
            number = self.step.run(task)
        except Exception:
            (self.notes / f"{task.name}{RAISED}").write_text(traceback.format_exc(), encoding="utf-8")
            raise
        finally:
            empty_hand(self.notes, task.name)
        (self.notes / f"{task.name}{RAISED}").unlink(missing_ok=True)
        made.touch()
        return number


def forget(notes: Path, task: str) -> None:
    """Take away the notes of a task that is to be done anew; who is blamed for deaths stays."""
    empty_hand(notes, task)
    for suffix in (MADE, RAISED, WORKER):
        (notes / f"{task}{suffix}").unlink(missing_ok=True)


def noted(notes: Path, suffix: str) -> Iterator[str]:
    """Name the tasks that have such a note."""
    for path in notes.glob(f"*{suffix}"):
        yield path.name.removesuffix(suffix)


def error_of(notes: Path, task: str) -> str:
    """The traceback that the task's last attempt ended with, "" where it did not raise."""
    try:
        return (notes / f"{task}{RAISED}").read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def in_hand(notes: Path) -> list[str]:
    """Name the tasks that have an input in hand: under way, or their worker died with it."""
    return sorted(task for task in noted(notes, HAND) if key_in_hand(notes, task))


def is_orphan(notes: Path, task: str) -> bool:
    """Whether the worker that took the task was a process of this machine, and is gone."""
    return _worker_is_alive(notes, task) is False


def _worker_is_alive(notes: Path, task: str) -> bool | None:
    """Whether the process that took the task last is there; None where it is not one of this machine."""
    try:
        place, pid = json.loads((notes / f"{task}{WORKER}").read_text())
    except (OSError, ValueError):  # absent, or caught half-written
        return None
    return Path(f"/proc/{pid}").exists() if place and place == _here() else None


def _here() -> list[str]:
    """What processes that know each other by their numbers have in common; empty where it is unknown."""
    try:
        return [socket.gethostname(), str(Path("/proc/self/ns/pid").readlink())]
    except OSError:  # no Linux
        return []
