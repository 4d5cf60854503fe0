from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from somtom.pipelines.config_rules import ConfigError
from somtom.pipelines.samples_videos import encode_video
from somtom.pipelines.track import TrackRequest, track_video
from somtom.schemas.reasons import DataError

SPEED = 3  # pixels a frame that the square moves to the right


def draw_scene(frames: int, scale: int = 1) -> NDArray[np.uint8]:
    """A textured square that moves over a textured ground which rests; (T, 96, 128, 3) times `scale`."""
    draw = np.random.default_rng(5)
    ground = np.kron(draw.integers(60, 120, (24, 32)), np.ones((4, 4))).astype(np.uint8)
    square = np.kron(draw.integers(130, 255, (8, 8)), np.ones((4, 4))).astype(np.uint8)
    pictures = np.repeat(ground[None, ..., None], frames, axis=0).repeat(3, axis=3)
    for frame in range(frames):
        left = 16 + SPEED * frame
        pictures[frame, 32:64, left : left + 32] = square[..., None]
    return pictures.repeat(scale, axis=1).repeat(scale, axis=2)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("videos") / "square.mp4"
    encode_video(path, draw_scene(24), 25)
    return path


def track(tmp_path: Path, request: TrackRequest) -> dict[str, NDArray[np.generic]]:
    track_video(request, tmp_path / "tracks.npz", None)
    with np.load(tmp_path / "tracks.npz") as arrays:
        return dict(arrays)


def test_a_square_that_moves_gives_its_exact_tracks_and_is_called_moving(video: Path, tmp_path: Path) -> None:
    arrays = track(tmp_path, TrackRequest(str(video), grid=8, frames=12))

    assert arrays["queries"].shape == (64, 3) and arrays["tracks"].shape == (12, 64, 2)
    assert arrays["visible"].dtype == bool and arrays["background_motion"].shape == (12, 3, 3)
    x, y = arrays["queries"][:, 1], arrays["queries"][:, 2]
    on_square = (abs(x - 31.5) < 10) & (abs(y - 47.5) < 10)
    assert on_square.any() and arrays["moving"][on_square].all()
    assert not arrays["moving"][(y < 20) | (y > 76)].any()
    expected = arrays["queries"][on_square, 1:] + np.arange(12)[:, None, None] * (SPEED, 0)
    np.testing.assert_allclose(arrays["tracks"][:, on_square], expected, atol=0.5)
    assert arrays["epsilon"] == pytest.approx(2.0 * 96 / 512)


def test_positions_are_in_the_pixels_of_a_video_that_is_tracked_smaller(tmp_path: Path) -> None:
    encode_video(tmp_path / "large.mp4", draw_scene(6, scale=8), 25)

    arrays = track(tmp_path, TrackRequest(str(tmp_path / "large.mp4"), "lk", grid=8))

    assert arrays["size"].tolist() == [1024, 768]
    np.testing.assert_allclose(arrays["tracks"][0], arrays["queries"][:, 1:], atol=1e-3)
    x, y = arrays["queries"][:, 1], arrays["queries"][:, 2]
    on_square = (abs(x - 255.5) < 80) & (abs(y - 383.5) < 80)
    travelled = arrays["tracks"][-1, on_square, 0] - arrays["tracks"][0, on_square, 0]
    np.testing.assert_allclose(travelled, 5 * SPEED * 8, atol=3)


def test_start_and_step_choose_the_nearest_frames(video: Path, tmp_path: Path) -> None:
    arrays = track(tmp_path, TrackRequest(str(video), "lk", grid=4, start_s=0.2, frames=5, step_s=0.1))

    np.testing.assert_allclose(arrays["times_s"], [0.2, 0.3, 0.4, 0.5, 0.6], atol=0.021)
    assert (np.diff(arrays["times_s"]) > 0).all()


def test_a_video_with_fewer_frames_than_asked_for_gives_what_it_has(video: Path, tmp_path: Path) -> None:
    arrays = track(tmp_path, TrackRequest(str(video), "lk", grid=4, frames=300))

    assert len(arrays["tracks"]) == 24


def test_the_preview_is_a_video_with_warm_moving_and_cool_static_traces(video: Path, tmp_path: Path) -> None:
    request = TrackRequest(str(video), grid=8, frames=12)
    track_video(request, tmp_path / "tracks.npz", tmp_path / "look.mp4")

    with av.open(str(tmp_path / "look.mp4")) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        frames = [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(video=0)]
    assert len(frames) == 12 and frames[0].shape == (96, 128, 3)
    last = frames[-1]
    square = last[32:64, 16 + SPEED * 11 : 48 + SPEED * 11]
    assert (square[..., 0] - square[..., 2]).max() > 100  # red
    ground = last[70:]
    assert (ground[..., 2] - ground[..., 0]).max() > 80  # blue
    assert (ground[..., 0] - ground[..., 2]).max() < 60


@pytest.mark.parametrize(
    "change",
    [
        {"grid": 1},
        {"frames": 1},
        {"frames": 10**9},
        {"step_s": float("nan")},
        {"tracker": "lkk"},
        {"tracker": "cotracker3"},
        {"overrides": ("tracking.weihgts=x",)},
        {"overrides": ("tracking.threads=0",)},
        {"overrides": ("motion.epsilon=1",)},
    ],
)
def test_a_wrong_option_is_one_clear_line(video: Path, tmp_path: Path, change: dict[str, object]) -> None:
    with pytest.raises(ConfigError) as caught:
        track(tmp_path, TrackRequest(**{"video": str(video), **change}))  # type: ignore[arg-type]

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "start_s", "reason"),
    [("gone.mp4", 0.0, "missing"), ("square.mp4", 50.0, "too_short"), ("square.mp4", 0.96, "too_short")],
)
def test_a_video_that_cannot_be_used_says_why(
    video: Path, tmp_path: Path, name: str, start_s: float, reason: str
) -> None:
    with pytest.raises(DataError) as caught:
        track(tmp_path, TrackRequest(str(video.parent / name), start_s=start_s))

    assert caught.value.reason == reason and not (tmp_path / "tracks.npz").exists()


def test_settings_of_the_tracking_can_be_given(video: Path, tmp_path: Path) -> None:
    sharp = track(tmp_path, TrackRequest(str(video), grid=4, frames=6))
    coarse = track(
        tmp_path, TrackRequest(str(video), grid=4, frames=6, overrides=("tracking.short_side=32",))
    )

    assert (sharp["tracks"] != coarse["tracks"]).any()


def test_cotracker3_is_given_its_weights(video: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="torch is not installed: pip install somtom[cotracker]")
    from somtom.tracking.cotracker3_made_up import write_made_up_weights

    weights = write_made_up_weights(tmp_path / "made_up.pth")
    overrides = (
        f"tracking.weights={weights}",
        "tracking.accept_licence=CC-BY-NC-4.0",
        "tracking.model_height=64",
        "tracking.model_width=64",
        "tracking.iterations=1",
    )

    arrays = track(tmp_path, TrackRequest(str(video), "cotracker3", grid=4, frames=4, overrides=overrides))

    assert arrays["tracks"].shape == (4, 16, 2) and np.isfinite(arrays["tracks"]).all()
