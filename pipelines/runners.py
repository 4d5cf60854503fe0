"""Runs one Beam transform over elements on the runner that was chosen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner


@dataclass(frozen=True)
class RunOptions:
    """How a stage is run; nothing here changes what is written.

    Args:
        workers: how many tasks at once on this machine.
        mode: "processes" or "threads".
        progress: show live progress.
        max_failure_ratio: the run ends when a larger share of its inputs failed; 1.0 never ends it.
    """

    workers: int = 1
    mode: str = "processes"
    progress: bool = True
    max_failure_ratio: float = 1.0


@dataclass(frozen=True)
class RunTransform:
    """Picklable work for `local.run_tasks`: a pipeline of one element on Beam's in-memory runner."""

    transform: beam.PTransform

    def __call__(self, element: Any) -> None:
        """Run the pipeline to its end; what the transform raises comes out as it is, or wrapped by Beam."""
        run_in_memory(self.transform, [element])


def run_in_memory(transform: beam.PTransform, elements: Sequence[Any]) -> None:
    """Run the transform over the elements in this process.

    The runner is pinned: Beam's default one downloads a binary at run time.
    """
    with beam.Pipeline(runner=FnApiRunner(), options=PipelineOptions([])) as pipeline:
        _ = pipeline | "Tasks" >> beam.Create(elements) | transform
