"""Builds with a tracker that takes batches: nothing is lost, whatever becomes of a batch."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bad_trackers import BEHAVIOUR, TOO_MANY
from builds import THREADS, build, contents, faults, quick_config, quick_tree, reasons
from drawn_videos import draw_video, draw_videos

from somtom.pipelines.config import BuildConfig, parse_config
from somtom.pipelines.finish import Totals
from somtom.pipelines.local import TaskFailed
from somtom.pipelines.runners import RunOptions
from somtom.pipelines.summary import summary_lines
from somtom.transforms import shared_tracker

ONE_PROCESS = RunOptions(1, "processes", progress=False)
MARKED = "v1.mp4@0.20"  # the clip that `bad_trackers` misbehaves at


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five videos of four clips; the second clip of v1 is marked, see `bad_trackers`."""
    folder = draw_videos(tmp_path_factory.mktemp("inputs") / "toys", 5)
    draw_video(folder / "v1.mp4", seed=1, marked=range(5, 8))
    return folder


@pytest.fixture(autouse=True)
def _own_tracker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process remembers what did not fit; here it is the same process for all tests."""
    monkeypatch.setattr(shared_tracker, "_shared", {})


def batched(videos: Path, batch: int, tracker: str = "InBatches") -> BuildConfig:
    return quick_config(
        videos,
        tracking={"tracker": f"bad_trackers:{tracker}", "batch_clips": batch},
        output={"clips_per_shard": 20, "val_fraction": 0.0},
    )


def samples(folder: Path) -> dict[str, str]:
    """Digests of what training reads and relabelling needs: they must not depend on the batches."""
    return {name: one for name, one in contents(folder).items() if name.startswith(("shards/", "tracks/"))}


def said(totals: Totals) -> str:
    return "\n".join(summary_lines(totals, Path("out"), 1.0))


@pytest.fixture(scope="module")
def singly(videos: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("singly") / "out"
    totals = build(batched(videos, 1), folder)
    assert totals.samples == 20 and totals.load.total_s == 0 and "tracker busy" not in said(totals)
    return samples(folder)


@pytest.mark.parametrize("options", [THREADS, ONE_PROCESS], ids=["threads", "processes"])
def test_batches_give_the_same_bytes_as_single_clips(
    videos: Path, tmp_path: Path, singly: dict[str, str], options: RunOptions
) -> None:
    totals = build(batched(videos, 8), tmp_path / "out", options)

    assert faults(tmp_path / "out") == []
    assert samples(tmp_path / "out") == singly
    load = totals.load
    assert min(load.busy_s, load.waited_s, load.other_s) > 0 and load.halved == 0
    assert "tracker busy" in said(totals) and "halved" not in said(totals)


def test_on_a_gpu_threads_label_in_batches_unless_processes_are_asked_for(
    videos: Path, tmp_path: Path, singly: dict[str, str]
) -> None:
    config = batched(videos, 0, "OnGpu")
    with pytest.raises(TaskFailed, match="a worker process has a model of its own"):
        build(config, tmp_path / "out", ONE_PROCESS)

    totals = build(config, tmp_path / "out", replace(ONE_PROCESS, is_chosen=False))

    assert samples(tmp_path / "out") == singly and totals.load.busy_s > 0


@pytest.mark.parametrize(
    ("too_many", "halved"),
    [(" ".join(map(str, range(8, 100))), 1), ("8 4", 2), (" ".join(map(str, range(2, 100))), 3)],
    ids=["8 and more", "8 and 4", "2 and more"],
)
def test_batches_that_do_not_fit_are_halved_and_no_clip_is_lost(
    videos: Path,
    tmp_path: Path,
    singly: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    too_many: str,
    halved: int,
) -> None:
    monkeypatch.setenv(TOO_MANY, too_many)

    totals = build(batched(videos, 8), tmp_path / "out")

    assert faults(tmp_path / "out") == []
    assert totals.samples == totals.clips == 20 and samples(tmp_path / "out") == singly
    assert totals.load.halved == halved
    assert said(totals).endswith(f"batches halved, since they did not fit into memory: {halved}")


@pytest.mark.parametrize("batch", [1, 8])
def test_a_clip_that_does_not_fit_alone_is_one_reject(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setenv(BEHAVIOUR, "take all memory")

    totals = build(batched(videos, batch), tmp_path / "out")

    assert faults(tmp_path / "out") == []
    assert reasons(tmp_path / "out") == {MARKED: "out_of_memory"} and totals.samples == 19
    assert "lower tracking.rows_at_once" in said(totals)


def test_a_clip_that_the_tracker_refuses_does_not_take_its_batch_along(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(BEHAVIOUR, "refuse")

    totals = build(batched(videos, 8), tmp_path / "out")

    assert faults(tmp_path / "out") == []
    assert reasons(tmp_path / "out") == {MARKED: "tracker_failed"}
    assert totals.samples == 19 and totals.load.halved == 0


def test_a_clip_that_aborts_a_batch_is_found_and_left_out(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(BEHAVIOUR, "abort")

    totals = build(batched(videos, 8), tmp_path / "out", ONE_PROCESS)

    assert faults(tmp_path / "out") == []
    assert reasons(tmp_path / "out") == {MARKED: "crashed"} and totals.samples == 19


def test_a_batch_whose_process_is_killed_once_costs_nothing(
    videos: Path, tmp_path: Path, singly: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(BEHAVIOUR, f"die unless {tmp_path / 'died'}")

    build(batched(videos, 8), tmp_path / "out", ONE_PROCESS)

    assert (tmp_path / "died").exists() and samples(tmp_path / "out") == singly


def test_a_clip_that_aborts_while_it_is_decoded_ahead_is_the_one_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree: dict[str, Any] = quick_tree(
        draw_videos(tmp_path / "toys", 1), tracking={"tracker": "bad_trackers:InBatches", "batch_clips": 3}
    )
    tree["source"][0]["kind"] = "bad_trackers:AbortsWhileDecoding"
    monkeypatch.setenv(BEHAVIOUR, "abort")

    totals = build(parse_config(tree), tmp_path / "out", ONE_PROCESS)

    assert reasons(tmp_path / "out") == {"v0.mp4@0.20": "crashed"} and totals.samples == 3
