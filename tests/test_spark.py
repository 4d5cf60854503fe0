"""Submission to Spark, as far as it goes without Beam's job server for Spark: what it would be sent.

Nothing here runs on Spark (test_runners_equal.py does, where SOMTOM_SPARK_JOB_SERVER_JAR is set). Run for
real are the submission over gRPC, the upload by REST, and the workers of `somtom worker-pool`.
"""

import json
import re
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from apache_beam.portability.api import beam_job_api_pb2, beam_runner_api_pb2
from apache_beam.runners.portability.local_job_service import LocalJobServicer
from builds import THREADS, build, contents, quick_config
from commands import ENVIRONMENT, SOMTOM, group_is_gone
from drawn_videos import draw_videos
from google.protobuf import json_format
from stub_job_server import JOBS, SAID, STATE

from somtom.pipelines.build import label_data_set, plan_data_set
from somtom.pipelines.config import BuildConfig
from somtom.pipelines.config_rules import ConfigError
from somtom.pipelines.local import TaskFailed
from somtom.pipelines.runners import RunOptions, complete_options
from somtom.pipelines.spark import JAR

STUB = Path(__file__).parent / "support" / "stub_job_server.py"


def on_spark(*beam_options: str) -> RunOptions:
    return RunOptions(progress=False, runner="spark", beam=beam_options)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> BuildConfig:
    return quick_config(draw_videos(tmp_path_factory.mktemp("inputs") / "toys", 1))


@pytest.fixture
def jar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What stands for the jar: it has nothing in it but a version."""
    path = tmp_path / "job-server.jar"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("spark-version-info.properties", "version=3.5.0\n")
    monkeypatch.setenv(JAR, str(path))
    return path


@pytest.fixture
def launcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In the place of java: the stub."""
    path = tmp_path / "launcher"
    path.write_text(f'#!/bin/sh\nexec {sys.executable} {STUB} "$@"\n')
    path.chmod(0o755)
    (tmp_path / "jobs").mkdir()
    monkeypatch.setenv(JOBS, str(tmp_path / "jobs"))
    return path


@pytest.mark.parametrize(
    ("state", "said"),
    [("FAILED", SAID), ("DONE", "left no note .*: is the output folder shared by all workers")],
)
def test_a_job_server_of_the_jar_is_started_and_sent_the_pipeline(
    config: BuildConfig,
    jar: Path,
    launcher: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    state: str,
    said: str,
) -> None:
    monkeypatch.setenv(STATE, state)
    plan_data_set(config, tmp_path / "out", THREADS)
    with pytest.raises(TaskFailed, match=said):  # never taken for a build that was made
        label_data_set(tmp_path / "out", on_spark(f"--job_server_java_launcher={launcher}"))

    command = json.loads((tmp_path / "jobs" / "command.json").read_text())
    assert command[command.index("-jar") + 1] == str(jar)
    assert command[command.index("--spark-master-url") + 1] == "local[*]"
    sent = beam_job_api_pb2.PrepareJobRequest.FromString((tmp_path / "jobs" / "job-0.bin").read_bytes())
    options = json_format.MessageToDict(sent.pipeline_options)
    assert options["beam:option:spark_master_url:v1"] == "local[*]"
    assert options["beam:option:save_main_session:v1"] is False
    names = {one.unique_name for one in sent.pipeline.components.transforms.values()}
    assert {"Files", "Tasks", "LabelShards/Spread", "LabelShards/Do/Run"} <= names
    (environment,) = sent.pipeline.components.environments.values()
    assert environment.urn == "beam:env:external:v1"  # LOOPBACK: the driver's own process
    assert group_is_gone(int((tmp_path / "jobs" / "group").read_text()))


# --- by REST


