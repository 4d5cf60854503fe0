"""The one Beam transform that both stages and relabelling are: tasks in, a line about each out."""

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import cv2

from somtom.transforms.steps import Step


class RunTasks(beam.PTransform):
    """Tasks -> (task name, how much it made), each done in one step by one worker.

    A resource hint (a GPU, memory) belongs on this composite: on an inner step it would break fusion.
    """

    def __init__(self, step: Step) -> None:
        super().__init__(type(step).__name__)
        self.step = step

    def expand(self, tasks: Any) -> Any:
        """Spread the tasks over the workers and do each."""
        return tasks | "Spread" >> beam.Reshuffle() | "Run" >> beam.ParDo(_RunTask(self.step))


class _RunTask(beam.DoFn):
    def __init__(self, step: Step) -> None:
        self.step = step

    def setup(self) -> None:
        cv2.setNumThreads(1)  # parallelism comes from the workers, and results must not depend on it

    def process(self, task: Any) -> Iterator[tuple[str, int]]:  # Beam checks hints, and no protocols
        yield task.name, self.step.run(task)
