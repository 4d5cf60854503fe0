"""One Beam pipeline over all tasks of a stage, and the process that submits it and waits for its end."""

import contextlib
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from somtom.pipelines.job_watch import watching
from somtom.pipelines.runners import RUNNERS
from somtom.transforms.steps import Step


@dataclass(frozen=True)
class BeamRun:
    """A pipeline over files of tasks: picklable, so that a process of its own may run it.

    Args:
        step: what is done with each task.
        locators: of the files with the tasks, see `transforms.task_files`.
        only: names of the tasks that are meant, none for all.
        runner: name in `RUNNERS`.
        arguments: options for Beam, as on a command line, complete.
        hints: resource hints for the composite that does the step: name -> value.
        notes: where it is noted what the job says of itself; None: nowhere.
    """

    step: Step
    locators: tuple[str, ...]
    only: frozenset[str]
    runner: str
    arguments: tuple[str, ...]
    hints: tuple[tuple[str, str], ...] = ()
    notes: Path | None = None

    def __call__(self, _: str = "") -> None:
        """Run it to its end in a process of its own, which leads a group: whatever it starts ends with it.

        Raises:
            RuntimeError: the pipeline did not end well.
        """
        with contextlib.suppress(PermissionError):  # it leads a session already
            os.setpgid(0, 0)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
        result = self.pipeline().run()
        watched = watching(result, self.notes) if self.notes else contextlib.nullcontext()
        try:
            with watched:
                state = result.wait_until_finish() or result.state
        except SystemExit:
            result.cancel()  # or a cluster would work on, and cost
            raise
        if state != "DONE":
            raise RuntimeError(f"the pipeline ended as {state}")

    def pipeline(self) -> Any:
        """Build the pipeline: nothing but names of files and small records stand in it, or cross it."""
        import apache_beam as beam
        from apache_beam.options.pipeline_options import PipelineOptions

        from somtom.transforms.tasks import ReadTasks, RunTasks

        pipeline = beam.Pipeline(RUNNERS[self.runner].make(), options=PipelineOptions(list(self.arguments)))
        files = pipeline | "Files" >> beam.Create(list(self.locators), reshuffle=False)
        _ = files | "Tasks" >> ReadTasks(self.only) | RunTasks(self.step, dict(self.hints))
        return pipeline
