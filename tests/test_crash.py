"""Clips that kill their process, trackers that raise, disks that are full: one reject, or a loud end."""

import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bad_trackers import BEHAVIOUR
from builds import THREADS, book, build, contents, faults, quick_config, quick_tree, reasons, written
from commands import ENVIRONMENT, somtom, write_config
from drawn_videos import draw_video, draw_videos

from somtom.pipelines.local import TaskFailed
from somtom.pipelines.relabel import relabel_data_set
from somtom.pipelines.runners import RunOptions

SECTIONS: dict[str, dict[str, Any]] = {"tracking": {"tracker": "bad_trackers:OnMarked"}}
ONE_PROCESS = RunOptions(1, "processes", progress=False)


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two videos of four clips; the second clip of v1 is marked, see `bad_trackers`."""
    folder = draw_videos(tmp_path_factory.mktemp("inputs") / "toys", 1)
    draw_video(folder / "v1.mp4", seed=1, marked=range(5, 8))
    return folder


@pytest.fixture(scope="module")
def undisturbed(videos: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("undisturbed") / "out"
    build(quick_config(videos, **SECTIONS), folder)
    return contents(folder)


def test_a_clip_that_aborts_its_process_is_one_reject(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(BEHAVIOUR, "abort")
    build(quick_config(videos, **SECTIONS), tmp_path / "out", ONE_PROCESS)
    assert faults(tmp_path / "out") == []
    assert reasons(tmp_path / "out") == {"v1.mp4@0.20": "crashed"}
    assert book(tmp_path / "out", "label", "toys").samples == 7


def test_a_process_that_is_killed_once_costs_nothing(
    videos: Path, tmp_path: Path, undisturbed: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(BEHAVIOUR, f"die unless {tmp_path / 'died'}")
    build(quick_config(videos, **SECTIONS), tmp_path / "out", ONE_PROCESS)
    assert (tmp_path / "died").exists()
    assert contents(tmp_path / "out") == undisturbed


def test_a_clip_that_the_tracker_refuses_is_one_reject(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(BEHAVIOUR, "refuse")
    build(quick_config(videos, **SECTIONS), tmp_path / "out")
    assert faults(tmp_path / "out") == []
    assert reasons(tmp_path / "out") == {"v1.mp4@0.20": "tracker_failed"}


@pytest.mark.parametrize("options", [THREADS, ONE_PROCESS], ids=["threads", "processes"])
def test_a_bug_in_the_tracker_ends_the_run_loudly(
    videos: Path,
    tmp_path: Path,
    undisturbed: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    options: RunOptions,
) -> None:
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setenv(BEHAVIOUR, "bug")
        with pytest.raises(TaskFailed, match="a bug in the tracker") as raised:
            build(quick_config(videos, **SECTIONS), out, options)
    assert "bad_trackers.py" in raised.value.detail and raised.value.os_error is None
    assert faults(out) != [] and not (out / "meta" / "samples.parquet").exists()
    build(quick_config(videos, **SECTIONS), out)
    assert contents(out) == undisturbed


def test_a_tracker_that_dies_when_it_is_made_ends_the_run(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No input is to blame."""
    monkeypatch.setenv(BEHAVIOUR, "abort when made")
    with pytest.raises(TaskFailed, match="3 worker processes died"):
        build(quick_config(videos, **SECTIONS, output={"limit": 1}), tmp_path / "out", ONE_PROCESS)


def test_a_style_that_crashes_when_labelling_again_is_one_reject_a_clip(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(quick_config(videos, output={"limit": 1}), tmp_path / "old")
    monkeypatch.setenv(BEHAVIOUR, "abort when drawing")
    relabel_data_set(
        tmp_path / "old",
        tmp_path / "new",
        ["marks.style=bad_trackers:paint_nothing"],
        ONE_PROCESS,
        overwrite=False,
    )
    assert reasons(tmp_path / "new") == {"v0.mp4@0.00": "crashed"}


# --- full disks


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for a part of the build."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", place],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_full_disk_is_one_line_and_the_next_run_completes(
    videos: Path, tmp_path: Path, small_disk: Path, undisturbed: dict[str, str]
) -> None:
    out = small_disk / "out"
    config = write_config(tmp_path / "c.toml", quick_tree(videos, **SECTIONS))
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(128 << 10))
    ended = somtom("build", config, "--out", out, "--quiet")
    assert ended.returncode == 1
    assert ended.stderr == (
        f"somtom: {out}: the disk is full; free some room and run the same command again, which goes on\n"
    )
    assert faults(out) != []
    before = written(out)
    ballast.unlink()
    subprocess.run(["mount", "-o", "remount,size=4m", small_disk], check=True)
    again = somtom("build", config, "--out", out, "--quiet", "--threads")
    assert again.returncode == 0, again.stderr
    assert contents(out) == undisturbed
    assert {name: one for name, one in written(out).items() if name in before} == before


def test_a_file_that_cannot_grow_is_one_line_and_the_next_run_completes(
    videos: Path, tmp_path: Path, undisturbed: dict[str, str]
) -> None:
    config = write_config(tmp_path / "c.toml", quick_tree(videos, **SECTIONS))
    command = ("build", config, "--out", tmp_path / "out", "--quiet", "--threads")

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))

    ended = somtom(*command, env=ENVIRONMENT, preexec_fn=limit)
    assert ended.returncode == 1
    assert ended.stderr == f"somtom: {tmp_path / 'out'}: File too large\n"
    assert not written(tmp_path / "out") and not list((tmp_path / "out").glob("shards/*"))
    assert somtom(*command).returncode == 0
    assert contents(tmp_path / "out") == undisturbed
