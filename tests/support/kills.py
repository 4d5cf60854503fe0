"""Kills one build again and again at random moments, and holds what it becomes against an undisturbed one.

Run as `python tests/support/kills.py` (`make kills`): a line a way of running; exit 1 where one went wrong.
"""

import argparse
import contextlib
import os
import random
import resource
import select
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

# Every run that is forked off has them already.
import apache_beam  # noqa: F401
import tomli_w
from builds import build, contents, faults, written
from commands import ENVIRONMENT, SOMTOM
from drawn_videos import draw_videos
from s3_server import BUCKET, s3_with_bucket
from three_kinds import draw_three_kinds, three_kinds, tree_of_three_kinds

from somtom.pipelines.fetch import fetch_data_set
from somtom.pipelines.mirror import mirror_folder
from somtom.schemas.files import is_temporary
from somtom.transforms import tasks  # noqa: F401

PATIENCE_S = 600.0  # for a run that is left alone: one that takes longer has hung


@dataclass(frozen=True)
class Inputs:
    """Drawn inputs and what an undisturbed build makes of them.

    Args:
        folder, config: the inputs, and the file that names them.
        expected: digest of each file of the data set.
        work_s: how long the build took.
        slowness: how much longer everything takes than on a machine with nothing else to do.
    """

    folder: Path
    config: Path
    expected: dict[str, str]
    work_s: float
    slowness: float

    @property
    def shards(self) -> int:
        """How many shards are planned."""
        return sum(name.startswith("meta/manifests/") for name in self.expected)


def draw_inputs(room: Path, videos: int) -> Inputs:
    """Draw videos, a robot's episodes and screenshots, and build them undisturbed."""
    folder = draw_three_kinds(room / "in")
    draw_videos(folder / "videos", videos, frames=48)
    (room / "config.toml").write_text(tomli_w.dumps(tree_of_three_kinds(folder)))
    begun = time.monotonic()
    assert forked(lambda: build(three_kinds(folder), room / "undisturbed")).wait(PATIENCE_S) == 0
    work_s = time.monotonic() - begun
    assert faults(room / "undisturbed") == []
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    slowness = max(1.0, work_s / (used.ru_utime + used.ru_stime))
    return Inputs(folder, room / "config.toml", contents(room / "undisturbed"), work_s, slowness)


# --- runs


