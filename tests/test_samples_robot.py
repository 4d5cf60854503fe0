"""The made-up robot: its actions cause its motion, and its truth is where the pictures show it."""

import json
from pathlib import Path

import av
import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from somtom.pipelines.samples_lerobot import write_robot
from somtom.pipelines.samples_robot import (
    CAMERAS,
    DIMENSIONS,
    FPS,
    Episode,
    camera_at,
    make_episode,
    pixel_tracks,
)
from somtom.pipelines.samples_scene import COLOURS
from somtom.pipelines.samples_solids import Camera, look_at, prism, rotation_of
from somtom.schemas.keys import generator_of

COUNT = 3
GRIPPER = DIMENSIONS.index("gripper")


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples")
    write_robot(folder, COUNT, 5)
    return folder


def truth_of(folder: Path, index: int) -> tuple[dict[str, NDArray[np.generic]], dict[str, object]]:
    path = folder / "truth" / "robot" / f"episode_{index:06d}.npz"
    with np.load(path) as stored:
        return dict(stored), json.loads(path.with_suffix(".json").read_text())


def decode(folder: Path, camera: str, index: int) -> NDArray[np.uint8]:
    place = f"robot/videos/chunk-000/observation.images.{camera}/episode_{index:06d}.mp4"
    with av.open(str(folder / place)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def episodes(count: int = 40) -> list[Episode]:
    return [make_episode(generator_of(str(seed), "test")) for seed in range(count)]


def test_each_action_leads_from_its_state_to_the_next() -> None:
    for episode in episodes():
        assert episode.actions.shape == episode.states.shape == (len(episode.carried), len(DIMENSIONS))
        moved = np.diff(episode.states[:, :GRIPPER], axis=0)
        assert np.abs(moved - episode.actions[:-1, :GRIPPER]).max() < 1e-12
        assert (episode.states[1:, GRIPPER] == episode.actions[:-1, GRIPPER]).all()
        assert (episode.actions[-1, :GRIPPER] == 0).all()
        assert (np.ptp(episode.actions, axis=0)[:5] > 0).all()


def test_only_the_named_object_moves_and_only_while_it_is_carried() -> None:
    told = set()
    for episode in episodes():
        places = np.array([episode.object_pose(step)[1] for step in range(len(episode.states))])
        taken = int(np.argmax(episode.carried))
        assert np.allclose(places[:taken], places[0])
        assert np.linalg.norm(places[-1] - places[0]) > 0.1
        assert episode.things[0].name in episode.instruction
        assert len({thing.name for thing in episode.things}) == 3
        told.add(episode.instruction.split()[0])
        if episode.instruction.startswith("pick up"):
            assert places[-1, 2] > 0.05
        else:
            assert places[-1, 2] == pytest.approx(0)
            assert (places[-1, 0] > places[0, 0]) == episode.instruction.endswith("right")
    assert told == {"pick", "push"}


def test_every_episode_stays_in_the_front_camera() -> None:
    width, height = CAMERAS["front"]
    for episode in episodes():
        for track in pixel_tracks(episode, "front").values():
            assert (track > 0).all() and (track < (width, height)).all()


def test_the_object_is_seen_where_the_truth_says(samples: Path) -> None:
    for index in range(COUNT):
        truth, about = truth_of(samples, index)
        frames = decode(samples, "front", index).astype(float)
        colour = np.array(COLOURS[about["objects"][0]["colour"]], float)  # type: ignore[index]  # JSON
        x, y = np.rint(truth["object_front"]).astype(int).T
        seen = frames[np.arange(len(frames)), y, x]
        cosine = (seen @ colour) / np.linalg.norm(seen, axis=1) / np.linalg.norm(colour)
        assert (cosine > 0.97).mean() > 0.6  # a finger, or the palm, may be in front of it
        assert cosine[0] > 0.97


def test_the_rows_are_the_truth_and_the_videos_as_long(samples: Path) -> None:
    index_lines = (samples / "robot/meta/episodes.jsonl").read_text().splitlines()
    info = json.loads((samples / "robot/meta/info.json").read_text())
    assert len(index_lines) == info["total_episodes"] == COUNT
    first = 0
    for number, line in enumerate(map(json.loads, index_lines)):
        truth, about = truth_of(samples, number)
        table = pq.read_table(samples / f"robot/data/chunk-000/episode_{number:06d}.parquet")
        assert np.array_equal(np.array(table["action"].to_pylist(), np.float32), truth["actions"])
        assert np.array_equal(np.array(table["observation.state"].to_pylist(), np.float32), truth["states"])
        assert table["timestamp"].to_pylist() == pytest.approx(np.arange(len(table)) / FPS)
        assert table["index"].to_pylist() == list(range(first, first + len(table)))
        assert line["tasks"] == [about["instruction"]] and line["length"] == len(table)
        for name, (width, height) in CAMERAS.items():
            assert decode(samples, name, number).shape == (len(table), height, width, 3)
            assert info["features"][f"observation.images.{name}"]["shape"] == [height, width, 3]
        first += len(table)
    assert info["total_frames"] == first


def test_the_stored_statistics_are_those_of_the_rows_and_pictures(samples: Path) -> None:
    lines = map(json.loads, (samples / "robot/meta/episodes_stats.jsonl").read_text().splitlines())
    for number, line in enumerate(lines):
        truth, _ = truth_of(samples, number)
        for part, value in (("min", truth["actions"].min(0)), ("std", truth["actions"].astype(float).std(0))):
            assert line["stats"]["action"][part] == pytest.approx(value.tolist(), abs=1e-9)
        pictures = decode(samples, "front", number) / 255
        found = line["stats"]["observation.images.front"]
        assert np.shape(found["mean"]) == (3, 1, 1)
        assert np.ravel(found["mean"]) == pytest.approx(pictures.mean(axis=(0, 1, 2)), abs=0.01)
        assert np.ravel(found["std"]) == pytest.approx(pictures.std(axis=(0, 1, 2)), abs=0.01)


def test_the_same_seed_gives_the_same_robot_and_another_one_does_not(samples: Path, tmp_path: Path) -> None:
    write_robot(tmp_path / "again", COUNT, 5)
    for path in filter(Path.is_file, sorted((tmp_path / "again").rglob("*"))):
        assert path.read_bytes() == (samples / path.relative_to(tmp_path / "again")).read_bytes(), path.name
    other, *_ = write_robot(tmp_path / "other", 1, 6)
    assert other.read_bytes() != (samples / other.relative_to(tmp_path / "other")).read_bytes()


@given(
    position=st.tuples(*[st.floats(-1, 1)] * 2, st.floats(0.3, 2)),
    target=st.tuples(*[st.floats(-0.3, 0.3)] * 3),
)
def test_a_camera_sees_what_it_looks_at_in_its_middle(
    position: tuple[float, ...], target: tuple[float, ...]
) -> None:
    place, at = np.array(position), np.array(target)
    if np.linalg.norm(np.cross(at - place, [0, 0, 1])) < 0.05:
        return  # straight down: no side is up
    camera = Camera(place, look_at(place, at, np.array([0.0, 0, 1])), 300.0, 321, 241)
    xy, depth = camera.see(at)
    above, _ = camera.see(at + np.array([0, 0, 0.01]))
    assert xy == pytest.approx([160, 120], abs=1e-6)
    assert depth == pytest.approx(np.linalg.norm(at - place))
    assert above[1] < xy[1]


@settings(max_examples=30)
@given(*[st.floats(-3, 3)] * 3)
def test_rotations_keep_lengths_and_hands(roll: float, pitch: float, yaw: float) -> None:
    turn = rotation_of(roll, pitch, yaw)
    assert turn @ turn.T == pytest.approx(np.eye(3), abs=1e-9)
    assert np.linalg.det(turn) == pytest.approx(1)
    assert rotation_of(0, 0, np.pi / 2) @ np.array([1.0, 0, 0]) == pytest.approx([0, 1, 0])


def test_faces_of_a_prism_are_flat_and_close_it() -> None:
    body = prism(5, 0.1, 0.2, (1, 2, 3), top=0.5)
    edges = [frozenset(pair) for face in body.faces for pair in zip(face, (*face[1:], face[0]), strict=True)]
    assert all(edges.count(edge) == 2 for edge in edges)


def test_the_wrist_camera_moves_with_the_gripper() -> None:
    (episode,) = episodes(1)
    first, last = (camera_at(episode, "wrist", step) for step in (0, -1))
    assert np.linalg.norm(first.position - last.position) > 0.05
    tips = pixel_tracks(episode, "wrist")["gripper_wrist"]
    assert np.ptp(tips, axis=0) == pytest.approx([0, 0], abs=1e-3)
