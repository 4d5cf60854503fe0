"""Jobs for Dataflow, built and looked at offline; each check is shown to fail on a job that breaks it."""

import copy
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.portability import common_urns
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.pipeline_context import PipelineContext
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from builds import THREADS
from three_kinds import draw_three_kinds, label_step, three_kinds

from somtom.pipelines.beam_run import BeamRun
from somtom.pipelines.build import plan_data_set
from somtom.pipelines.config_rules import ConfigError
from somtom.pipelines.runners import RunOptions, complete_options
from somtom.schemas.keys import digest
from somtom.schemas.plan_table import read_plan
from somtom.schemas.refs import ShardSpec
from somtom.transforms.label_shard import LabelShards
from somtom.transforms.task_files import read_tasks, write_task_files
from somtom.transforms.tasks import ReadTasks, RunTasks

apiclient = pytest.importorskip(
    "apache_beam.runners.dataflow.internal.apiclient", reason="pip install 'somtom[gcp]' to look at jobs"
)

NEEDED = (
    "--project=my-project",
    "--region=europe-west4",
    "--temp_location=gs://my-bucket/temp",
    "--sdk_container_image=europe-docker.pkg.dev/my-project/images/somtom:1",
)
L4 = "type:nvidia-l4;count:1;machine_type:g2-standard-8;install-nvidia-driver"
ACCELERATOR = common_urns.resource_hints.ACCELERATOR.urn
MOST_BYTES_A_REF = 1000  # of what crosses the shuffle; the smallest picture would be more


def asked(*beam_options: str, **hints: str) -> RunOptions:
    return RunOptions(runner="dataflow", beam=(*NEEDED, *beam_options), hints=tuple(hints.items()))


@dataclasses.dataclass(frozen=True)
class Job:
    """What would be submitted: the pipeline, and the environment that the service makes workers of."""

    pipeline: Any
    environment: Any

    def transforms(self, of: Callable[[str], bool]) -> list[Any]:
        return [one for one in self.pipeline.components.transforms.values() if of(one.unique_name)]

    def hints(self, transform: Any) -> dict[str, bytes]:
        return dict(self.pipeline.components.environments[transform.environment_id].resource_hints)


def job_of(pipeline: Any) -> Job:
    """Have Beam's Dataflow runner make the job of a pipeline, as far as it does without a network."""
    job = pipeline.run().job
    version, url = "8", "gs://my-bucket/temp/pipeline.pb"
    made = apiclient.Environment([], job.options, version, url, proto_pipeline=job.proto_pipeline)
    return Job(job.proto_pipeline, made.proto)


def dry(options: RunOptions) -> RunOptions:
    return dataclasses.replace(options, beam=(*options.beam, "--dry_run=True"))


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> tuple[LabelShards, list[ShardSpec], Path]:
    root = tmp_path_factory.mktemp("planned")
    config = three_kinds(draw_three_kinds(root / "in"))
    plan_data_set(config, root / "out", THREADS)
    step = label_step(root / "in", root / "out")
    return step, list(read_plan(root / "out" / "meta" / "plan.parquet")), root


Planned = tuple[LabelShards, list[ShardSpec], Path]


@pytest.fixture(scope="module")
def job(planned: Planned) -> Job:
    """The job of the label stage on workers with a GPU."""
    step, specs, root = planned
    options = dry(complete_options(asked(accelerator="nvidia-l4")))
    locators = write_task_files(root / "tasks", specs)
    run = BeamRun(step, tuple(locators), frozenset(), "dataflow", options.beam, options.hints)
    return job_of(run.pipeline())


def broken(change: Callable[[Any], Any], *beam_options: str) -> Job:
    """The job of another pipeline: `change` makes it out of the tasks' files."""
    options = dry(complete_options(asked(*beam_options)))
    from apache_beam.options.pipeline_options import PipelineOptions

    given = PipelineOptions(list(options.beam))
    pipeline = beam.Pipeline(beam.runners.DataflowRunner(), options=given)
    change(pipeline | "Files" >> beam.Create(["gs://b/tasks"], reshuffle=False) | "Tasks" >> ReadTasks())
    return job_of(pipeline)


# --- the checks


def check_hint_on_what_does_the_step_alone(job: Job) -> None:
    """The GPU is asked for by the composite that decodes, tracks and writes, all of it and nothing else."""
    leaves = [
        one for one in job.transforms(lambda name: True) if one.spec.urn == common_urns.primitives.PAR_DO.urn
    ]
    with_gpu = {one.unique_name for one in leaves if job.hints(one).get(ACCELERATOR) == L4.encode()}
    assert with_gpu == {"LabelShards/Do/Run"}


