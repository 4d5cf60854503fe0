"""The same bytes however a build is run, and after it was killed half-way."""

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from builds import build, contents, faults, quick_config, quick_tree, written
from commands import group_is_gone, held_somtom, somtom, write_config
from drawn_videos import draw_video, draw_videos

from somtom.pipelines.config import BuildConfig, parse_config
from somtom.pipelines.runners import RunOptions
from somtom.schemas.files import is_temporary

# Seven videos of four clips: 14 shards of two. One clip is marked, see `bad_trackers`.
SECTIONS: dict[str, dict[str, Any]] = {
    "tracking": {"tracker": "bad_trackers:OnMarked"},
    "output": {"clips_per_shard": 2},
}


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = draw_videos(tmp_path_factory.mktemp("inputs") / "toys", 6)
    draw_video(folder / "v6.mp4", seed=6, marked=range(11, 14))
    (folder / "empty.mp4").write_bytes(b"")
    return folder


@pytest.fixture(scope="module")
def config(videos: Path) -> BuildConfig:
    return quick_config(videos, **SECTIONS)


@pytest.fixture(scope="module")
def built(config: BuildConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a build with two threads gives; no test may change it."""
    folder = tmp_path_factory.mktemp("undisturbed") / "out"
    build(config, folder)
    assert faults(folder) == []
    assert len(list((folder / "shards").iterdir())) >= 14
    return folder


@pytest.fixture(scope="module")
def undisturbed(built: Path) -> dict[str, str]:
    return contents(built)


@pytest.mark.parametrize(("workers", "mode"), [(1, "threads"), (1, "processes"), (2, "processes")])
def test_every_way_of_running_gives_the_same_bytes(
    config: BuildConfig, undisturbed: dict[str, str], tmp_path: Path, workers: int, mode: str
) -> None:
    build(config, tmp_path / "out", RunOptions(workers, mode, progress=False))
    assert contents(tmp_path / "out") == undisturbed


def test_a_killed_build_goes_on_and_redoes_nothing(
    videos: Path, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = (
        "build",
        write_config(tmp_path / "c.toml", quick_tree(videos, **SECTIONS)),
        "--out",
        out,
        "--quiet",
    )
    with held_somtom(tmp_path / "fifo", *command, "--workers", 1) as process:
        second = somtom(*command)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert (second.returncode, second.stdout) == (1, "")
    assert second.stderr == f"somtom: {out}: another run is working on it; wait for it or stop it\n"
    assert any(is_temporary(path.name) for path in out.rglob("*"))
    done = written(out)
    assert 0 < len(done) < 3 * 14
    assert faults(out) != []
    again = somtom(*command, "--workers", 2, "--threads")
    assert again.returncode == 0, again.stderr
    assert faults(out) == [] and contents(out) == undisturbed
    assert {name: one for name, one in written(out).items() if name in done} == done


def test_a_build_whose_driver_alone_is_killed_leaves_no_worker(
    videos: Path, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    tree, out = quick_tree(videos, **SECTIONS), tmp_path / "out"
    command = ("build", write_config(tmp_path / "c.toml", tree), "--out", out, "--quiet", "--workers", 2)
    with held_somtom(tmp_path / "fifo", *command) as process:
        process.kill()
        process.wait()
        assert group_is_gone(process.pid)
    build(parse_config(tree), out)
    assert faults(out) == [] and contents(out) == undisturbed


@pytest.mark.parametrize("threads", [(), ("--threads",)])
def test_ctrl_c_stops_with_one_line_and_leaves_no_worker(
    videos: Path, undisturbed: dict[str, str], tmp_path: Path, threads: tuple[str, ...]
) -> None:
    tree, out = quick_tree(videos, **SECTIONS), tmp_path / "out"
    command = ("build", write_config(tmp_path / "c.toml", tree), "--out", out, "--quiet", "--workers", 1)
    with held_somtom(tmp_path / "fifo", *command, *threads) as process:
        os.killpg(process.pid, signal.SIGINT)
        output, errors = process.communicate(timeout=60)
        assert group_is_gone(process.pid)
    assert process.returncode == 130
    assert output == "" and errors == "somtom: stopped; what is done is kept, the same command goes on\n"
    build(parse_config(tree), out)
    assert faults(out) == [] and contents(out) == undisturbed


@pytest.mark.parametrize(
    "damage",
    [
        "manifest cut",
        "manifest gone",
        "manifest of other bytes",
        "shard gone",
        "shard cut",
        "tracks gone",
        "tracks cut",
    ],
)
def test_a_damaged_shard_is_made_again_and_no_other(
    config: BuildConfig, built: Path, undisturbed: dict[str, str], tmp_path: Path, damage: str
) -> None:
    out = shutil.copytree(built, tmp_path / "out")
    what, how = damage.split(" ", 1)
    path = out / {"manifest": "meta/manifests/train-000003.json", "shard": "shards/train-000003.tar"}.get(
        what, "tracks/train-000003.parquet"
    )
    whole = path.read_bytes()
    path.unlink()
    if how != "gone":
        path.write_bytes(whole[: len(whole) // 2] if how == "cut" else b'{"shard": "train-000003"}')
    kept = {name: one for name, one in written(out).items() if "train-000003" not in name}
    build(config, out)
    assert contents(out) == undisturbed
    assert {name: one for name, one in written(out).items() if name in kept} == kept


def test_a_flipped_byte_is_found_by_check_and_mended_without_the_manifest(
    config: BuildConfig, built: Path, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    out = shutil.copytree(built, tmp_path / "out")
    shard = out / "shards/train-000003.tar"
    data = shard.read_bytes()
    shard.write_bytes(data[:5000] + bytes([data[5000] ^ 1]) + data[5001:])
    build(config, out)
    assert "meta/manifests/train-000003.json: size and digests" in "\n".join(faults(out))
    (out / "meta/manifests/train-000003.json").unlink()
    build(config, out)
    assert contents(out) == undisturbed


def test_what_dead_attempts_left_is_swept(
    config: BuildConfig, built: Path, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    out = shutil.copytree(built, tmp_path / "out")
    for name in (
        "shards/.train-000001.tar.1-0123456789abcdef.part",
        "meta/.plan.parquet.1-0123456789abcdef.part",
    ):
        (out / name).write_bytes(b"left over")
    (out / "shards" / "train-000077.tar").write_bytes(b"of no plan")
    (out / "meta" / ".lock").write_bytes(b"")
    build(config, out)
    assert contents(out) == undisturbed
