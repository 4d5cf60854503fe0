"""Runs Beam pipelines on this machine: several at once, each in a process or thread, watched over.

Every task is a Beam pipeline of its own on FnApiRunner, the same transform that a cluster would run, fed
with one element. Beam's own multi-process mode is not used: it cuts one bundle a worker up front, so that a
worker idles once its bundle is done, and it hangs for ever when a worker process dies (Beam 2.77). Here a
free worker takes the next task, and a process that dies is replaced and its task tried again.
"""

import contextlib
import itertools
import multiprocessing
import os
import re
import signal
import threading
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as wait_for
from multiprocessing.context import SpawnProcess
from typing import Generic, TypeVar

from somtom.transforms.logs import Logs, configure_logging, current_logs

T = TypeVar("T")

POLL_S = 0.25
# A process that ends by one of these brought it on itself: what it was working on is to blame.
SELF_INFLICTED = frozenset(
    -number for number in (signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE)
)


_OS_ERROR = re.compile(
    r"(?:RuntimeError: )?\w*Error: \[Errno (\d+)\] ([^:]+?)(?:: '([^']*)')?(?: ->.*)?(?: \[while running.*)?"
)


class TaskFailed(RuntimeError):
    """A task raised: an error of the machine (a full disk, say) or a bug; `detail` is its traceback."""

    def __init__(self, message: str, detail: str) -> None:
        super().__init__(message)
        self.detail = detail

    @property
    def os_error(self) -> OSError | None:
        """The machine's error behind it, read off the traceback's end: Beam hands on nothing but text."""
        found = _OS_ERROR.fullmatch(_last_line(self.detail))
        return OSError(int(found[1]), found[2], found[3]) if found else None


@dataclass(frozen=True)
class Death(Generic[T]):
    """A worker process that ended in the middle of a task. `own_fault`: by a signal that it raised itself."""

    task: T
    exit_code: int
    own_fault: bool


@dataclass(frozen=True)
class Done(Generic[T]):
    """A task that was finished."""

    task: T


@dataclass(frozen=True)
class Idle:
    """Nothing happened for a moment: time to look at the progress."""


def run_tasks(
    work: Callable[[T], None], tasks: Iterable[T], workers: int, mode: str
) -> Generator[Done[T] | Death[T] | Idle, None, None]:
    """Run `work` on every task, `workers` at a time, and yield what happens, as it happens.

    Closing the iterator stops the workers. `work` and the tasks must be picklable when mode is "processes".

    Args:
        work: runs one task to its end; must be safe to run again after a death.
        tasks: taken in their order.
        workers: how many run at once.
        mode: "processes" or "threads".

    Raises:
        TaskFailed: when a task raised.
    """
    if mode == "threads":
        yield from _run_in_threads(work, tasks, workers)
    else:
        yield from _run_in_processes(work, tasks, workers)


class _Waiting(Generic[T]):
    """Tasks not yet begun: taken from their iterator one by one, since there may be too many to hold."""

    def __init__(self, tasks: Iterable[T]) -> None:
        self._rest = iter(tasks)
        self._next: deque[T] = deque(itertools.islice(self._rest, 1))

    def __bool__(self) -> bool:
        return bool(self._next)

    def take(self) -> T:
        task = self._next.popleft()
        if not self._next:
            self._next.extend(itertools.islice(self._rest, 1))
        return task

    def put_back(self, task: T) -> None:
        self._next.appendleft(task)


def _run_in_threads(work: Callable[[T], None], tasks: Iterable[T], workers: int) -> Iterator[Done[T] | Idle]:
    waiting = _Waiting(tasks)
    running: dict[Future[None], T] = {}
    pool = ThreadPoolExecutor(max_workers=workers)
    patient = True
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                task = waiting.take()
                running[pool.submit(work, task)] = task
            finished, _ = wait(running, timeout=POLL_S, return_when=FIRST_COMPLETED)
            for future in finished:
                task = running.pop(future)
                error = future.exception()
                if error is not None:
                    detail = "".join(traceback.format_exception(error))
                    raise TaskFailed(_last_line(detail), detail) from error
                yield Done(task)
            if not finished:
                yield Idle()
    except KeyboardInterrupt:
        patient = False  # a thread cannot be stopped, and a shard may take minutes
        raise
    finally:
        pool.shutdown(wait=patient, cancel_futures=True)


