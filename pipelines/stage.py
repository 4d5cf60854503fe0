"""Runs the tasks of one stage with progress: here, replacing workers that die, or on a Beam runner."""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from somtom.pipelines.local import Death, Done, TaskFailed, run_tasks
from somtom.pipelines.progress import StageProgress
from somtom.pipelines.runners import LOCAL, RunOneTask, RunOptions
from somtom.schemas.reasons import FAILED, Reject
from somtom.transforms.attempts import empty_hand, note_death
from somtom.transforms.steps import Step, Task

MAX_IDLE_DEATHS = 3  # of processes with no input in hand, nothing made in between: something is wrong here


T = TypeVar("T", bound=Task)


@dataclass(frozen=True)
class Stage(Generic[T]):
    """One stage of a run.

    Args:
        title: for the progress bar.
        unit: what its inputs are, for the progress bar.
        step: what is done with each task.
        size_of: number of inputs of a task.
        notes: folder for the attempts' notes.
    """

    title: str
    unit: str
    step: Step
    size_of: Callable[[T], int]
    notes: Path

    def run(
        self,
        tasks: Iterable[T],
        total: int,
        done: int,
        options: RunOptions,
        finished: Callable[[str, int], None] = lambda name, inputs: None,
    ) -> None:
        """Do the tasks and tell `finished` the name and inputs of each; what it raises ends the run.

        `total` inputs in all, `done` of them by an earlier run.

        Raises:
            TaskFailed: a task raised, or processes die whatever they work on.
        """
        self.notes.mkdir(parents=True, exist_ok=True)
        with StageProgress(self.title, self.unit, total, done, self.notes, options.progress) as progress:
            if options.runner == LOCAL:
                self._run_here(tasks, options, progress, finished)
            else:
                from somtom.pipelines.stage_on_beam import StageOnBeam

                StageOnBeam(self.step, self.notes, options, progress, finished).run(tasks, self.size_of)

    def _run_here(
        self,
        tasks: Iterable[T],
        options: RunOptions,
        progress: StageProgress,
        finished: Callable[[str, int], None],
    ) -> None:
        begun: dict[str, T] = {}

        def watched() -> Iterator[T]:
            for task in tasks:
                empty_hand(self.notes, task.name)
                begun[task.name] = task
                yield task

        idle_deaths = 0
        with contextlib.closing(
            run_tasks(RunOneTask(self.step, self.notes), watched(), options.workers, options.mode)
        ) as events:
            for event in events:
                if isinstance(event, Done):
                    del begun[event.task.name]
                    idle_deaths = 0
                    inputs = self.size_of(event.task)
                    progress.finish(inputs)
                    finished(event.task.name, inputs)
                elif isinstance(event, Death):
                    if not note_death(self.notes, event.task.name, event.own_fault):
                        idle_deaths += 1
                    if idle_deaths >= MAX_IDLE_DEATHS:
                        raise TaskFailed(
                            f"{idle_deaths} worker processes died before they began "
                            f"(exit {event.exit_code}); "
                            "is there enough memory?",
                            "",
                        )
                progress.show(begun)


class TooManyFailures(RuntimeError):
    """A larger share of the inputs failed than the user allows."""


class FailureLimit:
    """Ends a run that has gone bad.

    Args:
        ratio: largest share of inputs that may fail; 1.0 for any.
        start: number of inputs that must have been seen before the share means something.
    """

    def __init__(self, ratio: float, start: int = 20) -> None:
        self.ratio, self.start = ratio, start
        self.inputs = 0
        self.reasons: Counter[str] = Counter()

    def add(self, inputs: int, rejects: Iterable[Reject]) -> None:
        """Count inputs and those of them that failed.

        Raises:
            TooManyFailures: the share is above the ratio.
        """
        self.inputs += inputs
        self.reasons.update(reject.reason for reject in rejects if reject.outcome == FAILED)
        if self.inputs >= self.start:
            self.settle()

    def settle(self) -> None:
        """Look at the share once all inputs were seen, however few they are.

        Raises:
            TooManyFailures: the share is above the ratio.
        """
        failed = self.reasons.total()
        if failed > self.ratio * self.inputs:
            why = ", ".join(f"{reason} {count}" for reason, count in self.reasons.most_common(3))
            raise TooManyFailures(
                f"{failed} of {self.inputs} inputs failed ({why}), more than --max-failure-ratio "
                f"{self.ratio:g} allows; what is done is kept"
            )
