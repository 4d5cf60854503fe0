"""Notes by which a driver knows what workers did that it cannot see."""

import json
import multiprocessing
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from somtom.transforms.attempts import BLAMED, Attempts
from somtom.transforms.noted import (
    MADE,
    NotedStep,
    _here,
    error_of,
    forget,
    in_hand,
    is_orphan,
    noted,
)


@dataclass(frozen=True)
class Named:
    name: str


@dataclass(frozen=True)
class Counts:
    """A step that takes the input "b" in hand, does what `how` says, and counts its attempts in a file."""

    notes: Path
    how: str = ""

    def run(self, task: Named) -> int:
        attempts = Attempts(self.notes, task.name)
        if "b" in attempts.blamed:
            return 1
        attempts.take("b", 1)
        with (self.notes / "attempts").open("a") as file:
            file.write("x")
        if self.how == "die":
            os._exit(9)
        if self.how == "raise":
            raise ZeroDivisionError("a bug")
        attempts.take("", 2)
        return 2

    def attempts(self) -> int:
        return len((self.notes / "attempts").read_text())


def in_a_process(step: NotedStep, task: Named) -> None:
    process = multiprocessing.get_context("fork").Process(target=step.run, args=(task,))
    process.start()
    process.join()


def test_a_task_that_is_made_is_not_made_again(tmp_path: Path) -> None:
    step = Counts(tmp_path)
    assert [NotedStep(step, tmp_path).run(Named("t")) for _ in range(2)] == [2, 0]
    assert step.attempts() == 1 and list(noted(tmp_path, MADE)) == ["t"] and in_hand(tmp_path) == []
    forget(tmp_path, "t")
    assert NotedStep(step, tmp_path).run(Named("t")) == 2


def test_what_is_raised_is_kept_until_the_task_is_made(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        NotedStep(Counts(tmp_path, "raise"), tmp_path).run(Named("t"))
    assert "ZeroDivisionError: a bug" in error_of(tmp_path, "t")
    assert in_hand(tmp_path) == [] and list(noted(tmp_path, MADE)) == []
    NotedStep(Counts(tmp_path), tmp_path).run(Named("t"))
    assert error_of(tmp_path, "t") == ""


def test_a_worker_that_is_gone_is_seen_from_this_machine(tmp_path: Path) -> None:
    in_a_process(NotedStep(Counts(tmp_path, "die"), tmp_path), Named("t"))
    assert in_hand(tmp_path) == ["t"] and is_orphan(tmp_path, "t")
    (tmp_path / "t.worker.json").write_text(f'[["elsewhere", "pid:[1]"], {2**22 + 1}]')
    assert not is_orphan(tmp_path, "t")
    assert not is_orphan(tmp_path, "no such task")


def test_an_input_that_ends_every_attempt_is_left_out_by_retries_alone(tmp_path: Path) -> None:
    """As on a cluster that tries again by itself: no driver says a word."""
    step = Counts(tmp_path, "die")
    while not list(noted(tmp_path, MADE)):
        in_a_process(NotedStep(step, tmp_path), Named("t"))
    assert step.attempts() == BLAMED // 2


def test_two_workers_at_the_same_time_blame_nobody(tmp_path: Path) -> None:
    """As when a runner lets a slow task run once more: the other one is alive, with an input in hand."""
    for _ in range(BLAMED):
        Attempts(tmp_path, "t").take("b", 0)
        (tmp_path / "t.worker.json").write_text(json.dumps([_here(), os.getppid()]))
        NotedStep(Counts(tmp_path), tmp_path).run(Named("t"))
        (tmp_path / "t.made").unlink()
    assert Attempts(tmp_path, "t").blamed == frozenset()


def test_a_worker_that_does_not_see_the_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="must be shared by all machines"):
        NotedStep(Counts(tmp_path), tmp_path / "absent").run(Named("t"))
