"""The contract every tracker is held to, and what stands outside them.

A tracker of one's own, or one with weights, is held to it by environment variables (docs/tracking.md):
SOMTOM_TEST_TRACKER names it, SOMTOM_TEST_TRACKING has settings such as "tracking.weights=w.pth", one a line.
"""

import os
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from somtom.pipelines.track import override_tracking
from somtom.schemas.settings import TrackingSettings
from somtom.schemas.tracks import TrackerInfo, Tracks
from somtom.tracking.grid import grid_queries
from somtom.tracking.scores import tap_vid_scores
from somtom.tracking.trackers import (
    POINTS_AT_ONCE,
    TRACKERS,
    make_tracker,
    map_points,
    resize_frames,
    track_clip,
)

OWN = os.environ.get("SOMTOM_TEST_TRACKER", "")
NEED_WEIGHTS = {"cotracker3", "cotracker3-official"}  # tests/test_cotracker3.py has what made-up ones show
NAMES = [OWN] if OWN else sorted(TRACKERS.keys() - NEED_WEIGHTS)
EVERY_TRACKER = pytest.mark.parametrize("name", NAMES)


def texture(height: int, width: int, seed: int) -> NDArray[np.float64]:
    """Smooth noise from 0 to 255: sums of random waves of 5 to 40 pixels."""
    generator = np.random.Generator(np.random.PCG64(seed))
    y, x = np.mgrid[:height, :width]
    waves = np.zeros((height, width))
    for _ in range(40):
        length, angle, phase = generator.uniform(5, 40), generator.uniform(0, np.pi), generator.uniform(0, 7)
        waves += np.sin(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / length + phase)
    return np.clip(128 + 15 * waves, 0, 255)


def panned(length: int, shift: tuple[int, int], height: int = 96, width: int = 128) -> NDArray[np.uint8]:
    """A clip whose whole picture moves by `shift` (x, y) pixels a frame."""
    reach = length * max(abs(shift[0]), abs(shift[1]), 1)
    scene = texture(height + 2 * reach, width + 2 * reach, seed=1)
    rows, columns = reach - np.arange(length) * shift[1], reach - np.arange(length) * shift[0]
    frames = [scene[r : r + height, c : c + width] for r, c in zip(rows, columns, strict=True)]
    return np.repeat(np.stack(frames)[..., None], 3, axis=3).astype(np.uint8)


def settings_of(name: str) -> TrackingSettings:
    settings = override_tracking(os.environ.get("SOMTOM_TEST_TRACKING", "").splitlines())
    return replace(settings, tracker=name)


@EVERY_TRACKER
def test_info_names_the_tracker(name: str) -> None:
    info = make_tracker(settings_of(name)).info

    assert info.name == name if name in TRACKERS else info.name
    assert info.version
    assert info.licence
    assert info.max_frames == 0 or info.max_frames >= 2


@EVERY_TRACKER
@pytest.mark.parametrize("shift", [(2, 0), (-1, 3), (0, 0)])
def test_a_shifted_picture_gives_tracks_with_that_shift(name: str, shift: tuple[int, int]) -> None:
    frames = panned(6, shift)
    queries = grid_queries(128, 96, 5)

    tracks = track_clip(make_tracker(settings_of(name)), frames, queries, settings_of(name))

    expected = queries[None, :, 1:] + np.arange(6)[:, None, None] * np.array(shift)
    inside = ((expected > 8) & (expected < np.array([119, 87]))).all(axis=2)
    assert np.abs(tracks.xy - expected)[inside].max() < 0.3
    assert tracks.seen[inside].all()


@EVERY_TRACKER
def test_a_square_that_moves_3_px_a_frame_gives_that_track(name: str) -> None:
    frames = np.repeat(texture(120, 160, seed=2)[None], 8, axis=0)
    square = texture(40, 40, seed=3)
    for frame in range(8):
        frames[frame, 40:80, 30 + 3 * frame : 70 + 3 * frame] = square
    clip = np.repeat(frames[..., None], 3, axis=3).astype(np.uint8)
    queries = np.array([[0, 50, 60], [0, 130, 100], [0, 57, 52]], np.float32)

    tracks = track_clip(make_tracker(settings_of(name)), clip, queries, settings_of(name))

    steps = np.array([[3, 0], [0, 0], [3, 0]])
    expected = queries[None, :, 1:] + np.arange(8)[:, None, None] * steps
    assert np.abs(tracks.xy - expected).max() < 0.3
    assert tracks.seen.all()


