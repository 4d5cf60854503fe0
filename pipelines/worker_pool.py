"""Workers for executors that ask for them: what `--environment_type=EXTERNAL` of Spark speaks with."""

import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from apache_beam.portability.api import beam_fn_api_pb2_grpc
from apache_beam.runners.worker.worker_pool_main import (
    BeamFnExternalWorkerPoolServicer,
    kill_process_gracefully,
)

from somtom.pipelines.config_rules import ConfigError


def serve_workers(port: int) -> None:
    """Listen until this process is told to end; each worker is a process, whose death costs no other.

    Who can speak to the pool can run any code here, and nobody is asked who they are: so it listens to this
    machine alone. Beam's own `start` would listen to every network that the machine is in.

    Raises:
        ConfigError: the port is taken.
    """
    # Workers are started as "python": it must be the one that somtom is installed for.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    pool = BeamFnExternalWorkerPoolServicer(use_process=True)
    server = grpc.server(ThreadPoolExecutor())
    beam_fn_api_pb2_grpc.add_BeamFnExternalWorkerPoolServicer_to_server(pool, server)
    try:
        server.add_insecure_port(f"localhost:{port}")
    except RuntimeError as error:
        raise ConfigError(f"--port {port}: cannot be listened on; is another worker pool there?") from error
    server.start()
    ended.wait()
    server.stop(1)
    for process in pool._worker_processes.values():
        kill_process_gracefully(process)
