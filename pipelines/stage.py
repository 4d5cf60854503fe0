"""Runs the tasks of one stage on this machine with progress, replacing workers that die."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from somtom.pipelines.local import Death, Done, TaskFailed, run_tasks
from somtom.pipelines.progress import StageProgress
from somtom.pipelines.runners import RunOneTask, RunOptions
from somtom.transforms.attempts import note_death
from somtom.transforms.tasks import Step, Task

MAX_IDLE_DEATHS = 3  # deaths of processes that had no input in hand: something is wrong with the machine


T = TypeVar("T", bound=Task)


@dataclass(frozen=True)
class Stage(Generic[T]):
    """One stage of a local run.

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

    def run(self, tasks: Iterable[T], total: int, done: int, options: RunOptions) -> Iterator[T]:
        """Yield each task as it is finished. `total` inputs in all, `done` of them by an earlier run.

        Raises:
            TaskFailed: a task raised, or processes die whatever they work on.
        """
        self.notes.mkdir(parents=True, exist_ok=True)
        begun: dict[str, T] = {}

        def watched() -> Iterator[T]:
            for task in tasks:
                begun[task.name] = task
                yield task

        idle_deaths = 0
        with StageProgress(self.title, self.unit, total, done, self.notes, options.progress) as progress:
            for event in run_tasks(RunOneTask(self.step), watched(), options.workers, options.mode):
                if isinstance(event, Done):
                    del begun[event.task.name]
                    progress.finish(self.size_of(event.task))
                    yield event.task
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
        self.inputs = self.failed = 0

    def add(self, inputs: int, failed: int) -> None:
        """Count inputs and how many of them failed.

        Raises:
            TooManyFailures: the share is above the ratio.
        """
        self.inputs += inputs
        self.failed += failed
        if self.inputs >= self.start and self.failed > self.ratio * self.inputs:
            raise TooManyFailures(
                f"{self.failed} of {self.inputs} inputs failed, more than --max-failure-ratio "
                f"{self.ratio:g} allows; meta/ says why, what is done is kept"
            )