def check_one_stage_does_the_step(job: Job) -> None:
    """Fused, exactly one stage of user code lies behind the shuffle, and it ends there."""
    _, stages = FnApiRunner().create_stages(copy.deepcopy(job.pipeline))
    holds = [
        {one.unique_name for one in stage.transforms if one.spec.urn == common_urns.primitives.PAR_DO.urn}
        for stage in stages
    ]
    doing = [names for names in holds if any("/Do/" in name for name in names)]
    assert len(doing) == 1 and all("/Do/" in name for name in doing[0])


def check_small_records_cross(job: Job, specs: list[ShardSpec]) -> None:
    """What goes into the shuffle is encoded by the job's own coder to some hundred bytes a ref."""
    (shuffle,) = [
        one
        for one in job.transforms(lambda name: True)
        if one.spec.urn == common_urns.primitives.GROUP_BY_KEY.urn
    ]
    (into,) = shuffle.inputs.values()
    context = PipelineContext(job.pipeline.components)
    coder = context.coders.get_by_id(job.pipeline.components.pcollections[into].coder_id)
    for spec in specs:
        assert len(coder.encode((spec.name, spec))) < MOST_BYTES_A_REF * len(spec.refs)


def check_no_main_session(job: Job) -> None:
    options = job.environment.sdk_pipeline_options["options"]
    assert not options["save_main_session"]
    for environment in job.pipeline.components.environments.values():
        staged = [
            beam_runner_api_pb2.ArtifactStagingToRolePayload.FromString(one.role_payload).staged_name
            for one in environment.dependencies
        ]
        assert "pickled_main_session" not in staged


def check_one_process_a_worker(job: Job) -> None:
    """All threads of a GPU's worker share one process, and so one model."""
    assert "no_use_multiple_sdk_containers" in job.environment.experiments
    assert "use_multiple_sdk_containers" not in job.environment.experiments
    (pool,) = job.environment.worker_pools
    assert pool.num_threads_per_worker == 4


def check_small_description(job: Job) -> None:
    """The tasks stand in files: the job's description does not grow with them."""
    assert len(job.pipeline.SerializeToString()) < 64 << 10


# --- the job keeps every rule; one that breaks it is found


def test_the_gpu_is_asked_for_on_the_step_alone(job: Job) -> None:
    check_hint_on_what_does_the_step_alone(job)


def test_a_gpu_for_everything_is_found(planned: Planned) -> None:
    everywhere = broken(lambda tasks: tasks | RunTasks(planned[0]), f"--resource_hints=accelerator={L4}")
    with pytest.raises(AssertionError, match="Extra items in the left set"):
        check_hint_on_what_does_the_step_alone(everywhere)


def test_decoding_tracking_and_writing_are_one_stage(job: Job) -> None:
    check_one_stage_does_the_step(job)


class TwoHalves(beam.PTransform):
    """A step in two halves, with a hint on the second, if any."""

    def __init__(self, **hints: str) -> None:
        super().__init__()
        self.hints = hints

    def expand(self, tasks: Any) -> Any:
        groups = tasks | beam.Map(lambda task: (str(task), task)) | beam.GroupByKey()
        decoded = groups | "Do/Decode" >> beam.Map(str)
        return decoded | "Do/Track" >> beam.Map(str).with_resource_hints(**self.hints)


def test_a_hint_on_half_of_the_step_tears_it_apart_and_is_found() -> None:
    check_one_stage_does_the_step(broken(lambda tasks: tasks | TwoHalves()))
    with pytest.raises(AssertionError):
        check_one_stage_does_the_step(broken(lambda tasks: tasks | TwoHalves(accelerator=L4)))


def test_only_small_records_cross_the_shuffle(job: Job, planned: Planned) -> None:
    check_small_records_cross(job, planned[1])


def test_pixels_that_cross_the_shuffle_are_found(planned: Planned, job: Job) -> None:
    with_pixels = [
        dataclasses.replace(
            spec, refs=tuple(dataclasses.replace(ref, payload="\0" * 128 * 96 * 3) for ref in spec.refs)
        )
        for spec in planned[1]
    ]
    with pytest.raises(AssertionError):
        check_small_records_cross(job, with_pixels)


def test_no_main_session_is_sent(job: Job) -> None:
    check_no_main_session(job)


