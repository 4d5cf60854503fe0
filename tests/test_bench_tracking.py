"""The bench of trackers: what it scores, on which frames, and how it says so."""

from pathlib import Path

import numpy as np
import pytest

from somtom.pipelines.bench_tracking import (
    bench_tracking,
    format_rows,
    read_known_video,
    true_speed,
    truth_paths,
)
from somtom.pipelines.samples_videos import Recipe, write_video
from somtom.schemas.reasons import DataError
from somtom.schemas.settings import TrackingSettings

LK = TrackingSettings(tracker="lk")


@pytest.fixture(scope="module")
def two_shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bench")
    write_video(folder, Recipe("two", 320, 240, 25, 0.8, "pan", 2, shots=2), 0)
    return folder


def test_only_the_first_shot_is_scored(two_shots: Path) -> None:
    known = read_known_video(*truth_paths(two_shots)[0])
    assert len(known.frames) == len(known.tracks) == 20
    assert (known.queries[:, 0] == 0).all()
    assert len(known.queries) == len(known.post) == 225


def test_the_true_speed_leaves_the_camera_out(two_shots: Path) -> None:
    video, truth = truth_paths(two_shots)[0]
    known = read_known_video(video, truth)
    with np.load(truth) as stored:
        layer = stored["layer"][:225]
        told = stored["speed_px_per_frame"][:225]
    speed = true_speed(known, np.arange(17))
    assert speed[layer == 0].max() < 0.01
    assert np.allclose(speed, told, atol=0.01)


def test_rows_hold_scores_between_0_and_1_and_become_a_table(two_shots: Path) -> None:
    (row,) = bench_tracking(two_shots, [LK])
    assert row.tracks.average_jaccard > 0.5
    assert 0.5 < row.kept <= 1
    assert 0 <= row.moving.f1 <= 1
    table = format_rows([row]).splitlines()
    assert len({line.count("|") for line in table}) == 1
    assert table[-1].startswith("| mean | lk |")


def test_a_folder_without_truth_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="somtom samples"):
        bench_tracking(tmp_path, [LK])


def test_moving_points_are_found_on_the_known_clips(test_data: Path) -> None:
    rows = bench_tracking(test_data / "tracking_truth", [LK])
    assert np.mean([row.moving.f1 for row in rows]) > 0.88
