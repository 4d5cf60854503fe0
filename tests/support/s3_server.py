"""An S3-compatible server on loopback: moto's, in a process of its own, with planned trouble.

Run as `python s3_server.py FOLDER`: says its port. While FOLDER/refuse holds a number n, the next n requests
are answered with 503; while FOLDER/stall is there, none is answered; FOLDER/log gets a line a request.
FOLDER/schedule holds trouble for requests to come, see `S3.plan`.
"""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from somtom.sources import s3_client

BUCKET = "data"


@dataclass(frozen=True)
class S3:
    """A running server: where it is asked for trouble, and the environment that leads to it."""

    folder: Path
    environment: dict[str, str]

    def client(self) -> Any:
        """A client of boto3's own, to look at the store past somtom."""
        import boto3

        names = {"AWS_ACCESS_KEY_ID": "aws_access_key_id", "AWS_SECRET_ACCESS_KEY": "aws_secret_access_key"}
        keys = {argument: self.environment[name] for name, argument in names.items()}
        endpoint = self.environment["AWS_ENDPOINT_URL"]
        return boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", **keys)

    def names(self, bucket: str) -> list[str]:
        """All keys of a bucket."""
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return [one["Key"] for page in pages for one in page.get("Contents", ())]

    def refuse(self, requests: int) -> None:
        """Answer the next requests with 503."""
        (self.folder / "refuse").write_text(str(requests))

    def stall(self, is_stalling: bool) -> None:
        """Answer nothing, or again."""
        if is_stalling:
            (self.folder / "stall").touch()
        else:
            (self.folder / "stall").unlink(missing_ok=True)

    def plan(self, **trouble: int) -> None:
        """Plan trouble by the number of the request, counted from here; nothing ends all trouble.

        `refuse_every`, `cut_every`: each n-th is answered with 503, or with half of what it asks for;
        `refuse_from`, `stall_from`: from the n-th on all are answered with 503, or not at all.
        """
        path = self.folder / "schedule"
        path.with_suffix(".new").write_text(json.dumps({"begun": self.requests(), **trouble}))
        path.with_suffix(".new").replace(path)

    def requests(self) -> int:
        """How many there were so far."""
        log = self.folder / "log"
        return len(log.read_text().splitlines()) if log.exists() else 0


@contextlib.contextmanager
def s3_server(folder: Path) -> Iterator[S3]:
    """Start the server and stop it at the end; skips the test where it is not installed."""
    for module in ("boto3", "moto", "flask", "flask_cors"):
        pytest.importorskip(module, reason=f"{module} is not installed: no S3 server to test against")
    process = subprocess.Popen([sys.executable, __file__, folder], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        environment = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        yield S3(folder, environment)
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def s3_with_bucket(folder: Path) -> Iterator[S3]:
    """Run a server that holds one empty bucket, `BUCKET`, and lead this process and those it starts to it."""
    with s3_server(folder) as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        s3_client._boto3_client.cache_clear()  # it leads to the server of another file's tests
        server.client().create_bucket(Bucket=BUCKET)
        yield server
    s3_client._boto3_client.cache_clear()


class _WithTrouble:
    """A WSGI application before another."""

    def __init__(self, application: Any, folder: Path) -> None:
        self.application, self.folder = application, folder
        self.lock = threading.Lock()
        self.count = 0

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        with self.lock:
            with (self.folder / "log").open("a") as log:
                log.write(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}?{environ['QUERY_STRING']}\n")
            self.count += 1
            is_refused, is_cut = self._trouble(self.count)
        while (self.folder / "stall").exists() or self._is_stalled(self.count):
            time.sleep(0.05)
        if is_refused:
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            start_response("503 Slow Down", [("Content-Length", "0")])
            return [b""]
        answer: Iterable[bytes] = self.application(environ, start_response)
        return _half(answer) if is_cut else answer

    def _trouble(self, count: int) -> tuple[bool, bool]:
        """Whether a request is refused, and whether its answer is cut off."""
        refuse = self.folder / "refuse"
        left = int(refuse.read_text() or 0) if refuse.exists() else 0
        if left:
            refuse.write_text(str(left - 1))
        plan, number = self._plan(count)
        is_out = 0 < plan.get("refuse_from", 0) <= number
        each = [bool(plan.get(name)) and number % plan[name] == 0 for name in ("refuse_every", "cut_every")]
        return bool(left) or is_out or each[0], each[1]

    def _is_stalled(self, count: int) -> bool:
        plan, number = self._plan(count)
        return 0 < plan.get("stall_from", 0) <= number

    def _plan(self, count: int) -> tuple[dict[str, int], int]:
        """The schedule, and the request's number in it."""
        path = self.folder / "schedule"
        plan = json.loads(path.read_text()) if path.exists() else {}
        return plan, count - plan.get("begun", 0)


def _half(answer: Iterable[bytes]) -> Iterator[bytes]:
    """Half of the answer, after whose head the connection ends."""
    whole = b"".join(answer)
    yield whole[: len(whole) // 2]
    if whole:
        raise ConnectionAbortedError


def _serve(folder: Path) -> None:
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        protocol_version = "HTTP/1.1"

        def log(self, *_: object) -> None:
            pass

    application = _WithTrouble(DomainDispatcherApplication(create_backend_app), folder)
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Quiet)
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
