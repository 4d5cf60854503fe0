"""The local runner: every task once, errors end the run, a worker that dies is replaced."""

import errno
import itertools
import multiprocessing
import os
import select
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from jobs import Job, Unloadable, do

from somtom.pipelines.local import Death, Done, TaskFailed, run_tasks

BOTH = pytest.mark.parametrize("mode", ["threads", "processes"])


def finished(events: list[object]) -> list[str]:
    return [event.task.name for event in events if isinstance(event, Done)]


@BOTH
def test_every_task_is_done_once(tmp_path: Path, mode: str) -> None:
    jobs = [Job(tmp_path, f"j{number}") for number in range(7)]
    events = list(run_tasks(do, jobs, 2, mode))
    assert sorted(finished(events)) == [job.name for job in jobs]
    assert [len(job.attempts()) for job in jobs] == [1] * 7
    workers = {pid for job in jobs for pid in job.attempts()}
    assert (os.getpid() in workers) == (mode == "threads")
    assert multiprocessing.active_children() == []


@BOTH
def test_no_task_is_no_work(tmp_path: Path, mode: str) -> None:
    assert list(run_tasks(do, [], 2, mode)) == []


@BOTH
def test_a_task_that_raises_ends_the_run_with_its_error(tmp_path: Path, mode: str) -> None:
    jobs = [Job(tmp_path, "j0"), Job(tmp_path, "j1", "bug"), *(Job(tmp_path, f"k{n}") for n in range(50))]
    with pytest.raises(TaskFailed, match="ZeroDivisionError: a bug in j1") as raised:
        list(run_tasks(do, jobs, 1, mode))
    assert "Traceback" in raised.value.detail and "jobs.py" in raised.value.detail
    assert raised.value.os_error is None
    assert not jobs[-1].attempts()
    assert multiprocessing.active_children() == []


def test_an_error_of_the_machine_is_told_from_a_bug(tmp_path: Path) -> None:
    with pytest.raises(TaskFailed) as raised:
        list(run_tasks(do, [Job(tmp_path, "j", "full")], 1, "threads"))
    assert raised.value.os_error is not None and raised.value.os_error.errno == errno.ENOSPC
    with pytest.raises(TaskFailed) as raised:
        list(run_tasks(do, [Job(tmp_path, "k", "hidden bug")], 1, "threads"))
    assert raised.value.os_error is None


@pytest.mark.parametrize(
    ("detail", "expected"),
    [
        ("OSError: [Errno 28] No space left on device", (28, None)),
        ("PermissionError: [Errno 13] Permission denied: '/a b/c'", (13, "/a b/c")),
        ("OSError: [Errno 28] No space left on device [while running 'Run']", (28, None)),
        ("FileExistsError: [Errno 17] File exists: '/a' -> '/b'", (17, "/a")),
        ("OSError: [Errno 5] Input/output error\n\nDuring ...\n\nKeyError: 'x'", None),
        ("RuntimeError: OSError: [Errno 5] Input/output error [while running 'Run']", (5, None)),
        ("DataError: x", None),
        ("", None),
    ],
)
def test_the_machines_error_is_the_last_of_a_traceback(detail: str, expected: object) -> None:
    found = TaskFailed("", "Traceback (most recent call last):\n" + detail).os_error
    assert (found and (found.errno, found.filename)) == expected


def test_a_worker_that_dies_is_replaced_and_its_task_tried_again(tmp_path: Path) -> None:
    jobs = [
        Job(tmp_path, "j0"),
        Job(tmp_path, "j1", "abort"),
        Job(tmp_path, "j2", "die"),
        Job(tmp_path, "j3"),
    ]
    events = list(run_tasks(do, jobs, 2, "processes"))
    assert sorted(finished(events)) == ["j0", "j1", "j2", "j3"]
    deaths = {event.task.name: event for event in events if isinstance(event, Death)}
    assert {name: death.exit_code for name, death in deaths.items()} == {
        "j1": -signal.SIGABRT,
        "j2": -signal.SIGKILL,
    }
    assert deaths["j1"].own_fault and not deaths["j2"].own_fault
    assert Counter(len(job.attempts()) for job in jobs) == {1: 2, 2: 2}
    assert multiprocessing.active_children() == []


def test_work_that_cannot_be_loaded_is_an_error_and_not_a_death(tmp_path: Path) -> None:
    with pytest.raises(TaskFailed, match="no_module_of_this_name"):
        list(run_tasks(Unloadable(), [Job(tmp_path, "j0")], 1, "processes"))


def test_a_worker_that_dies_between_two_tasks_costs_nothing(tmp_path: Path) -> None:
    jobs = [Job(tmp_path, "j0"), Job(tmp_path, "j1")]
    done = []
    for event in run_tasks(do, jobs, 1, "processes"):
        if isinstance(event, Done):
            done.append(event.task)
            pid = event.task.attempts()[0]
            if len(done) == 1:
                watched = os.pidfd_open(pid)
                os.kill(pid, signal.SIGKILL)
                assert select.select([watched], [], [], 30)[0]
                os.close(watched)
    assert done == jobs and [len(job.attempts()) for job in jobs] == [1, 1]


def test_tasks_are_taken_as_they_are_begun_and_closing_stops_the_workers(tmp_path: Path) -> None:
    taken = []

    def endless():
        for number in itertools.count():
            taken.append(number)
            yield Job(tmp_path, f"j{number}")

    events = run_tasks(do, endless(), 2, "processes")
    while not isinstance(next(events), Done):
        pass
    events.close()
    assert len(taken) <= 5
    assert multiprocessing.active_children() == []


DRIVER = """
import sys
from pathlib import Path
from jobs import Job, Unloadable, do
from somtom.pipelines.local import run_tasks
if __name__ == "__main__":
    list(run_tasks(do, [Job(Path(sys.argv[1]), "j", "block")], 1, "processes"))
"""


def test_a_driver_that_is_killed_leaves_no_worker(tmp_path: Path) -> None:
    (tmp_path / "driver.py").write_text(DRIVER)
    os.mkfifo(tmp_path / "fifo")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    driver = subprocess.Popen([sys.executable, tmp_path / "driver.py", tmp_path], env=environment)
    worker = int((tmp_path / "fifo").read_text())
    watched = os.pidfd_open(worker)
    driver.kill()
    driver.wait()
    assert select.select([watched], [], [], 30)[0], "the worker goes on without its driver"
    os.close(watched)
