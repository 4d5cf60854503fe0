"""The made-up samples: varied, the same bytes twice, and truth that agrees with the pictures."""

import json
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from somtom.pipelines.cli import main
from somtom.pipelines.config_rules import ConfigError
from somtom.pipelines.samples import SAMPLE_KINDS, write_samples
from somtom.pipelines.samples_scene import draw_frame, true_tracks
from somtom.pipelines.samples_videos import MOVING_CAMERAS, Recipe, make_shot, recipe_of
from somtom.schemas.keys import generator_of
from somtom.tracking.homography import apply_homographies


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples")
    write_samples(folder, 5, 3, ["videos"])
    return folder


def truth_of(video: Path) -> tuple[dict[str, NDArray[np.generic]], dict[str, object]]:
    path = video.parent.parent / "truth" / video.name
    with np.load(path.with_suffix(".npz")) as stored:
        return dict(stored), json.loads(path.with_suffix(".json").read_text())


def decode(video: Path) -> NDArray[np.uint8]:
    with av.open(str(video)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def test_every_video_has_truth_of_its_length_and_size(samples: Path) -> None:
    videos = sorted((samples / "videos").iterdir())
    assert len(videos) == 5
    for video in videos:
        truth, about = truth_of(video)
        frames = decode(video)
        points = len(truth["queries"])
        assert frames.shape[1:3] == (about["height"], about["width"])
        assert truth["tracks"].shape == (len(frames), points, 2)
        assert truth["visible"].shape == (len(frames), points)
        assert truth["background_motion"].shape == (len(frames), 3, 3)
        assert truth["layer"].shape == truth["speed_px_per_frame"].shape == (points,)


def test_visible_points_keep_their_colour(samples: Path) -> None:
    for video in sorted((samples / "videos").iterdir()):
        truth, _ = truth_of(video)
        frames = decode(video).astype(int)
        keeps = []
        for point, start in enumerate(truth["queries"][:, 0].astype(int)):
            seen = np.flatnonzero(truth["visible"][:, point])
            assert start == seen[0]
            x, y = np.rint(truth["tracks"][seen, point]).astype(int).T
            difference = np.abs(frames[seen, y, x] - frames[start, y[0], x[0]]).mean(axis=1)
            keeps.append(np.median(difference) < 25)  # grain, coding and half a pixel of rounding remain
        assert np.mean(keeps) > 0.98, video.name  # a few points lie on an edge between two colours


def test_the_same_seed_gives_the_same_bytes_and_another_one_does_not(samples: Path, tmp_path: Path) -> None:
    first = write_samples(tmp_path / "again", 2, 3, ["videos"])
    for video in first:
        assert video.read_bytes() == (samples / "videos" / video.name).read_bytes()
        for suffix in (".npz", ".json"):
            name = video.with_suffix(suffix).name
            assert (tmp_path / "again" / "truth" / name).read_bytes() == (
                samples / "truth" / name
            ).read_bytes()
    other = write_samples(tmp_path / "other", 1, 4, ["videos"])
    assert other[0].read_bytes() != first[0].read_bytes()


def test_a_cut_is_where_the_truth_says(samples: Path) -> None:
    video = next(path for path in sorted((samples / "videos").iterdir()) if path.stem.endswith("_cut"))
    truth, about = truth_of(video)
    (cut,) = about["cuts"]  # type: ignore[misc]  # a list in the JSON
    jumps = np.abs(np.diff(decode(video).astype(int), axis=0)).mean(axis=(1, 2, 3))
    assert jumps.argmax() == cut - 1
    second = truth["queries"][:, 0] == cut
    assert second.any()
    assert not truth["visible"][:cut, second].any()
    assert not truth["visible"][cut:, ~second].any()
    assert np.allclose(truth["background_motion"][[0, cut]], np.eye(3), atol=1e-6)


def test_a_large_object_covers_more_than_55_percent_before_a_moving_and_a_still_camera() -> None:
    recipes = [recipe_of(index, 0) for index in range(20)]
    large = [recipe for recipe in recipes if recipe.large]
    assert recipes[3].large
    assert {recipe.camera == "still" for recipe in large} == {True, False}
    for recipe in large:
        for seed in range(5):
            layers, _, _ = make_shot(recipe, generator_of(f"{seed}", "test"))
            assert (true_tracks(layers[:2], recipe.width, recipe.height).layer == 1).mean() > 0.55


def test_recipes_are_varied() -> None:
    recipes = [recipe_of(index, 0) for index in range(20)]
    assert {recipe.camera for recipe in recipes} == {"still", *MOVING_CAMERAS}
    assert sum(recipe.camera == "still" for recipe in recipes) == 10
    assert {recipe.fps for recipe in recipes} == {24, 25, 30}
    assert any(recipe.height > recipe.width for recipe in recipes)
    assert {recipe.shots for recipe in recipes} == {1, 2}
    assert len({recipe.name for recipe in recipes}) == 20


@pytest.mark.parametrize("camera", ["still", *MOVING_CAMERAS])
def test_background_points_rest_once_the_camera_is_taken_out(camera: str) -> None:
    recipe = Recipe("one", 320, 240, 25, 1.0, camera, 2)
    layers, path, _ = make_shot(recipe, generator_of(camera, "test"))
    truth = true_tracks(layers, 320, 240)
    still = apply_homographies(np.linalg.inv(path), truth.tracks)
    assert np.allclose(path[0], np.eye(3))
    assert np.abs(still - still[0])[:, truth.layer == 0].max() < 1e-3
    assert draw_frame(layers, 3, 320, 240).shape == (240, 320, 3)


def test_every_kind_of_sample_returns_the_files_it_wrote(tmp_path: Path) -> None:
    for write in SAMPLE_KINDS.values():
        assert all(path.is_file() for path in write(tmp_path, 1, 0))


def test_the_command_writes_only_the_kinds_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "s"
    assert main(["samples", str(folder), "--count", "1", "--kinds", "pairs,screens"]) == 0
    assert sorted(path.name for path in folder.iterdir()) == ["pairs", "screens", "truth"]
    assert "of pairs, screens in" in capsys.readouterr().out
    assert main(["samples", str(folder), "--kinds", "pears"]) == 2
    assert "--kinds pears: must be some of videos, robot, screens, pairs" in capsys.readouterr().err


def test_no_samples_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="1 or more"):
        write_samples(tmp_path, 0, 0)


def test_an_unknown_kind_of_sample_is_an_error_that_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--kinds robots: must be some of videos, robot, screens, pairs"):
        write_samples(tmp_path, 1, 0, ["robots"])