class SparkMaster(BaseHTTPRequestHandler):
    """A master's REST server that takes a jar's name and says that its job has ended."""

    taken: list[dict[str, Any]]

    def do_GET(self) -> None:
        self.answer({"driverState": "FINISHED", "serverSparkVersion": "3.5.0"})

    def do_POST(self) -> None:
        self.taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.answer({"submissionId": "driver-1"})

    def answer(self, values: dict[str, Any]) -> None:
        body = json.dumps(values).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def master() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    taken: list[dict[str, Any]] = []
    server = ThreadingHTTPServer(("localhost", 0), type("Master", (SparkMaster,), {"taken": taken}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_address[1]}", taken
    server.shutdown()
    server.server_close()


def test_a_jar_with_the_pipeline_in_it_is_submitted_by_rest(
    config: BuildConfig, jar: Path, master: tuple[str, list[dict[str, Any]]], tmp_path: Path
) -> None:
    url, taken = master
    plan_data_set(config, tmp_path / "out", THREADS)
    options = on_spark(
        "--spark_submit_uber_jar",
        f"--spark_rest_url={url}",
        "--environment_type=EXTERNAL",
        "--environment_config=localhost:50000",
    )
    with pytest.raises(TaskFailed, match="left no note"):
        label_data_set(tmp_path / "out", options)
    (submission,) = taken
    assert submission["mainClass"] == "org.apache.beam.runners.spark.SparkPipelineRunner"
    assert submission["clientSparkVersion"] == "3.5.0"
    with zipfile.ZipFile(submission["appResource"].removeprefix("file:")) as file:
        (name,) = [name for name in file.namelist() if name.endswith("pipeline.json")]
        pipeline = json_format.Parse(file.read(name), beam_runner_api_pb2.Pipeline())
    (environment,) = pipeline.components.environments.values()
    payload = beam_runner_api_pb2.ExternalPayload.FromString(environment.payload)
    assert payload.endpoint.url == "localhost:50000"


# --- workers of a pool


def test_workers_of_the_pool_write_what_the_local_run_writes(config: BuildConfig, tmp_path: Path) -> None:
    """The job server is Beam's own in Python, not Spark's: it asks the pool for workers as Spark's would."""
    server = LocalJobServicer()
    endpoint = f"localhost:{server.start_grpc_server()}"
    pool = subprocess.Popen(
        [SOMTOM, "worker-pool", "--port", str(free_port())],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert pool.stdout is not None
        found = re.match(r"listening on port (\d+)", pool.stdout.readline())
        assert found
        options = on_spark(
            f"--job_endpoint={endpoint}",
            "--environment_type=EXTERNAL",
            f"--environment_config=localhost:{found[1]}",
        )
        build(config, tmp_path / "out", options)
    finally:
        pool.terminate()
        assert pool.wait(30) == 0
        server.stop()
    build(config, tmp_path / "local", THREADS)
    assert contents(tmp_path / "out") == contents(tmp_path / "local")


def free_port() -> int:
    with ThreadingHTTPServer(("localhost", 0), SparkMaster) as server:
        return int(server.server_address[1])


# --- what is checked before anything is submitted


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((), "SOMTOM_SPARK_JOB_SERVER_JAR"),
        (("--spark_job_server_jar=no.jar",), "make spark-job-server"),
        (("--spark_master_url=lokal",), "write local[*]"),
        (("--spark_master_url=spark://host:7077",), "EXTERNAL"),
        (("--spark_master_url=spark://host:7077", "--environment_type=DOCKER"), "--environment_config="),
        (("--spark_master_url=spark://host:7077", "--environment_type=external"), "localhost:50000"),
        (("--spark_submit_uber_jar",), "spark.master.rest.enabled"),
        (("--spark_submit_uber_jar", "--spark_rest_url=http://host:6066"), "worker-pool"),
        (("--job_endpoint=host:8099",), "worker-pool"),
    ],
)
def test_what_is_missing_is_said_before_anything_is_submitted(
    given: tuple[str, ...], message: str, jar: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not given:
        monkeypatch.delenv(JAR)
    with pytest.raises(ConfigError) as raised:
        complete_options(on_spark(*given))
    assert message in str(raised.value) and "\n" not in str(raised.value)


def test_a_path_that_means_nothing_elsewhere_is_refused(tmp_path: Path, jar: Path) -> None:
    options = on_spark("--job_endpoint=host:8099", "--environment_type=DOCKER", "--environment_config=i:1")
    with pytest.raises(ConfigError, match=r"source\[0\]\.path = 'clips': means nothing to workers"):
        plan_data_set(quick_config(Path("clips")), tmp_path / "out", options)
