"""The camera's motion and the moving/static split, on tracks drawn from known motions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from somtom.schemas.motion import Motion
from somtom.schemas.settings import MotionSettings
from somtom.schemas.tracks import Tracks
from somtom.tracking.homography import apply_homographies
from somtom.tracking.motion import estimate_motion, mean_displacement

WIDTH, HEIGHT, FRAMES = 512, 512, 17


def grid() -> NDArray[np.float64]:
    """Return a 15 x 15 grid with a half-cell margin, (225, 2)."""
    x = (np.arange(15) + 0.5) * WIDTH / 15
    return np.stack(np.meshgrid(x, x), axis=-1).reshape(-1, 2)


def as_tracks(xy: NDArray[np.float64], visible: NDArray[np.bool_] | None = None) -> Tracks:
    seen = np.ones(xy.shape[:2], np.float32) if visible is None else visible.astype(np.float32)
    queries = np.concatenate([np.zeros((xy.shape[1], 1)), xy[0]], axis=1).astype(np.float32)
    return Tracks(queries, xy.astype(np.float32), seen, seen)


def judge(tracks: Tracks, always_compensate: bool = False, steps_per_epsilon: float = 1.0) -> Motion:
    return estimate_motion(
        tracks, WIDTH, HEIGHT, steps_per_epsilon, MotionSettings(), always_compensate, "video-1"
    )


def pan(x_step: float, y_step: float = 0.0) -> NDArray[np.float64]:
    """Return the homographies (T, 3, 3) of a picture that shifts by so much a frame."""
    motion = np.tile(np.eye(3), (FRAMES, 1, 1))
    motion[:, 0, 2] = x_step * np.arange(FRAMES)
    motion[:, 1, 2] = y_step * np.arange(FRAMES)
    return motion


def turn_and_zoom(turn: float, zoom: float) -> NDArray[np.float64]:
    """Return the homographies (T, 3, 3) of a camera that turns and zooms about the picture's centre."""
    motion = np.tile(np.eye(3), (FRAMES, 1, 1))
    centre = (WIDTH - 1) / 2
    for frame in range(FRAMES):
        linear = np.array(
            [[np.cos(turn * frame), -np.sin(turn * frame)], [np.sin(turn * frame), np.cos(turn * frame)]]
        )
        linear *= (1 + zoom) ** frame
        motion[frame, :2, :2] = linear
        motion[frame, :2, 2] = centre - linear @ np.array([centre, centre])
    return motion


def inside(low_x: float, low_y: float, high_x: float, high_y: float) -> NDArray[np.bool_]:
    """Say which grid points lie in the box, given as shares of the picture."""
    share = grid() / WIDTH
    return (share[:, 0] > low_x) & (share[:, 0] < high_x) & (share[:, 1] > low_y) & (share[:, 1] < high_y)


def test_nothing_moves_in_a_still_picture() -> None:
    motion = judge(as_tracks(np.tile(grid(), (FRAMES, 1, 1))))
    assert not motion.camera_moved
    assert not motion.moving.any()
    assert (motion.displacement == 0).all()
    assert (motion.inlier_ratio == 1).all()


def test_a_moving_square_is_told_from_a_still_background() -> None:
    square = inside(0.3, 0.3, 0.6, 0.6)
    xy = np.tile(grid(), (FRAMES, 1, 1))
    xy[:, square] = apply_homographies(pan(3.0), grid()[square])
    motion = judge(as_tracks(xy))
    assert not motion.camera_moved
    assert (motion.moving == square).all()
    assert np.allclose(motion.displacement[square], 3.0, atol=1e-4)


def test_a_panning_camera_does_not_make_the_background_move() -> None:
    square = inside(0.3, 0.3, 0.6, 0.6)
    xy = apply_homographies(pan(5.0, 1.0), grid())
    xy[:, square] = apply_homographies(pan(5.0, -3.0), grid()[square])
    motion = judge(as_tracks(xy))
    assert motion.camera_moved
    assert (motion.moving == square).all()
    assert np.allclose(motion.background_motion, pan(5.0, 1.0), atol=0.05)
    assert np.allclose(motion.xy[:, ~square], grid()[~square], atol=0.05)


def test_an_object_that_the_camera_follows_moves_and_the_background_does_not() -> None:
    followed = inside(0.3, 0.2, 0.7, 0.8)
    xy = apply_homographies(pan(4.0), grid())
    xy[:, followed] = grid()[followed]
    motion = judge(as_tracks(xy))
    assert motion.camera_moved
    assert (motion.moving == followed).all()


@pytest.mark.parametrize("camera", [pan(0.0), pan(4.0, 1.0), turn_and_zoom(0.01, 0.01)])
def test_an_object_over_more_than_half_of_the_picture_is_not_taken_for_the_camera(
    camera: NDArray[np.float64],
) -> None:
    large = inside(0.12, 0.12, 0.88, 0.88)
    assert large.mean() > 0.53
    xy = apply_homographies(camera, grid())
    xy[:, large] = apply_homographies(camera @ pan(-4.0, 2.0), grid()[large])
    motion = judge(as_tracks(xy))
    assert (motion.moving == large).all()
    assert np.allclose(motion.background_motion, camera, atol=0.05)


def test_a_bar_fixed_to_the_picture_does_not_hide_the_cameras_pan() -> None:
    bar = inside(0.45, 0.0, 0.6, 1.0)
    xy = apply_homographies(pan(4.0), grid())
    xy[:, bar] = grid()[bar]
    motion = judge(as_tracks(xy))
    assert motion.camera_moved
    assert (motion.moving == bar).all()


