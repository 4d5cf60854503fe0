"""How a stage is run, and the Beam pipeline of one task."""

from dataclasses import dataclass, replace

from somtom.transforms.steps import Step, Task

GPU_THREADS = 4  # while one is at the GPU, the others decode, label and write


@dataclass(frozen=True)
class RunOptions:
    """How a stage is run; nothing here changes what is written.

    Args:
        workers: how many tasks at once on this machine.
        mode: "processes" or "threads".
        progress: show live progress.
        max_failure_ratio: the run ends when a larger share of its inputs failed; 1.0 never ends it.
        is_chosen: somebody asked for these workers and this mode; else a stage may take others.
    """

    workers: int = 1
    mode: str = "processes"
    progress: bool = True
    max_failure_ratio: float = 1.0
    is_chosen: bool = True


def options_for_gpu(options: RunOptions) -> RunOptions:
    """How to run a stage that computes on the GPU: in threads of one process, which has the model once."""
    if options.is_chosen:
        return options
    return replace(options, workers=min(options.workers, GPU_THREADS), mode="threads")


@dataclass(frozen=True)
class RunOneTask:
    """Picklable work for `local.run_tasks`: a pipeline of one task on Beam's in-memory runner."""

    step: Step

    def __call__(self, task: Task) -> None:
        """Run the pipeline to its end; what the step raises comes out wrapped by Beam.

        The runner is pinned: Beam's default one downloads a binary at run time.
        """
        # Imported by the workers alone: without it the driver starts sooner and is half as large.
        import apache_beam as beam
        from apache_beam.options.pipeline_options import PipelineOptions
        from apache_beam.runners.portability.fn_api_runner import FnApiRunner

        from somtom.transforms.tasks import RunTasks

        with beam.Pipeline(runner=FnApiRunner(), options=PipelineOptions([])) as pipeline:
            _ = pipeline | "Tasks" >> beam.Create([task]) | RunTasks(self.step)
