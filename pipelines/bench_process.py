"""Runs something in a process of its own and says what it and its children cost. Linux only."""

import multiprocessing
import os
import resource
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

POLL_S = 0.02


@dataclass(frozen=True)
class Cost:
    """What a process and all its descendants cost, from its start to its end.

    Args:
        cpu_s: user and system time of all together.
        wall_s: from start to end.
        others: processors that other work kept busy meanwhile.
        peak_mb: most memory (resident) that one of the processes held.
        together_mb: most that all held at a time; what they share counts for each.
        result: what the function returned.
    """

    cpu_s: float
    wall_s: float
    others: float
    peak_mb: float
    together_mb: float
    result: Any


def run_apart(function: Callable[..., Any], *arguments: Any) -> Cost:
    """Call a picklable function in a fresh process and wait for it; nothing else of ours may run meanwhile.

    Raises:
        RuntimeError: the process failed; its traceback is on the standard error.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    before, machine_before, begun = _children_cpu_s(), _machine_cpu_s(), time.perf_counter()
    process = context.Process(target=_call, args=(theirs, function, arguments))
    process.start()
    theirs.close()
    watch = _MemoryWatch(process.pid or 0)
    try:
        result = ours.recv()
    except EOFError as error:
        process.join()
        raise RuntimeError(f"the measured process failed (exit {process.exitcode})") from error
    finally:
        process.join()
        watch.stop()
    wall_s = time.perf_counter() - begun
    cpu_s = _children_cpu_s() - before
    others = max(0.0, _machine_cpu_s() - machine_before - cpu_s) / wall_s
    return Cost(cpu_s, wall_s, others, watch.peak_mb, watch.together_mb, result)


def _call(pipe: Connection, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    pipe.send(function(*arguments))


def own_cpu_s() -> float:
    """User and system time of this process, and of those of its children that have ended."""
    return time.process_time() + _children_cpu_s()


def own_peak_mb() -> float:
    """Most memory (resident) that this process has held so far."""
    return _status(os.getpid())["VmHWM"]


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _machine_cpu_s() -> float:
    """Seconds that all processors together were busy, or taken away by the host."""
    user, nice, system, _idle, _wait, irq, softirq, steal = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    )
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


class _MemoryWatch:
    """Looks at a process and its descendants every few milliseconds.

    The kernel's own peak (ru_maxrss) cannot be used: a new process inherits it from the one that started it.
    """

    def __init__(self, pid: int) -> None:
        self.peak_mb = self.together_mb = 0.0
        self._pid = pid
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(POLL_S):
            status = [_status(pid) for pid in _family(self._pid)]
            peaks = [one.get("VmHWM", 0.0) for one in status]
            self.peak_mb = max([self.peak_mb, *peaks])
            self.together_mb = max(self.together_mb, sum(one.get("VmRSS", 0.0) for one in status))


def _family(pid: int) -> list[int]:
    """The process and its descendants."""
    found, todo = [], [pid]
    while todo:
        one = todo.pop()
        found.append(one)
        try:
            for task in Path(f"/proc/{one}/task").iterdir():
                todo += [int(child) for child in (task / "children").read_text().split()]
        except OSError:
            continue  # it has ended
    return found


def _status(pid: int) -> dict[str, float]:
    """Memory of a process in MB; empty once it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    fields = (line.split() for line in lines if line.startswith(("VmHWM:", "VmRSS:")))
    return {name.rstrip(":"): int(value) / 1024 for name, value, _ in fields}