def test_points_that_are_rarely_visible_are_dropped() -> None:
    visible = np.ones((FRAMES, 225), bool)
    visible[8:, 10] = False
    visible[9:, 11] = False
    motion = judge(as_tracks(np.tile(grid(), (FRAMES, 1, 1)), visible))
    assert not motion.kept[10]
    assert motion.kept[11]


def test_steps_with_a_hidden_end_do_not_count() -> None:
    xy = np.tile(grid(), (FRAMES, 1, 1))
    xy[5, 100] += 200.0
    visible = np.ones((FRAMES, 225), bool)
    visible[5, 100] = False
    motion = judge(as_tracks(xy, visible))
    assert motion.displacement[100] == 0
    assert motion.kept[100]


def test_a_point_without_confidence_is_no_evidence() -> None:
    xy = apply_homographies(pan(6.0), grid())
    blank = ~inside(0.0, 0.0, 1.0, 0.4)
    xy[:, blank] = grid()[blank]
    seen = np.ones((FRAMES, 225), np.float32)
    queries = np.concatenate([np.zeros((225, 1)), grid()], axis=1).astype(np.float32)
    confidence = np.where(blank, 0.0, 1.0).astype(np.float32) * seen
    motion = judge(Tracks(queries, xy.astype(np.float32), seen, confidence))
    assert (motion.kept == ~blank).all()
    assert motion.camera_moved
    assert not motion.moving.any()


def test_points_on_a_line_are_refused_and_no_frame_is_lost() -> None:
    line = np.stack([np.linspace(10, 500, 40), np.full(40, 250.0)], axis=1)
    motion = judge(as_tracks(apply_homographies(pan(3.0), line)), always_compensate=True)
    assert motion.refused[1:].all()
    assert not motion.refused[0]
    assert motion.xy.shape == (FRAMES, 40, 2)
    assert np.allclose(motion.background_motion, np.eye(3))
    assert not motion.moving.any()


def test_a_frame_without_points_is_refused_and_the_others_are_compensated() -> None:
    xy = apply_homographies(pan(3.0), grid())
    visible = np.ones((FRAMES, 225), bool)
    visible[7] = False
    motion = judge(as_tracks(xy, visible))
    assert motion.refused.tolist() == [frame == 7 for frame in range(FRAMES)]
    assert not motion.moving.any()


def test_first_person_footage_is_always_compensated() -> None:
    tracks = as_tracks(apply_homographies(pan(0.3), grid()))
    assert not judge(tracks).camera_moved
    compensated = judge(tracks, always_compensate=True)
    assert compensated.camera_moved
    assert np.allclose(compensated.background_motion, pan(0.3), atol=0.05)


def test_the_cameras_motion_can_be_left_in_or_always_be_taken_out() -> None:
    square = inside(0.4, 0.4, 0.6, 0.6)
    fast = apply_homographies(pan(3.0), grid())
    fast[:, square] = grid()[square]  # stays in its place in the picture

    def with_camera(xy: NDArray[np.float64], camera: str, always_compensate: bool = False) -> Motion:
        rules = MotionSettings(camera=camera)
        return estimate_motion(as_tracks(xy), WIDTH, HEIGHT, 1.0, rules, always_compensate, "video-1")

    assert (with_camera(fast, "auto").moving == square).all()
    never = with_camera(fast, "never", always_compensate=True)
    assert not never.camera_moved
    assert np.array_equal(never.xy, fast.astype(np.float32))
    assert (never.moving == ~square).all()
    slow = apply_homographies(pan(0.3), grid())
    assert not with_camera(slow, "auto").camera_moved
    assert with_camera(slow, "always").camera_moved


def test_epsilon_grows_with_the_picture_and_with_the_step() -> None:
    tracks = as_tracks(np.tile(grid(), (FRAMES, 1, 1)))
    assert judge(tracks).epsilon == pytest.approx(2.0)
    assert judge(tracks, steps_per_epsilon=1.5).epsilon == pytest.approx(3.0)
    smaller = estimate_motion(tracks, WIDTH, 256, 1.0, MotionSettings(), False, "video-1")
    assert smaller.epsilon == pytest.approx(1.0)


@pytest.mark.parametrize("frames", [1, 2])
@pytest.mark.parametrize("points", [0, 1, 4])
def test_short_clips_and_few_points_are_judged_without_an_error(frames: int, points: int) -> None:
    motion = judge(as_tracks(np.tile(grid()[:points], (frames, 1, 1))), always_compensate=True)
    assert motion.xy.shape == (frames, points, 2)
    assert not motion.moving.any()


def test_mean_displacement_counts_only_usable_steps() -> None:
    xy = np.array([[[0.0, 0.0]], [[3.0, 4.0]], [[3.0, 4.0]]])
    assert mean_displacement(xy, np.ones((3, 1), bool))[0] == pytest.approx(2.5)
    assert mean_displacement(xy, np.array([[True], [True], [False]]))[0] == pytest.approx(5.0)


@settings(max_examples=15, deadline=None)
@given(
    x_step=st.floats(-6, 6),
    y_step=st.floats(-6, 6),
    turn=st.floats(-0.01, 0.01),
    zoom=st.floats(-0.01, 0.01),
    seed=st.integers(0, 1000),
)
def test_any_camera_motion_leaves_the_background_static(
    x_step: float, y_step: float, turn: float, zoom: float, seed: int
) -> None:
    camera = pan(x_step, y_step) @ turn_and_zoom(turn, zoom)
    noise = np.random.default_rng(seed).normal(0, 0.2, (FRAMES, 225, 2))
    noise[0] = 0
    tracks = as_tracks(apply_homographies(camera, grid()) + noise)
    motion = judge(tracks, always_compensate=True)
    assert not motion.moving.any()
    again = judge(tracks, always_compensate=True)
    assert motion.xy.tobytes() == again.xy.tobytes()