@EVERY_TRACKER
def test_a_query_on_a_middle_frame_is_followed_both_ways(name: str) -> None:
    frames = panned(9, (3, 1))
    queries = np.array([[4, 60, 50], [8, 70, 40], [0, 55, 45]], np.float32)

    tracks = track_clip(make_tracker(settings_of(name)), frames, queries, settings_of(name))

    since = np.arange(9)[:, None] - queries[None, :, 0]
    expected = queries[None, :, 1:] + since[..., None] * np.array([3, 1])
    assert np.abs(tracks.xy - expected).max() < 0.3
    assert tracks.seen.all()


@EVERY_TRACKER
def test_every_point_stands_on_its_query_in_its_query_frame(name: str) -> None:
    queries = np.array([[2, 60.25, 50.5], [0, 10, 20], [4, -0.5, 95.5]], np.float32)

    tracks = track_clip(make_tracker(settings_of(name)), panned(5, (1, 1)), queries, settings_of(name))

    home = queries[:, 0].astype(int)
    assert np.array_equal(tracks.xy[home, [0, 1, 2]], queries[:, 1:])
    assert (tracks.visible[home, [0, 1, 2]] == 1).all()
    assert np.array_equal(tracks.queries, queries)


@EVERY_TRACKER
def test_probabilities_are_from_0_to_1_and_everything_is_float32(name: str) -> None:
    frames = panned(6, (9, -7))
    tracks = track_clip(make_tracker(settings_of(name)), frames, grid_queries(128, 96, 6), settings_of(name))

    for values in (tracks.visible, tracks.confidence):
        assert values.dtype == np.float32
        assert values.min() >= 0.0
        assert values.max() <= 1.0
    assert tracks.xy.dtype == np.float32
    assert np.isfinite(tracks.xy).all()


@EVERY_TRACKER
def test_no_points_and_one_frame_are_fine(name: str) -> None:
    tracker, settings = make_tracker(settings_of(name)), settings_of(name)

    nothing = track_clip(tracker, panned(5, (1, 0)), np.zeros((0, 3), np.float32), settings)
    one_frame = track_clip(tracker, panned(1, (1, 0)), grid_queries(128, 96, 3), settings)

    assert nothing.xy.shape == (5, 0, 2)
    assert np.array_equal(one_frame.xy[0], grid_queries(128, 96, 3)[:, 1:])
    assert (one_frame.visible == 1).all()


@EVERY_TRACKER
@pytest.mark.parametrize("level", [0, 200])
def test_frames_without_texture_give_no_confidence(name: str, level: int) -> None:
    frames = np.full((5, 96, 128, 3), level, np.uint8)

    tracks = track_clip(make_tracker(settings_of(name)), frames, grid_queries(128, 96, 4), settings_of(name))

    assert not tracks.confidence.any()


@EVERY_TRACKER
def test_a_clip_that_fades_to_black_loses_its_points(name: str) -> None:
    frames = panned(5, (1, 0))
    frames[3:] = 0

    tracks = track_clip(make_tracker(settings_of(name)), frames, grid_queries(128, 96, 4), settings_of(name))

    assert not tracks.seen[3:].any()
    assert (tracks.confidence[3:] < 0.5).all()


@EVERY_TRACKER
@pytest.mark.parametrize("size", [(2, 2), (1, 9), (13, 11), (16, 300), (33, 17), (40, 2)])
def test_tiny_and_thin_pictures_are_survived(name: str, size: tuple[int, int]) -> None:
    frames = np.random.Generator(np.random.PCG64(0)).integers(0, 255, (4, *size, 3), np.uint8)
    queries = grid_queries(size[1], size[0], 3)

    tracks = track_clip(make_tracker(settings_of(name)), frames, queries, settings_of(name))

    assert tracks.xy.shape == (4, 9, 2)


@EVERY_TRACKER
def test_the_same_clip_gives_the_same_tracks_twice(name: str) -> None:
    frames, queries = panned(6, (2, 1)), grid_queries(128, 96, 6)

    first = track_clip(make_tracker(settings_of(name)), frames, queries, settings_of(name))
    tracker = make_tracker(settings_of(name))
    track_clip(tracker, frames[::-1], queries, settings_of(name))
    second = track_clip(tracker, frames, queries, settings_of(name))

    assert first.xy.tobytes() == second.xy.tobytes()
    assert first.visible.tobytes() == second.visible.tobytes()
    assert first.confidence.tobytes() == second.confidence.tobytes()


