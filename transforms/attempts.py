"""Notes of what a worker has in hand, so that a process that dies says which input killed it.

One small JSON file a task, on a folder that the driver reads: it also tells the driver how far the task is.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

HAND, DEATHS = ".hand.json", ".deaths.json"  # what a task's notes are called behind its name
OWN_FAULT, KILLED = 5, 2  # what one death adds: by a signal raised in the process, or by one from outside
TOGETHER = "*"  # in hand instead of a key: several clips at once, any of which may be to blame
BLAMED = 10  # from here on the input is rejected: two crashes, or five kills (out of memory, say)


@dataclass(frozen=True)
class SentNotes:
    """A folder of notes that nobody else sees: what is in hand after a death is sent on before it counts."""

    folder: Path
    send: Callable[[str], None]  # is given the name of a note


Notes: TypeAlias = Path | SentNotes | None  # a folder that the driver sees, one that it does not, none at all


@dataclass
class Attempts:
    """The notes of one task.

    Args:
        notes: where they lie; None: none are kept.
        task: name of the task, a file name.

    `blamed` are the keys to leave out; `is_careful`: take one input in hand at a time, for a process has died
    with several.
    """

    notes: Notes
    task: str
    blamed: frozenset[str] = field(init=False)
    is_careful: bool = field(init=False)

    def __post_init__(self) -> None:
        folder = self.notes.folder if isinstance(self.notes, SentNotes) else self.notes
        deaths = _read(folder / f"{self.task}{DEATHS}") if folder else {}
        self.is_careful = TOGETHER in deaths
        self.blamed = frozenset(key for key, points in deaths.items() if _number(points) >= BLAMED)

    def take(self, key: str, done: int) -> None:
        """Note that `key`, or `TOGETHER`, is in hand and `done` inputs of the task are behind us."""
        if isinstance(self.notes, Path):
            hold(self.notes, self.task, key, done)
        elif self.notes and self.is_careful:
            hold(self.notes.folder, self.task, key, done)
            self.notes.send(f"{self.task}{HAND}")


def hold(folder: Path, task: str, key: str, done: int) -> None:
    """Note what the task has in hand."""
    (folder / f"{task}{HAND}").write_text(json.dumps({"key": key, "done": done}))


def progress_of(folder: Path, task: str) -> int:
    """How many inputs the task has behind it; 0 where no note can be read."""
    return _number(_read(folder / f"{task}{HAND}").get("done", 0))


def key_in_hand(folder: Path, task: str) -> str:
    """What the task has in hand: a key, `TOGETHER`, or "" for nothing."""
    return str(_read(folder / f"{task}{HAND}").get("key", ""))


def has_deaths(folder: Path, task: str) -> bool:
    """Whether an attempt of the task was blamed for a death."""
    return bool(_read(folder / f"{task}{DEATHS}"))


def note_death(folder: Path, task: str, own_fault: bool) -> str:
    """Blame what the task had in hand for the death of its process; returns its key (or `TOGETHER`).

    "" when it had nothing in hand, or what is left out already: then something else is to blame.
    """
    key = key_in_hand(folder, task)
    empty_hand(folder, task)
    deaths = _read(folder / f"{task}{DEATHS}")
    points = _number(deaths.get(key, 0))
    if not key or points >= BLAMED:
        return ""
    deaths[key] = points + (OWN_FAULT if own_fault else KILLED)
    (folder / f"{task}{DEATHS}").write_text(json.dumps(deaths))
    return key


def empty_hand(folder: Path, task: str) -> None:
    """Forget what the task had in hand: an attempt that is to begin must not be blamed on the last one."""
    (folder / f"{task}{HAND}").unlink(missing_ok=True)


def _read(path: Path) -> dict[str, object]:
    # A note may be absent, or caught half-written: then nothing is known.
    try:
        notes = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return notes if isinstance(notes, dict) else {}


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
