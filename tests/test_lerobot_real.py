"""Real LeRobot data sets, held against what PyAV and pyarrow alone make of the same files."""

import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from somtom.schemas.clips import Clip
from somtom.schemas.refs import Ref, Scan
from somtom.schemas.settings import ClipSettings, ShotSettings
from somtom.sources.lerobot import LerobotSource
from somtom.sources.lerobot_episode import LerobotEpisode

CLIPS = ClipSettings()
V20, V21, V30 = "lerobot_v20_gr1_sim", "lerobot_v21_g1_real", "lerobot_v30_g1_real"
# Episodes, rows of each, and clips of 17 frames 1/15 s apart.
EXPECTED = {
    V20: {0: (416, 18), 1: (470, 20), 2: (470, 20), 3: (412, 17), 4: (328, 14)},
    V21: {29: (221, 6), 30: (277, 8)},
    V30: {0: (267, 7), 1: (260, 7), 2: (265, 7)},
}


@lru_cache(maxsize=2)
def decoded(path: Path) -> tuple[NDArray[np.float64], list[NDArray[np.uint8]]]:
    """Times and pictures of a whole video, by PyAV alone."""
    times, pictures = [], []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            times.append(frame.time)
            pictures.append(frame.to_ndarray(format="rgb24"))
    return np.array(times), pictures


def independent(folder: Path, episode: int) -> tuple[dict[str, list[Any]], Path, float]:
    """Columns of an episode, its first camera's video, and where it begins there, in seconds."""
    if folder.name == V30:
        (row,) = pq.read_table(
            folder / "meta/episodes/chunk-000/file-000.parquet", filters=[("episode_index", "=", episode)]
        ).to_pylist()
        whole = pq.read_table(folder / "data/chunk-000/file-000.parquet")
        start, end = row["dataset_from_index"], row["dataset_to_index"]
        columns = whole.slice(start, end - start).to_pydict()
        video = folder / "videos/observation.images.cam_high/chunk-000/file-000.mp4"
        return columns, video, row["videos/observation.images.cam_high/from_timestamp"]
    columns = pq.read_table(folder / f"data/chunk-000/episode_{episode:06d}.parquet").to_pydict()
    camera = "observation.images.ego_view" if folder.name == V20 else "observation.images.cam_high"
    return columns, folder / f"videos/chunk-000/{camera}/episode_{episode:06d}.mp4", 0.0


def scans(folder: Path) -> Iterator[tuple[int, LerobotSource, Scan]]:
    source = LerobotSource(path=str(folder))
    for item in source.items(0):
        yield int(item.uri.removeprefix("episode_")), source, source.scan(item, ShotSettings(), CLIPS, 32)


@pytest.mark.parametrize("name", EXPECTED)
def test_every_episode_of_the_index_is_found(test_data: Path, name: str) -> None:
    found = {
        episode: (scan.facts.frames, len(scan.refs)) for episode, _, scan in scans(test_data / "robot" / name)
    }

    assert found == EXPECTED[name]


@pytest.mark.parametrize("name", EXPECTED)
def test_actions_states_times_and_texts_are_those_of_the_files(test_data: Path, name: str) -> None:
    folder = test_data / "robot" / name
    compared = 0
    for episode, source, scan in scans(folder):
        columns, _, _ = independent(folder, episode)
        assert scan.refs
        opened = source.open(scan.facts.uri, scan.refs[0].locator, scan.refs[0].payload)
        assert opened.actions.tolist() == columns["action"]
        assert opened.states.tolist() == columns["observation.state"]
        assert opened.times_s.tolist() == columns["timestamp"]
        texts = tasks_of(folder)
        assert [opened.instruction_at(step) for step in range(len(columns["action"]))] == [
            texts[number] for number in columns["task_index"]
        ]
        compared += len(columns["action"])
    assert compared == sum(rows for rows, _ in EXPECTED[name].values())


def tasks_of(folder: Path) -> dict[int, str]:
    lines = folder / "meta/tasks.jsonl"
    if lines.exists():
        rows = [json.loads(line) for line in lines.read_text("utf-8").splitlines()]
        return {row["task_index"]: row["task"] for row in rows}
    table = pq.read_table(folder / "meta/tasks.parquet").to_pydict()
    return dict(zip(table["task_index"], table["__index_level_0__"], strict=True))


@pytest.mark.parametrize("name", EXPECTED)
def test_frames_are_those_that_pyav_shows_at_the_steps_times(test_data: Path, name: str) -> None:
    """Two clips of each episode, taken at random: the nearest frame in time, and the same pixels."""
    folder = test_data / "robot" / name
    compared = 0
    for episode, source, scan in scans(folder):
        columns, video, start_s = independent(folder, episode)
        times, pictures = decoded(video)
        chosen = sorted(np.random.default_rng(episode).choice(len(scan.refs), 2, replace=False))
        for ref, clip in read(source, [scan.refs[place] for place in chosen]):
            for step, picture in zip(ref.frames, clip.frames, strict=True):
                wanted_s = start_s + columns["timestamp"][step]
                nearest = int(np.argmin(np.abs(times - wanted_s)))
                assert abs(times[nearest] - wanted_s) < 1e-4  # the format's own tolerance
                assert (picture == pictures[nearest]).all(), (episode, step)
                compared += 1
    assert compared >= 50


def read(source: LerobotSource, refs: list[Ref]) -> Iterator[tuple[Ref, Clip]]:
    for ref, clip in source.read(refs, CLIPS):
        assert isinstance(clip, Clip)
        yield ref, clip


def test_published_statistics_are_those_of_the_file(test_data: Path) -> None:
    for name in (V20, V30):
        folder = test_data / "robot" / name
        published = json.loads((folder / "meta" / "stats.json").read_text())["action"]
        stats = LerobotSource(path=str(folder)).published_stats()
        assert stats is not None
        for part in ("q01", "q99", "min", "max", "mean", "std"):
            assert list(getattr(stats, part)) == published[part]
    assert LerobotSource(path=str(test_data / "robot" / V21)).published_stats() is None


def test_the_second_camera_shows_the_first_frames_moment(test_data: Path) -> None:
    folder = test_data / "robot" / V30
    source = LerobotSource(path=str(folder))
    clips = ClipSettings(cameras=1)
    item = list(source.items(0))[2]
    refs = source.scan(item, ShotSettings(), clips, 32).refs
    _, _, start_s = independent(folder, 2)
    times, pictures = decoded(folder / "videos/observation.images.cam_high_small/chunk-000/file-000.mp4")

    for ref, clip in source.read(refs[2:4], clips):
        assert isinstance(clip, Clip)
        nearest = int(np.argmin(np.abs(times - (start_s + ref.start_s))))
        assert (clip.cameras[0] == pictures[nearest]).all()


def test_an_opened_episode_holds_no_picture(test_data: Path) -> None:
    source = LerobotSource(path=str(test_data / "robot" / V30), cameras=("cam_high_small",))
    item = next(source.items(0))

    episode = source.open(item.uri, item.locator, item.payload)

    assert isinstance(episode, LerobotEpisode)
    assert episode.cameras == ("observation.images.cam_high_small",)
    assert episode.state_names[0] == "kLeftShoulderPitch"