@EVERY_TRACKER
def test_frames_larger_than_the_working_size_give_positions_in_their_own_pixels(name: str) -> None:
    frames = panned(5, (4, 2), height=192, width=256)
    queries = grid_queries(256, 192, 5)
    settings = replace(settings_of(name), short_side=96)

    tracks = track_clip(make_tracker(settings), frames, queries, settings)

    expected = queries[None, :, 1:] + np.arange(5)[:, None, None] * np.array([4, 2])
    inside = ((expected > 12) & (expected < np.array([243, 179]))).all(axis=2)
    assert np.abs(tracks.xy - expected)[inside].max() < 0.6


@EVERY_TRACKER
def test_a_point_that_was_hidden_is_found_again_and_said_to_be_hidden_meanwhile(name: str) -> None:
    # A square passes behind a post 30 pixels wide: hidden in frames 4 to 8.
    frames = np.repeat(texture(120, 200, seed=2)[None], 14, axis=0)
    square, post = texture(60, 60, seed=3), texture(120, 30, seed=5)
    for frame in range(14):
        left = 20 + 8 * frame
        frames[frame, 30:90, left : left + 60] = square
        frames[frame, :, 85:115] = post
    clip = np.repeat(frames[..., None], 3, axis=3).astype(np.uint8)
    x, y = np.meshgrid([30.0, 40, 50, 60, 70], [40.0, 50, 60, 70, 80])
    queries = np.column_stack([np.zeros(25), x.ravel(), y.ravel()]).astype(np.float32)

    tracks = track_clip(make_tracker(settings_of(name)), clip, queries, settings_of(name))

    expected = queries[None, :, 1:] + np.arange(14)[:, None, None] * np.array([8, 0])
    behind = (expected[..., 0] > 88) & (expected[..., 0] < 111)
    clear = (expected[..., 0] < 76) | (expected[..., 0] > 123)
    assert tracks.seen[behind].mean() < 0.05
    assert tracks.seen[clear].mean() > 0.95
    assert np.abs(tracks.xy - expected)[clear & tracks.seen].max() < 0.5


@pytest.mark.parametrize("name", ["dis", "lk"])
def test_round_trips_miss_little_on_a_pan_and_much_where_nothing_lasts(name: str) -> None:
    pan = panned(8, (2, 1))
    noise = np.random.default_rng(0).integers(0, 255, pan.shape, dtype=np.uint8)
    queries = grid_queries(128, 96, 6)

    easy, hard = (
        track_clip(make_tracker(settings_of(name)), frames, queries, settings_of(name)).round_trip
        for frames in (pan, noise)
    )

    assert (easy[0] == -1).all()
    assert (easy >= 0).mean() > 0.7
    assert easy[easy >= 0].mean() < 0.1
    assert hard[hard >= 0].mean() > 1.0


@pytest.mark.parametrize("name", ["dis", "lk"])
def test_what_round_trips_miss_is_in_pixels_of_the_clip(name: str) -> None:
    small = panned(3, (2, 1))
    large = np.repeat(np.repeat(small, 2, axis=1), 2, axis=2)  # at the working size it is the small one again
    settings = replace(settings_of(name), short_side=96)

    of_small = track_clip(make_tracker(settings), small, grid_queries(128, 96, 4), settings)
    of_large = track_clip(make_tracker(settings), large, grid_queries(256, 192, 4), settings)

    known = of_small.round_trip >= 0
    assert np.allclose(2 * of_small.round_trip[known], of_large.round_trip[known], atol=1e-3)


def test_more_points_than_go_at_once_are_tracked() -> None:
    settings, frames = TrackingSettings(tracker="lk"), panned(3, (1, 0))
    queries = grid_queries(128, 96, 40)

    tracks = track_clip(make_tracker(settings), frames, queries, settings)

    assert len(queries) > POINTS_AT_ONCE
    assert np.median(np.abs(tracks.xy[2] - queries[:, 1:] - [2, 0])) < 0.05


def test_an_own_tracker_is_loaded_by_module_and_class() -> None:
    own = make_tracker(TrackingSettings(tracker="somtom.tracking.lk:LkTracker"))

    assert own.info.name == "lk"


