"""The same bytes whoever runs a build: in memory, in threads, in processes, every bundle twice, portable."""

import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from builds import THREADS, build, contents, faults
from three_kinds import draw_three_kinds, label_step, three_kinds

from somtom.pipelines.build import label_data_set, plan_data_set
from somtom.pipelines.runners import RunOptions
from somtom.pipelines.spark import JAR
from somtom.schemas.meta_tables import read_counts
from somtom.schemas.plan_table import read_plan
from somtom.schemas.refs import ShardSpec
from somtom.transforms.tasks import RunTasks


def on(runner: str, *beam_options: str) -> RunOptions:
    return RunOptions(progress=False, is_chosen=False, runner=runner, beam=beam_options)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_three_kinds(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="module")
def planned(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("planned") / "out"
    plan_data_set(three_kinds(inputs), folder, THREADS)
    return folder


@pytest.fixture(scope="module")
def expected(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The bytes that threads write: of three kinds of source, in a dozen shards or more."""
    folder = tmp_path_factory.mktemp("expected") / "out"
    build(three_kinds(inputs), folder)
    assert faults(folder) == []
    assert len(list(folder.glob("shards/*.tar"))) >= 12
    assert len({one.source for one in read_counts(folder) if one.samples}) == 3
    return contents(folder)


@pytest.mark.parametrize("workers", [2, 4])
def test_processes_write_what_threads_write(
    planned: Path, tmp_path: Path, expected: dict[str, str], workers: int
) -> None:
    out = Path(shutil.copytree(planned, tmp_path / "out"))
    label_data_set(out, RunOptions(workers, "processes", progress=False))
    assert contents(out) == expected


@pytest.mark.parametrize(
    "options",
    [on("direct"), on("direct", "--direct_runner_bundle_repeat=1"), on("portable")],
    ids=["in memory", "every bundle twice", "portable"],
)
def test_one_pipeline_over_all_tasks_writes_what_threads_write(
    inputs: Path, tmp_path: Path, expected: dict[str, str], options: RunOptions
) -> None:
    build(three_kinds(inputs), tmp_path / "out", options)
    assert contents(tmp_path / "out") == expected


def test_a_shard_that_is_made_twice_is_the_same_shard(
    inputs: Path, planned: Path, tmp_path: Path, expected: dict[str, str]
) -> None:
    """Without notes of what is made already, a bundle that is run again makes its shards again."""
    out = Path(shutil.copytree(planned, tmp_path / "out"))
    specs = list(read_plan(out / "meta" / "plan.parquet"))
    with beam.Pipeline(FnApiRunner(bundle_repeat=1)) as pipeline:
        _ = pipeline | beam.Create(specs) | RunTasks(label_step(inputs, out))
    label_data_set(out, THREADS)
    assert contents(out) == expected


def test_a_shard_that_two_workers_make_at_the_same_time_is_the_same_shard(
    inputs: Path, planned: Path, tmp_path: Path, expected: dict[str, str]
) -> None:
    """As when a runner lets a slow task run once more and takes what comes first."""
    out = Path(shutil.copytree(planned, tmp_path / "out"))
    step, together = label_step(inputs, out), threading.Barrier(2)

    def make(spec: ShardSpec) -> int:
        together.wait(60)
        return step.run(spec)

    with ThreadPoolExecutor(2) as pool:
        for spec in read_plan(out / "meta" / "plan.parquet"):
            first, second = pool.map(make, [spec, spec])
            assert first == second
    label_data_set(out, THREADS)
    assert contents(out) == expected


@pytest.mark.skipif(not os.environ.get(JAR), reason=f"{JAR} is not set: nothing was run on Spark")
def test_spark_writes_what_threads_write(inputs: Path, tmp_path: Path, expected: dict[str, str]) -> None:
    build(three_kinds(inputs), tmp_path / "out", on("spark", "--spark_master_url=local[2]"))
    assert contents(tmp_path / "out") == expected
