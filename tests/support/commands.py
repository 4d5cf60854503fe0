"""The command line as a process of its own."""

import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tomli_w

SOMTOM = Path(sys.executable).parent / "somtom"
# Worker processes find the test's own modules by this.
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join(filter(None, [str(Path(__file__).parent), os.environ.get("PYTHONPATH")])),
}


def somtom(*arguments: object, **more: Any) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end."""
    given = {"env": ENVIRONMENT, "capture_output": True, "text": True, "timeout": 120, **more}
    return subprocess.run([SOMTOM, *map(str, arguments)], **given)


def write_config(path: Path, tree: dict[str, Any]) -> Path:
    """Write a plain tree as a configuration file."""
    path.write_text(tomli_w.dumps(tree))
    return path


@contextmanager
def held_somtom(fifo: Path, *arguments: object, **environment: str) -> Iterator["subprocess.Popen[str]"]:
    """A command in a process group of its own, held where `bad_trackers` blocks: half-way, exactly there."""
    os.mkfifo(fifo)
    held = {"SOMTOM_TEST_BEHAVIOUR": "block", "SOMTOM_TEST_FIFO": str(fifo)}
    process = subprocess.Popen(
        [SOMTOM, *map(str, arguments)],
        env={**ENVIRONMENT, **held, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        ended = os.pidfd_open(process.pid)
        ready = select.select([reader, ended], [], [], 60)[0]
        assert reader in ready, process.communicate(timeout=1) if ready else "the tracker was never asked"
        yield process
    finally:
        os.close(ended)
        os.close(reader)
        fifo.unlink()
        if process.poll() is None:
            os.killpg(process.pid, 9)
        process.communicate()


def group_is_gone(group: int, seconds: float = 30) -> bool:
    """Whether every process of the group ends by itself in that time."""
    for pid in [int(path.name) for path in Path("/proc").glob("[0-9]*")]:
        try:
            watched = os.pidfd_open(pid) if os.getpgid(pid) == group else -1
        except ProcessLookupError:
            continue
        if watched >= 0 and not select.select([watched], [], [], seconds)[0]:
            return False
    return True