@EVERY_TRACKER
def test_accuracy_on_a_video_with_truth(name: str, test_data: Path) -> None:
    # docs/tracking.md has the figures; these are a few points lower.
    with av.open(test_data / "tracking_truth" / "pan.mp4") as video:
        frames = np.stack([frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)])
    with np.load(test_data / "tracking_truth" / "pan.npz") as truth:
        queries, xy, visible = truth["queries"], truth["tracks"], truth["visible"]

    tracks = track_clip(make_tracker(settings_of(name)), frames, queries, settings_of(name))

    scores = tap_vid_scores(queries, xy, visible, tracks.xy, tracks.seen, 512, 384)
    assert scores.average_jaccard > 0.77
    assert scores.delta_avg > 0.87
    assert scores.occlusion_accuracy > 0.86


def test_an_unknown_tracker_names_the_nearest_known_one() -> None:
    with pytest.raises(ValueError, match="did you mean 'dis'"):
        make_tracker(TrackingSettings(tracker="diss"))


def test_an_own_tracker_that_cannot_be_loaded_is_an_error() -> None:
    with pytest.raises(ValueError, match="nowhere"):
        make_tracker(TrackingSettings(tracker="nowhere.at_all:Tracker"))


def test_queries_outside_the_clip_are_an_error() -> None:
    settings = TrackingSettings()
    with pytest.raises(ValueError, match="frames 0 to 2"):
        track_clip(make_tracker(settings), panned(3, (0, 0)), np.float32([[3, 1, 1]]), settings)


@given(st.integers(2, 3000), st.integers(2, 3000), st.integers(2, 600))
def test_positions_survive_the_way_to_the_working_size_and_back(width: int, height: int, side: int) -> None:
    factor = min(1.0, side / min(width, height))
    scale = np.array([max(1, round(width * factor)) / width, max(1, round(height * factor)) / height])
    xy = np.array([[-0.5, -0.5], [0, 0], [width - 0.5, height - 0.5], [width / 3, height / 7]], np.float32)

    there = map_points(xy, scale)

    assert np.allclose(map_points(there, 1 / scale), xy, atol=1e-3)
    assert np.allclose(there[0], -0.5)
    assert np.allclose(there[2], scale * [width, height] - 0.5, atol=1e-3)


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 64))
def test_pictures_are_scaled_down_never_up(width: int, height: int, side: int) -> None:
    frames = np.full((2, height, width, 3), 7, np.uint8)

    working = resize_frames(frames, side)

    assert min(working.shape[1:3]) == min(width, height, side)
    assert (working == 7).all()


class PanSession:
    """Follows a pan of (1, 2) pixels a frame, whatever is in the picture."""

    def __init__(self, length: int, direction: int) -> None:
        self.length, self.direction = length, direction

    def track(self, queries: NDArray[np.float32]) -> Tracks:
        since = np.arange(self.length)[:, None] - queries[None, :, 0]
        xy = queries[None, :, 1:] + self.direction * since[..., None] * np.float32([1, 2])
        shape = (self.length, len(queries))
        missed = np.where(since == 0, -1.0, 0.5).astype(np.float32)
        sure = np.ones(shape, np.float32)
        return Tracks(queries, xy.astype(np.float32), sure, sure, missed)


class ShortTracker:
    """Takes 8 frames at once; tells a reversed clip by its first pixels."""

    info = TrackerInfo(name="short", version="1", licence="Apache-2.0", max_frames=8)

    def open(self, frames: NDArray[np.uint8]) -> PanSession:
        assert 2 <= len(frames) <= 8
        direction = 1 if frames[0, 0, 0, 0] < frames[1, 0, 0, 0] else -1
        return PanSession(len(frames), direction)


@given(st.integers(2, 60), st.lists(st.integers(0, 59), min_size=1, max_size=5))
def test_a_long_clip_is_tracked_in_chunks_without_a_seam(length: int, homes: list[int]) -> None:
    frames = np.zeros((length, 4, 4, 3), np.uint8)
    frames[:, 0, 0, 0] = np.arange(length)
    queries = np.float32([[home % length, 1, 2] for home in homes])

    tracks = track_clip(ShortTracker(), frames, queries, TrackingSettings())

    since = np.arange(length)[:, None] - queries[None, :, 0]
    assert np.allclose(tracks.xy, queries[None, :, 1:] + since[..., None] * np.float32([1, 2]), atol=1e-3)
    assert (tracks.visible == 1).all()
    assert np.array_equal(tracks.round_trip, np.where(since == 0, -1, 0.5).astype(np.float32))
