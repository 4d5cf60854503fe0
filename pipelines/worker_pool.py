"""Workers for executors that ask for them: what `--environment_type=EXTERNAL` of Spark speaks with."""

import os
import signal
import sys
import threading
from pathlib import Path

from apache_beam.runners.worker.worker_pool_main import BeamFnExternalWorkerPoolServicer

from somtom.pipelines.config_rules import ConfigError


def serve_workers(port: int) -> None:
    """Listen until this process is told to end; each worker is a process, whose death costs no other.

    Raises:
        ConfigError: the port is taken.
    """
    # Workers are started as "python": it must be the one that somtom is installed for.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    try:
        _, server = BeamFnExternalWorkerPoolServicer.start(use_process=True, port=port)
    except RuntimeError as error:
        raise ConfigError(f"--port {port}: cannot be listened on; is another worker pool there?") from error
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    ended.wait()
    server.stop(1)
