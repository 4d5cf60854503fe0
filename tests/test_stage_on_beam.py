"""A stage as one Beam pipeline: workers that die, tasks that raise, a run that is taken up."""

import os
import signal
import subprocess
from pathlib import Path

import pytest
from bad_trackers import BEHAVIOUR
from builds import build, contents, faults, quick_tree, reasons, written
from commands import ENVIRONMENT, group_is_gone, held_somtom, somtom, write_config
from drawn_videos import draw_videos

from somtom.pipelines.config import BuildConfig, parse_config
from somtom.pipelines.local import TaskFailed
from somtom.pipelines.runners import RunOptions

PORTABLE = RunOptions(progress=False, is_chosen=False, runner="portable")


def config_of(videos: Path) -> BuildConfig:
    tree = quick_tree(videos)
    tree["source"][0]["kind"] = "bad_trackers:AbortsWhileDecoding"
    return parse_config(tree)


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_videos(tmp_path_factory.mktemp("inputs") / "toys", 1)


def test_a_clip_whose_decoding_ends_the_process_is_one_reject_on_the_portable_runner(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(BEHAVIOUR, "abort")
    build(config_of(videos), tmp_path / "portable", PORTABLE)
    assert faults(tmp_path / "portable") == []
    assert reasons(tmp_path / "portable") == {"v0.mp4@0.20": "crashed"}
    build(config_of(videos), tmp_path / "local", RunOptions(1, "processes", progress=False))
    assert contents(tmp_path / "portable") == contents(tmp_path / "local")


def test_beams_own_processes_may_die_too(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beam waits for ever for a worker process of its own that died."""
    monkeypatch.setenv(BEHAVIOUR, f"die unless {tmp_path / 'died'}")
    monkeypatch.setenv("PYTHONPATH", ENVIRONMENT["PYTHONPATH"])
    options = RunOptions(2, "processes", progress=False, runner="direct")
    build(config_of(videos), tmp_path / "out", options)
    assert (tmp_path / "died").exists()
    build(config_of(videos), tmp_path / "local", RunOptions(1, "threads", progress=False))
    assert contents(tmp_path / "out") == contents(tmp_path / "local")


def test_a_worker_of_beams_that_dies_before_it_has_a_task_is_noticed(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of that no note tells, and Beam waits for ever."""
    monkeypatch.setenv("PYTHONPATH", ENVIRONMENT["PYTHONPATH"])
    monkeypatch.setattr("somtom.pipelines.stage_on_beam.MAX_IDLE_DEATHS", 1)
    tree = quick_tree(videos)
    tree["source"][0]["kind"] = "dying_sources:DiesWhenImported"
    options = RunOptions(2, "processes", progress=False, runner="direct")
    with pytest.raises(TaskFailed, match=r"pipeline died \(exit 7\), 1 times with no input"):
        build(parse_config(tree), tmp_path / "out", options)


def test_a_bug_ends_the_run_with_its_own_traceback_and_the_next_run_goes_on(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setenv(BEHAVIOUR, "bug")
        with pytest.raises(TaskFailed, match=r"^ZeroDivisionError: a bug in the tracker$") as raised:
            build(config_of(videos), out, PORTABLE)
    assert "bad_trackers.py" in raised.value.detail
    before = written(out)
    build(config_of(videos), out, RunOptions(1, "threads", progress=False))
    assert faults(out) == [] and before.items() <= written(out).items()


def test_a_killed_driver_leaves_no_process_and_the_next_run_completes(videos: Path, tmp_path: Path) -> None:
    tree = quick_tree(videos)
    tree["source"][0]["kind"] = "bad_trackers:AbortsWhileDecoding"
    config = write_config(tmp_path / "c.toml", tree)
    arguments = ("build", config, "--out", tmp_path / "out", "--quiet", "--runner", "portable")
    with held_somtom(tmp_path / "fifo", *arguments) as process:
        pipeline = [pid for pid in children_of(process.pid) if os.getpgid(pid) == pid]
        assert pipeline
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert all(group_is_gone(pid) for pid in pipeline)
    again = somtom(*arguments)
    assert again.returncode == 0, again.stderr
    assert faults(tmp_path / "out") == []


def children_of(pid: int) -> list[int]:
    lines = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True)
    rows = [line.split() for line in lines.stdout.splitlines()]
    return [int(child) for child, parent in rows if int(parent) == pid]
