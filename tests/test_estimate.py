import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lerobot_folders import write_v21, write_v30

from somtom.pipelines.config import BuildConfig, parse_config
from somtom.pipelines.config_rules import ConfigError
from somtom.pipelines.estimate import INPUTS, choose_inputs, estimate_lines, extrapolate
from somtom.pipelines.runners import RunOptions
from somtom.pipelines.samples_videos import encode_video


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two videos of one clip each, and a text file."""
    folder = tmp_path_factory.mktemp("estimate")
    (folder / "videos").mkdir()
    for name in ("a", "b"):
        texture = np.random.default_rng(ord(name)).integers(0, 255, (16, 24, 3))
        picture = np.kron(texture, np.ones((4, 4, 1))).astype(np.uint8)
        frames = np.stack([np.roll(picture, shift, axis=1) for shift in range(20)])
        encode_video(folder / "videos" / f"{name}.mp4", frames, 15)
    (folder / "videos" / "notes.txt").write_text("no video")
    return folder


def config_of(folder: Path) -> BuildConfig:
    source = {"kind": "video", "path": str(folder / "videos")}
    return parse_config({"source": [source], "output": {"path": str(folder / "out")}})


def test_the_estimate_tells_clips_shards_time_and_disk_and_writes_nothing(folder: Path) -> None:
    text = "\n".join(estimate_lines(config_of(folder), RunOptions(workers=2)))

    assert "videos: 3 inputs" in text and "looked into 3 of them: 2 usable, 2 clips" in text
    assert "1 x not_video (filtered)" in text
    assert "clips    2 in about 1 shards" in text and "samples  2" in text
    assert "with 1 workers" in text or "with 2 workers" in text
    assert "GB of shards" in text and "GB of tracks" in text
    assert [path.name for path in folder.iterdir()] == ["videos"]


def test_inputs_that_hold_no_clip_give_no_numbers(folder: Path) -> None:
    source = {"kind": "video", "path": str(folder / "videos"), "include": ["*.txt"]}

    text = "\n".join(estimate_lines(parse_config({"source": [source]}), RunOptions()))

    assert "nothing can be said" in text and "clips    " not in text


@pytest.mark.parametrize("version", ["v2.1", "v3.0"])
def test_robot_episodes_are_estimated_with_statistics_of_their_actions(tmp_path: Path, version: str) -> None:
    data = tmp_path / "arm"
    if version == "v2.1":
        write_v21(data, {0: 40, 1: 40})
    else:
        write_v30(data, [40, 40])
    size_bytes = sum(path.stat().st_size for path in data.rglob("*") if path.is_file())
    config = parse_config({"source": [{"kind": "lerobot", "path": str(data)}], "clips": {"steps": 4}})

    text = "\n".join(estimate_lines(config, RunOptions()))

    assert "bad_action" not in text
    clips, samples = (re.search(rf"{name} +([0-9]+)", text) for name in ("clips ", "samples"))
    assert clips and samples and clips[1] == samples[1] != "0"
    assert f"all together: 2 inputs, {size_bytes / 1e9:.5f} GB" in text


def test_the_size_of_a_file_of_many_records_is_counted_once(folder: Path, tmp_path: Path) -> None:
    table = tmp_path / "rows.csv"
    table.write_text("video,start_s,stop_s,text\n" + "a.mp4,0,1,a square moves\n" * 5)
    source = {"kind": "annotated-video", "path": str(folder / "videos"), "annotations": str(table)}
    size_bytes = (folder / "videos" / "a.mp4").stat().st_size

    text = "\n".join(estimate_lines(parse_config({"source": [source]}), RunOptions()))

    assert f"all together: 5 inputs, at least {size_bytes / 1e9:.5f} GB" in text


def test_a_path_that_is_not_there_is_a_mistake_of_the_configuration() -> None:
    with pytest.raises(ConfigError, match="path"):
        list(estimate_lines(parse_config({"source": [{"kind": "video", "path": "/gone"}]}), RunOptions()))


@given(st.integers(1, 10**6))
def test_inputs_are_chosen_from_all_parts_of_the_list(count: int) -> None:
    chosen = choose_inputs(count)

    assert len(set(chosen)) == len(chosen) == min(count, INPUTS)
    gaps = np.diff([-1, *sorted(chosen), count])
    assert gaps.max() <= count / len(chosen) + 1


@given(st.lists(st.integers(1, 1000), min_size=2, max_size=8), st.integers(1, 50))
def test_clips_that_go_with_the_bytes_are_extrapolated_exactly(sizes: list[int], rate: int) -> None:
    seen = sizes[: max(2, len(sizes) // 2)]

    total, by = extrapolate([rate * size for size in seen], seen, sizes)

    assert math.isclose(total.value, rate * sum(sizes)) and total.error < 1e-9
    assert by == "bytes"


def test_clips_that_do_not_go_with_the_bytes_are_extrapolated_by_count() -> None:
    total, by = extrapolate([2.0, 2.0, 2.0], [10, 1000, 90], [10, 1000, 90, 500])

    assert by == "count" and total.value == 8.0


def test_sizes_that_are_not_known_leave_the_count() -> None:
    assert extrapolate([3.0, 5.0], [0, 0], [0, 0, 0])[1] == "count"