def test_a_main_session_is_found_and_refused(planned: Planned) -> None:
    with pytest.raises(ConfigError, match="--save_main_session"):
        complete_options(asked("--save_main_session"))
    options = dry(complete_options(asked()))
    sent = [one for one in options.beam if one != "--no_save_main_session"]
    run = BeamRun(planned[0], ("gs://b/tasks",), frozenset(), "dataflow", tuple(sent))
    with pytest.raises(AssertionError):
        check_no_main_session(job_of(run.pipeline()))


def test_a_worker_with_a_gpu_is_one_process(job: Job) -> None:
    check_one_process_a_worker(job)


def test_a_process_for_every_core_is_found(planned: Planned) -> None:
    options = dry(complete_options(asked()))
    run = BeamRun(planned[0], ("gs://b/tasks",), frozenset(), "dataflow", options.beam)
    with pytest.raises(AssertionError):
        check_one_process_a_worker(job_of(run.pipeline()))


def test_the_description_stays_small(job: Job) -> None:
    check_small_description(job)


def test_a_description_that_holds_the_tasks_is_found(planned: Planned) -> None:
    specs = [
        dataclasses.replace(spec, track_digest=digest(spec.name, number))
        for spec in planned[1]
        for number in range(200)
    ]
    with pytest.raises(AssertionError):
        check_small_description(broken(lambda tasks: tasks.pipeline | "Inline" >> beam.Create(specs)))


def test_tasks_come_back_from_their_files_as_they_were(planned: Planned, tmp_path: Path) -> None:
    odd = dataclasses.replace(planned[1][0].refs[0], locator="/a/\udcff.mp4", uri="ü\n.mp4")
    specs = [dataclasses.replace(planned[1][0], refs=(odd,)), *planned[1]] * 100
    locators = write_task_files(tmp_path, iter(specs))
    assert len(locators) > 1
    assert [task for locator in locators for task in read_tasks(locator)] == specs


# --- what is checked before a job is submitted


@pytest.mark.parametrize(
    ("given", "hints", "message"),
    [
        (("--machine_type=n2-standrad-8",), {}, "nearest: n2-standard-8"),
        (("--worker_machine_type=n1-standard-3",), {}, "nearest: n1-standard-"),
        ((), {"accelerator": "nvidia-l40"}, "nearest: nvidia-l4"),
        ((), {"accelerator": "nvidia-tesla-t4;count:1"}, "none of type, count"),
        ((), {"accelerator": "type:nvidia-l4;count:2"}, "count must be 1"),
        ((), {"accelerator": "type:nvidia-l4;machine_type:n1-standard-8"}, "take g2-standard-8"),
        ((), {"accelerator": "type:nvidia-tesla-t4;machine_type:g2-standard-8"}, "take an n1 machine"),
        ((), {"min_ram": "lots"}, 'write it as "16GB"'),
        (("--dataflow_service_options=worker_accelerator=type:nvidia-l4",), {}, "as --accelerator TYPE"),
        (("--flexrs_goal=COST_OPTIMIZED",), {"min_ram": "16GB"}, "--flexrs_goal"),
        (("--max_num_wokers=3",), {}, "nearest: --max_num_workers"),
        (("--region=europe-west4-a",), {}, "a zone is --worker_zone"),
        (("--temp_location=/tmp",), {}, "gs://BUCKET/temp"),
        (("--staging_location=bucket",), {}, "gs://BUCKET/temp"),
        (("--sdk_container_image=somtom",), {}, "with its tag"),
        (("--job_name=My_Job",), {}, "small letters"),
    ],
)
def test_a_mistake_is_said_before_anything_is_submitted(
    given: tuple[str, ...], hints: dict[str, str], message: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        complete_options(asked(*given, **hints))
    assert message in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize("missing", NEEDED)
def test_what_a_job_cannot_do_without_is_asked_for(missing: str) -> None:
    given = tuple(one for one in NEEDED if one != missing)
    with pytest.raises(ConfigError, match=missing.partition("=")[0]):
        complete_options(RunOptions(runner="dataflow", beam=given))


def test_machine_and_gpu_belong_together() -> None:
    options = complete_options(asked("--machine_type=e2-standard-4", accelerator="nvidia-tesla-t4"))
    told = "type:nvidia-tesla-t4;count:1;machine_type:n1-standard-8;install-nvidia-driver"
    assert dict(options.hints) == {"accelerator": told}
    assert "--staging_location=gs://my-bucket/temp" in options.beam
