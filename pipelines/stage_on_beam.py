"""Runs the tasks of one stage as one Beam pipeline, on whatever runner, and again where workers died.

The pipeline is submitted by a process of its own, so that a crash in it, or in workers that live in it, is
seen from outside. What the workers have done stands in notes in the output folder (`transforms.noted`).
"""

import contextlib
import shutil
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from somtom.pipelines.beam_process import InOwnProcess
from somtom.pipelines.beam_run import BeamRun
from somtom.pipelines.local import Death, Done, TaskFailed, run_tasks
from somtom.pipelines.progress import StageProgress
from somtom.pipelines.runners import RunOptions
from somtom.transforms.attempts import empty_hand, has_deaths, note_death
from somtom.transforms.noted import (
    MADE,
    RAISED,
    error_of,
    forget,
    in_hand,
    is_orphan,
    noted,
)
from somtom.transforms.steps import Step
from somtom.transforms.task_files import write_task_files

MAX_IDLE_DEATHS = 3  # of pipelines with no input in hand, nothing made in between: something is wrong here
LOOK_EVERY_S = 1.0
PATIENCE_S = 5.0  # for a runner to begin a task anew whose worker is gone; some wait for ever


@dataclass
class StageOnBeam:
    """What is left of a stage, and how it is run.

    Args:
        step, notes: of the stage.
        options: of the run; `runner` is one of `RUNNERS`.
        progress: of the stage.
        finished: told of each task that is made, by its name and number of inputs.
    """

    step: Step
    notes: Path
    options: RunOptions
    progress: StageProgress
    finished: Callable[[str, int], None]
    left: dict[str, int] = field(default_factory=dict)

    def run(self, tasks: Iterable[Any], size_of: Callable[[Any], int]) -> None:
        """Do all tasks.

        Raises:
            TaskFailed: a task raised, the pipeline failed, or workers die whatever they work on.
        """
        folder = self.notes.parent / "tasks"
        shutil.rmtree(folder, ignore_errors=True)
        options = self.options
        locators = options.output.share(
            write_task_files(folder, self._fresh(tasks, size_of)), options.is_elsewhere
        )
        step = options.output.noted(self.step, self.notes, options.is_elsewhere)
        suspects: deque[str] = deque()
        idle_deaths = 0
        while self.left:
            only = frozenset((suspects.popleft(),) if suspects else ())
            before = len(self.left)
            died = self._run_once(step, locators, only)
            idle_deaths = idle_deaths if len(self.left) == before else 0
            if died is None:
                self._require_notes(only)
                continue
            # Where several were in hand, each goes alone first: who is to blame shows then.
            alone = died.suspects[0] if len(died.suspects) == 1 else ""
            if not died.suspects or (alone and not note_death(self.notes, alone, died.own_fault)):
                idle_deaths += 1
                if idle_deaths >= MAX_IDLE_DEATHS:
                    raise TaskFailed(f"{died.how}, {idle_deaths} times with no input to blame", died.detail)
            held = in_hand(self.notes)
            for task in held:
                empty_hand(self.notes, task)
            options.output.tell({*held, *died.suspects})
            suspects = deque(name for name in dict.fromkeys((*died.suspects, *suspects)) if name in self.left)

    def _require_notes(self, only: frozenset[str]) -> None:
        missing = [name for name in self.left if not only or name in only]
        if missing:
            raise TaskFailed(
                f"the pipeline ended well, but {len(missing)} tasks left no note (such as {missing[0]}): "
                "is the output folder shared by all workers?",
                "",
            )

    def _fresh(self, tasks: Iterable[Any], size_of: Callable[[Any], int]) -> Iterator[Any]:
        for task in tasks:
            forget(self.notes, task.name)
            self.left[task.name] = size_of(task)
            yield task

    def _run_once(self, step: Step, locators: tuple[str, ...], only: frozenset[str]) -> "_Died | None":
        """Run one pipeline to its end; says how it died, None if it ended well.

        Raises:
            TaskFailed: a task raised, or the pipeline failed while no task was in hand.
        """
        options = self.options
        run = BeamRun(step, locators, only, options.runner, options.beam, options.hints, self.notes)
        next_look = 0.0
        orphaned_at: dict[str, float] = {}
        died: _Died | None = None
        work = InOwnProcess(run, self.notes.parent / "temporary")
        with contextlib.closing(run_tasks(work, ["the pipeline"], 1, "processes")) as events:
            try:
                for event in events:
                    if isinstance(event, Death):
                        how = f"the process of the pipeline died (exit {event.exit_code})"
                        died = _Died(how, self._suspects(), event.own_fault)
                        break
                    if isinstance(event, Done) or time.monotonic() < next_look:
                        continue
                    begun = time.monotonic()
                    self._look()
                    orphans = [task for task in self._in_hand() if is_orphan(self.notes, task)]
                    orphaned_at = {task: orphaned_at.get(task, begun) for task in orphans}
                    if any(begun - since > PATIENCE_S for since in orphaned_at.values()):
                        died = _Died("a worker died, and its runner waits for it", tuple(orphans))
                        break
                    # Where that takes long, seldom.
                    next_look = time.monotonic() + max(LOOK_EVERY_S, 20 * (time.monotonic() - begun))
            except TaskFailed as failed:
                died = _Died(str(failed), self._suspects(), detail=failed.detail)
                if not died.suspects:
                    self._raise_what_was_raised()
                    raise
        self._look()
        if died is not None:
            self._raise_what_was_raised()
        return died

    def _in_hand(self) -> tuple[str, ...]:
        return tuple(task for task in in_hand(self.notes) if task in self.left)

    def _suspects(self) -> tuple[str, ...]:
        """What was in hand when the pipeline died; where a runner tried some of it again, only that."""
        self.options.output.look(closely=True)
        held = self._in_hand()
        return tuple(task for task in held if has_deaths(self.notes, task)) or held

    def _look(self) -> None:
        """Count what is made since the last look."""
        self.options.output.look()
        for name in [name for name in noted(self.notes, MADE) if name in self.left]:
            size = self.left.pop(name)
            self.progress.finish(size)
            self.finished(name, size)
        self.progress.show(self._in_hand())

    def _raise_what_was_raised(self) -> None:
        for task in noted(self.notes, RAISED):
            detail = error_of(self.notes, task) if task in self.left else ""
            if detail:
                raise TaskFailed(detail.strip().splitlines()[-1], detail)


@dataclass(frozen=True)
class _Died:
    """How a pipeline died, and which tasks had an input in hand then."""

    how: str
    suspects: tuple[str, ...]
    own_fault: bool = False
    detail: str = ""
