"""Who runs a stage: this machine as it knows best, or one of Beam's runners over all tasks at once."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from somtom.pipelines.beam_options import is_given, refuse_unknown, with_default
from somtom.pipelines.config_rules import ConfigError
from somtom.pipelines.job_metrics import metrics_of, note_metrics
from somtom.pipelines.upkeep import OnDisk, Upkeep
from somtom.transforms.steps import Step, Task

GPU_THREADS = 4  # while one is at the GPU, the others decode, label and write
LOCAL = "local"
_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True)
class RunOptions:
    """How a stage is run; nothing here changes what is written.

    Args:
        workers: how many tasks at once on this machine.
        mode: "processes" or "threads".
        progress: show live progress.
        max_failure_ratio: the run ends when a larger share of its inputs failed; 1.0 never ends it.
        is_chosen: somebody asked for these workers and this mode; else a stage may take others.
        runner: `LOCAL`, or a name in `RUNNERS`.
        beam: options for that runner, as on a command line.
        output: carries files between the folder and a store that is the output.
        hints: what a worker of the label stage must have, as Beam's resource hints: (name, value).
    """

    workers: int = 1
    mode: str = "processes"
    progress: bool = True
    max_failure_ratio: float = 1.0
    is_chosen: bool = True
    runner: str = LOCAL
    beam: tuple[str, ...] = ()
    hints: tuple[tuple[str, str], ...] = ()
    output: Upkeep = field(default_factory=OnDisk)

    @property
    def is_elsewhere(self) -> bool:
        """Whether workers may be on other machines."""
        return self.runner != LOCAL and RUNNERS[self.runner].is_elsewhere


@dataclass(frozen=True)
class Runner:
    """One of Beam's runners.

    Args:
        make: makes it.
        complete: checks the user's options for Beam and gives all as they are to be; raises ConfigError.
        is_elsewhere: its workers may be on other machines, so that relative paths mean nothing to them.
    """

    make: Callable[[], Any]
    complete: Callable[[RunOptions], RunOptions]
    is_elsewhere: bool = False


def options_for_gpu(options: RunOptions) -> RunOptions:
    """How to run a stage that computes on the GPU: in threads of one process, which has the model once."""
    if options.is_chosen or options.runner != LOCAL:
        return options
    return replace(options, workers=min(options.workers, GPU_THREADS), mode="threads")


@dataclass(frozen=True)
class RunOneTask:
    """Picklable work for `local.run_tasks`: a pipeline of one task on Beam's in-memory runner.

    What it counted is noted in `notes`.
    """

    step: Step
    notes: Path

    def __call__(self, task: Task) -> None:
        """Run the pipeline to its end; what the step raises comes out wrapped by Beam.

        The runner is pinned: Beam's default one downloads a binary at run time.
        """
        # Imported by the workers alone: without it the driver starts sooner and is half as large.
        import apache_beam as beam

        from somtom.transforms.tasks import RunTasks

        with _pipeline_in_memory() as pipeline:
            _ = pipeline | "Tasks" >> beam.Create([task]) | RunTasks(self.step)
        note_metrics(self.notes, task.name, metrics_of(pipeline.result))


def _pipeline_in_memory() -> Any:
    """A pipeline without the folder that Beam makes for it, which a process that is killed would leave.

    It is for transforms of other languages, of which there are none.
    """
    from apache_beam import Pipeline, pipeline
    from apache_beam.options.pipeline_options import PipelineOptions

    with _ONE_AT_A_TIME:
        real, pipeline.tempfile = pipeline.tempfile, SimpleNamespace(mkdtemp=lambda prefix: "")
        try:
            return Pipeline(runner=_in_memory(), options=PipelineOptions([]))
        finally:
            pipeline.tempfile = real


def _in_memory() -> Any:
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner

    return FnApiRunner()


def _portable() -> Any:
    from apache_beam.runners.portability.portable_runner import PortableRunner

    return PortableRunner()


def _spark() -> Any:
    from apache_beam.runners.portability.spark_runner import SparkRunner

    return SparkRunner()


def _dataflow() -> Any:
    from apache_beam.runners.dataflow.dataflow_runner import DataflowRunner

    return DataflowRunner()


def _for_memory(options: RunOptions) -> RunOptions:
    refuse_unknown(options.beam)
    arguments: Sequence[str] = options.beam
    if options.is_chosen and options.workers > 1:
        mode = "multi_threading" if options.mode == "threads" else "multi_processing"
        arguments = with_default(arguments, "direct_running_mode", mode)
        arguments = with_default(arguments, "direct_num_workers", str(options.workers))
    return replace(options, beam=tuple(arguments))


def _for_portable(options: RunOptions) -> RunOptions:
    arguments = with_default(options.beam, "job_endpoint", "embed")
    return replace(options, beam=tuple(with_default(arguments, "environment_type", "LOOPBACK")))


def _for_spark(options: RunOptions) -> RunOptions:
    from somtom.pipelines.spark import complete_for_spark

    return replace(options, beam=tuple(complete_for_spark(options.beam)))


def _for_dataflow(options: RunOptions) -> RunOptions:
    from somtom.pipelines.dataflow import complete_for_dataflow

    beam, hints = complete_for_dataflow(options.beam, dict(options.hints))
    return replace(options, beam=tuple(beam), hints=tuple(sorted(hints.items())))


RUNNERS = {
    "direct": Runner(_in_memory, _for_memory),
    "portable": Runner(_portable, _for_portable),
    "spark": Runner(_spark, _for_spark, is_elsewhere=True),
    "dataflow": Runner(_dataflow, _for_dataflow, is_elsewhere=True),
}


def complete_options(options: RunOptions) -> RunOptions:
    """Check the options for Beam's runner, if one is asked for, and complete them.

    Raises:
        ConfigError: one is wrong or missing.
    """
    if options.runner == LOCAL:
        return options
    if is_given(options.beam, "save_main_session"):
        raise ConfigError(
            "--save_main_session: is not wanted; workers import somtom, and what you name in it"
        )
    complete = RUNNERS[options.runner].complete(options)
    # A step is imported by its name; what else the driver's main module holds is nobody's business.
    session = () if is_given(options.beam, "no_save_main_session") else ("--no_save_main_session",)
    return replace(complete, beam=(*complete.beam, *session))
