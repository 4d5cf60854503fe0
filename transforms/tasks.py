"""The Beam transforms that both stages and relabelling are made of: tasks in, a line about each out."""

import logging
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import apache_beam as beam
import cv2
from apache_beam.runners.worker.log_handler import FnApiLogRecordHandler

from somtom.transforms.beam_metrics import BeamSink
from somtom.transforms.logs import Logs, current_logs, log_from_harness
from somtom.transforms.metrics import counting
from somtom.transforms.noted import NotedStep
from somtom.transforms.steps import Step
from somtom.transforms.task_files import read_tasks


class ReadTasks(beam.PTransform):
    """Names of files -> the tasks that `write_task_files` wrote there, or those with the names in `only`."""

    def __init__(self, only: Collection[str] = ()) -> None:
        super().__init__()
        self.only = frozenset(only)

    def expand(self, locators: Any) -> Any:
        """Read each file, on some worker."""
        return locators | beam.ParDo(_ReadTasks(self.only)).with_output_types(Any)


class _ReadTasks(beam.DoFn):
    def __init__(self, only: frozenset[str]) -> None:
        self.only = only

    def process(self, locator: str) -> Iterator[Any]:
        for task in read_tasks(locator):
            if not self.only or task.name in self.only:
                yield task


class RunTasks(beam.PTransform):
    """Tasks -> (task name, how much it made), each done in one step by one worker.

    Args:
        step: what is done with each task.
        hints: what a worker that does it must have, as Beam's resource hints (a GPU, memory). They sit on the
            composite that does the step and on nothing else: inside it they would break fusion, around more
            they would have tasks counted out on a GPU.
    """

    def __init__(self, step: Step, hints: Mapping[str, str] | None = None) -> None:
        inner = step.step if isinstance(step, NotedStep) else step
        super().__init__(type(inner).__name__)  # what people see where jobs are watched
        self.step, self.hints = step, dict(hints or {})

    def expand(self, tasks: Any) -> Any:
        """Spread the tasks over the workers by their names, and do each."""
        keyed = tasks | "Name" >> beam.Map(_by_name)
        return keyed | "Spread" >> beam.GroupByKey() | _DoTasks(self.step).with_resource_hints(**self.hints)


def _by_name(task: Any) -> tuple[str, Any]:  # Beam checks hints, and no protocols
    return task.name, task


class _DoTasks(beam.PTransform):
    """All that is done with a task: decoded, tracked, labelled and written by one function."""

    def __init__(self, step: Step) -> None:
        super().__init__("Do")
        self.step = step

    def expand(self, groups: Any) -> Any:
        run = beam.ParDo(_RunTask(self.step, current_logs()))
        return groups | "Run" >> run.with_output_types(tuple[str, int])


class _RunTask(beam.DoFn):
    def __init__(self, step: Step, logs: Logs) -> None:
        self.step, self.logs = step, logs

    def setup(self) -> None:
        if any(isinstance(one, FnApiLogRecordHandler) for one in logging.getLogger().handlers):
            log_from_harness(self.logs)
        cv2.setNumThreads(1)  # parallelism comes from the workers, and results must not depend on it

    def process(self, group: Any) -> Iterator[tuple[str, int]]:
        name, tasks = group
        for task in tasks:
            with counting(BeamSink()):
                made = self.step.run(task)
            yield name, made