@dataclass(frozen=True)
class Run:
    """A run under way, which leads a session."""

    pid: int

    def wait(self, seconds: float) -> int | None:
        """Wait for its end, so long; the exit status, None while it works."""
        watched = os.pidfd_open(self.pid)
        try:
            if not select.select([watched], [], [], seconds)[0]:
                return None
        finally:
            os.close(watched)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def kill(self) -> None:
        """End every process of the session by `kill -9`, and wait until all are gone."""
        while members := list(self._members()):
            for pid in members:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self.pid, 0)

    def workers(self) -> list[int]:
        """The processes that work for the driver."""
        return [pid for pid in self._members() if b"spawn_main" in _command_line(pid)]

    def _members(self) -> Iterator[int]:
        for path in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                state, _, _, session = (path / "stat").read_text().rpartition(") ")[2].split()[:4]
                if int(session) == self.pid and (state != "Z" or int(path.name) == self.pid):
                    yield int(path.name)


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def forked(action: Callable[[], object]) -> Run:
    """Begin a run in a copy of this process: no time goes into imports, all of it is the build's own."""
    pid = os.fork()
    if pid:
        return Run(pid)
    status = 1
    try:
        os.setsid()
        action()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def commanded(*arguments: object) -> Run:
    """Begin a run by the command line; it complains where workers were killed one after the other."""
    process = subprocess.Popen(
        [SOMTOM, *map(str, arguments)],
        env={**ENVIRONMENT, **os.environ, "TMPDIR": tempfile.gettempdir()},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    process.returncode = 0  # it is `Run` that waits for it
    return Run(process.pid)


# --- kills


@dataclass
class Seen:
    """What a series of kills met with: kills of whole runs by what these were at, and of single workers."""

    runs: int = 0
    whole: Counter[str] = field(default_factory=Counter)
    workers: int = 0
    temporaries: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def kills(self) -> int:
        return self.whole.total() + self.workers

    def __str__(self) -> str:
        at = ", ".join(f"{count} {what}" for what, count in sorted(self.whole.items()))
        wrong = "; ".join(self.wrong[:5]) or "bytes equal, nothing left"
        return (
            f"{self.kills} kills in {self.runs} runs: whole runs ({at}), {self.workers} workers; "
            f"{self.temporaries} half-written files met; {wrong}"
        )


@dataclass(frozen=True)
class Way:
    """A way of running the build, and how it is killed.

    Args:
        begin: begins a run, or goes on with what the last one left.
        out: the folder it builds in; of an output in a store, the mirror's.
        start_s: about how long a run, or a worker, takes until it works, where nothing else is done.
        worker_share: the share of kills that end one worker and not the run.
        bring: gives the folder with the finished data set.
        kept: what a next run must leave as it is.
    """

    begin: Callable[[], Run]
    out: Path
    start_s: float
    worker_share: float
    bring: Callable[[], Path]
    kept: Callable[[Path], dict[str, tuple[int, int]]] = written


def kill_and_compare(way: Way, inputs: Inputs, kills: int, moments: random.Random) -> Seen:
    """Kill so often, let a last run come to its end, and compare."""
    seen = Seen()
    kept: dict[str, tuple[int, int]] = {}
    status: int | None = None
    while seen.kills < kills:
        run, status = way.begin(), None
        seen.runs += 1
        while seen.kills < kills and status is None:
            is_whole = moments.random() >= way.worker_share
            while not is_whole and not run.workers() and status is None:
                status = run.wait(0.1)
            # A fifth of the kills meet a run, or a worker, that has not begun to work.
            start_s = way.start_s * inputs.slowness * min(1.0, 5 * moments.random())
            mean_s = _mean_s(way, inputs, seen.kills / kills, kills)
            status = run.wait(start_s + moments.expovariate(1 / mean_s)) if status is None else status
            workers = [] if is_whole or status is not None else run.workers()
            if workers:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(moments.choice(workers), signal.SIGKILL)
                    seen.workers += 1
            elif status is None and is_whole:
                status = -signal.SIGKILL
                seen.whole[_at_work(way, inputs)] += 1
                run.kill()
                seen.temporaries += sum(is_temporary(path.name) for path in way.out.rglob(".*"))
        if status is None:
            status = run.wait(PATIENCE_S)
        if status is None:
            run.kill()
            seen.wrong.append("a run hung")
        now = way.kept(way.out)
        seen.wrong += [f"{name} was made again" for name, one in kept.items() if now.get(name) != one]
        kept = now
    for _ in range(3):  # the run whose worker was killed last may have ended for it
        if status == 0:
            break
        seen.runs += 1
        run = way.begin()
        status = run.wait(PATIENCE_S)
        if status is None:
            run.kill()
    if status != 0:
        return _with(seen, [f"the last run ended with {status}"])
    folder, temporary = way.bring(), Path(tempfile.gettempdir())
    found = contents(folder)
    names = sorted(found.keys() | inputs.expected.keys())
    differing = [f"{name} differs" for name in names if found.get(name) != inputs.expected.get(name)]
    left = [f"{path} is left" for path in temporary.iterdir()]
    return _with(seen, [*faults(folder), *differing, *left])


def _with(seen: Seen, wrong: list[str]) -> Seen:
    seen.wrong += wrong
    return seen


def _mean_s(way: Way, inputs: Inputs, spent: float, kills: int) -> float:
    """How long to wait for the next kill, so that all parts of the build are met: its end by a third."""
    left = 1 - _made(way) / inputs.shards
    return inputs.work_s * max(0.01, left / max(1.0, kills * (2 / 3 - spent)))


def _at_work(way: Way, inputs: Inputs) -> str:
    if not (way.out / "meta" / "plan.parquet").exists():
        return "planning"
    return "labelling" if _made(way) < inputs.shards else "finishing"


def _made(way: Way) -> int:
    return len(list((way.out / "meta" / "manifests").glob("*.json")))


# --- ways


@contextlib.contextmanager
def in_threads(inputs: Inputs, room: Path) -> Iterator[Way]:
    """Threads of one process."""
    out, config = room / "threads", three_kinds(inputs.folder)
    yield Way(lambda: forked(lambda: build(config, out)), out, 0.0, 0.0, lambda: out)


@contextlib.contextmanager
def in_processes(inputs: Inputs, room: Path) -> Iterator[Way]:
    """A driver and two worker processes."""
    out = room / "processes"
    begin = partial(commanded, "build", inputs.config, "--out", out, "--quiet", "--workers", 2)
    yield Way(begin, out, 3.0, 0.5, lambda: out)


@contextlib.contextmanager
def on_portable(inputs: Inputs, room: Path) -> Iterator[Way]:
    """Beam's embedded portable runner, and the process that submits to it."""
    out = room / "portable"
    begin = partial(commanded, "build", inputs.config, "--out", out, "--quiet", "--runner", "portable")
    yield Way(begin, out, 4.0, 0.3, lambda: out)


@contextlib.contextmanager
def to_store(inputs: Inputs, room: Path) -> Iterator[Way]:
    """An S3-compatible server as output."""
    (room / "server").mkdir()
    uri, cache = f"s3://{BUCKET}/out", room / "cache"
    with s3_with_bucket(room / "server"):

        def bring() -> Path:
            fetch_data_set(uri, room / "fetched")
            return room / "fetched"

        begin = partial(
            commanded, "build", inputs.config, "--out", uri, "--cache", cache, "--quiet", "--threads"
        )
        yield Way(begin, mirror_folder(uri, cache), 2.0, 0.0, bring, lambda folder: {})


WAYS = {"threads": in_threads, "processes": in_processes, "portable": on_portable, "s3": to_store}
KILLS = {"threads": 200, "processes": 60, "portable": 20, "s3": 20}


def main() -> int:
    parser = argparse.ArgumentParser(description="Kill builds at random moments.")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--kills", type=int, default=0, help="of each way; 0: as many as usual")
    parser.add_argument("--videos", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    is_wrong = False
    with tempfile.TemporaryDirectory(prefix="somtom-kills-") as folder:
        room = Path(folder)
        (room / "temporary").mkdir()
        tempfile.tempdir = str(room / "temporary")
        inputs = draw_inputs(room, options.videos)
        _say(f"{inputs.shards} shards; undisturbed {inputs.work_s:.1f} s; seed {options.seed}")
        for name in options.ways:
            begun, moments = time.monotonic(), random.Random(f"{options.seed} {name}")
            with WAYS[name](inputs, room) as way:
                seen = kill_and_compare(way, inputs, options.kills or KILLS[name], moments)
            _say(f"{name}: {seen} ({time.monotonic() - begun:.0f} s)")
            is_wrong |= bool(seen.wrong)
    return int(is_wrong)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
