"""A job server that takes a pipeline and runs nothing of it, called in the place of java with a jar.

It keeps its command line, its group and what it was sent in the folder that SOMTOM_TEST_JOBS names, says
that nothing was run, and ends each job as SOMTOM_TEST_STATE says.
"""

import json
import os
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
from apache_beam.portability.api import beam_job_api_pb2 as api
from apache_beam.portability.api import beam_job_api_pb2_grpc

JOBS, STATE = "SOMTOM_TEST_JOBS", "SOMTOM_TEST_STATE"
SAID = "this is a stub: the pipeline was taken, and nothing was run"


class StubJobServer(beam_job_api_pb2_grpc.JobServiceServicer):
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.begun = threading.Event()

    def DescribePipelineOptions(self, request: Any, context: Any) -> Any:  # noqa: N802 - the API's names
        return api.DescribePipelineOptionsResponse()

    def Prepare(self, request: Any, context: Any) -> Any:  # noqa: N802
        number = len(list(self.folder.glob("job-*.bin")))
        (self.folder / f"job-{number}.bin").write_bytes(request.SerializeToString())
        return api.PrepareJobResponse(preparation_id="job")

    def Run(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.begun.set()
        return api.RunJobResponse(job_id="job")

    def GetStateStream(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        yield api.JobStateEvent(state=api.JobState.STOPPED)
        self.begun.wait()
        yield api.JobStateEvent(state=api.JobState.RUNNING)
        yield api.JobStateEvent(state=api.JobState.Enum.Value(os.environ[STATE]))

    def GetState(self, request: Any, context: Any) -> Any:  # noqa: N802
        return api.JobStateEvent(state=api.JobState.Enum.Value(os.environ[STATE]))

    def GetMessageStream(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        self.begun.wait()
        said = api.JobMessage(message_text=SAID, importance=api.JobMessage.JOB_MESSAGE_ERROR)
        yield api.JobMessagesResponse(message_response=said)
        ended = api.JobStateEvent(state=api.JobState.Enum.Value(os.environ[STATE]))
        yield api.JobMessagesResponse(state_response=ended)

    def GetJobMetrics(self, request: Any, context: Any) -> Any:  # noqa: N802
        return api.GetJobMetricsResponse()


def main(arguments: list[str]) -> None:
    folder = Path(os.environ[JOBS])
    (folder / "group").write_text(str(os.getpgrp()))
    (folder / "command.json").write_text(json.dumps(arguments))
    server = grpc.server(ThreadPoolExecutor(8))
    beam_job_api_pb2_grpc.add_JobServiceServicer_to_server(StubJobServer(folder), server)
    server.add_insecure_port(f"localhost:{arguments[arguments.index('--job-port') + 1]}")
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    main(sys.argv[1:])