@dataclass
class _Worker(Generic[T]):
    process: SpawnProcess
    pipe: Connection
    task: T | None = None

    def give(self, task: T) -> None:
        self.task = task
        # A worker that died while it was idle shows by its sentinel.
        with contextlib.suppress(ConnectionError):
            self.pipe.send(task)


def _run_in_processes(
    work: Callable[[T], None], tasks: Iterable[T], workers: int
) -> Iterator[Done[T] | Death[T] | Idle]:
    waiting = _Waiting(tasks)
    staff: list[_Worker[T]] = []
    try:
        while waiting or any(worker.task is not None for worker in staff):
            while waiting and len(staff) < workers:
                staff.append(_start(work, waiting.take()))
            for worker in staff:
                if worker.task is None and waiting:
                    worker.give(waiting.take())
            busy = [worker for worker in staff if worker.task is not None]
            ready = wait_for([w.pipe for w in busy] + [w.process.sentinel for w in busy], timeout=POLL_S)
            for worker in busy:
                if worker.task is None or not {worker.pipe, worker.process.sentinel} & set(ready):
                    continue
                task, answer = worker.task, _answer(worker)
                if answer is None:
                    staff.remove(worker)
                    worker.process.join()
                    _end_group(worker.process)
                    code = worker.process.exitcode or 0
                    waiting.put_back(task)
                    yield Death(task, code, code in SELF_INFLICTED)
                elif answer:
                    raise TaskFailed(_last_line(answer), answer)
                else:
                    worker.task = None
                    yield Done(task)
            if not ready:
                yield Idle()
    finally:
        for worker in staff:
            worker.pipe.close()
            if worker.task is not None:
                worker.process.terminate()
        for worker in staff:
            worker.process.join(timeout=10)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            _end_group(worker.process)


def _end_group(process: SpawnProcess) -> None:
    """End what a worker has started that led a group of its own: a job server, workers of that."""
    if process.pid:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def _start(work: Callable[[T], None], task: T) -> _Worker[T]:
    # Spawned, not forked: video containers, OpenCV and gRPC threads must not be inherited.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, current_logs()), daemon=True)
    # Ctrl-C is for the driver, which stops its workers itself: they inherit that the signal is blocked.
    resource_tracker.ensure_running()  # or the first start of a process would begin it, and unblock
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    theirs.close()
    worker: _Worker[T] = _Worker(process, ours)
    with contextlib.suppress(ConnectionError):
        ours.send(work)
    worker.give(task)
    return worker


def _answer(worker: _Worker[T]) -> str | None:
    """The traceback the worker sent, "" for success, None when it died."""
    try:
        return str(worker.pipe.recv()) if worker.pipe.poll() else None
    except (EOFError, OSError):
        return None


def _serve(pipe: Connection, logs: Logs) -> None:
    configure_logging(logs)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # What to do comes first, and only now, since importing Beam for it logs.
    work: Callable[[object], None] | None = None
    while True:
        try:
            task = pipe.recv()
        except (EOFError, OSError):
            return
        except Exception:  # a module of the user's that cannot be imported
            pipe.send(traceback.format_exc())
            return
        if work is None:
            work = task
            continue
        try:
            work(task)
        except Exception:  # reported to the driver, which ends the run with it
            pipe.send(traceback.format_exc())
        else:
            pipe.send("")


def _end_with_parent() -> None:
    """End this process as soon as the driver is gone, also by kill -9: nobody would take its work."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        if os.getpgrp() == os.getpid():  # what it started shall not outlive it
            os.killpg(0, signal.SIGKILL)
        os._exit(1)


def _last_line(detail: str) -> str:
    lines = [line for line in detail.strip().splitlines() if line.strip()]
    return lines[-1].strip() if lines else "unknown error"
