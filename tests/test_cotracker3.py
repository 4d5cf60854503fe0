"""CoTracker3 with made-up weights: it must compute what the published model does, not track well."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from somtom.schemas.settings import TrackingSettings
from somtom.schemas.tracks import Tracks
from somtom.tracking.cotracker3 import CoTracker3
from somtom.tracking.grid import grid_queries
from somtom.tracking.trackers import make_tracker, track_clip

pytest.importorskip("torch", reason="torch is not installed: pip install 'somtom[cotracker]'")

HEIGHT, WIDTH = 64, 96  # of the pictures in these tests


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> TrackingSettings:
    """Settings for a model that is small in all but its weights.

    Few iterations: random weights make more and more of what was rounded otherwise.
    """
    from somtom.tracking.cotracker3_made_up import write_made_up_weights

    weights = write_made_up_weights(tmp_path_factory.mktemp("weights") / "made_up.pth")
    return TrackingSettings(
        tracker="cotracker3",
        weights=str(weights),
        accept_licence="CC-BY-NC-4.0",
        model_height=HEIGHT,
        model_width=WIDTH,
        iterations=2,
        device="cpu",
    )


@pytest.fixture(scope="module")
def tracker(small: TrackingSettings) -> CoTracker3:
    return CoTracker3(small)


def draw_clip(seed: int, length: int = 6, height: int = HEIGHT, width: int = WIDTH) -> NDArray[np.uint8]:
    """Coloured squares of 8 pixels that move 2 pixels a frame to the left."""
    draw = np.random.Generator(np.random.PCG64(seed))
    scene = draw.integers(0, 255, (height // 8 + 1, (width + 2 * length) // 8 + 1, 3), np.uint8)
    scene = scene.repeat(8, axis=0).repeat(8, axis=1)
    return np.stack([scene[:height, 2 * t : 2 * t + width] for t in range(length)])


def spread(one: Tracks, other: Tracks) -> tuple[float, float]:
    """The largest differences of positions, and of probabilities."""
    of_probabilities = max(
        np.abs(one.visible - other.visible).max(), np.abs(one.confidence - other.confidence).max()
    )
    return float(np.abs(one.xy - other.xy).max()), float(of_probabilities)


@pytest.mark.parametrize(("iterations", "pixels", "share"), [(1, 5e-5, 2e-6), (6, 1e-3, 2e-5)])
def test_it_computes_what_the_published_model_does(
    small: TrackingSettings, test_data: Path, iterations: int, pixels: float, share: float
) -> None:
    settings = replace(small, iterations=iterations, model_height=96, model_width=128)
    with np.load(test_data / "cotracker3_parity" / "vectors.npz") as vectors:
        video, queries = vectors["video"], vectors["queries"]
        wanted = Tracks(
            queries,
            *(vectors[f"{name}_iters{iterations}"] for name in ("coords", "visibility", "confidence")),
        )

    tracks = make_tracker(settings).open(video).track(queries)

    of_positions, of_probabilities = spread(tracks, wanted)
    assert (
        np.abs(wanted.xy - queries[:, 1:]).max() > 5
    )  # it moves them, so that there is something to compute
    assert of_positions <= pixels
    assert of_probabilities <= share


# What the authors' code computed with the same weights, run outside of this project: for frame 3 of
# `draw_clip(10)`, a row a query of `ASKED`: x, y, visible, confidence.
ASKED = np.float32([[0, 10, 12], [0, 60.5, 30.25], [2, 40, 50], [5, 80, 8]])
AFTER_1 = [
    [5.55264, 7.60644, 0.87018, 0.97807],
    [55.69190, 25.99869, 0.86671, 0.97747],
    [35.15071, 45.87580, 0.85699, 0.97765],
    [75.55568, 3.64684, 0.86524, 0.97237],
]
AFTER_3 = [
    [-3.31504, -0.48698, 0.98099, 0.99996],
    [45.92776, 18.08854, 0.98303, 0.99997],
    [25.34856, 38.37408, 0.97299, 0.99997],
    [66.32268, -4.25701, 0.97455, 0.99994],
]


@pytest.mark.parametrize(("iterations", "wanted", "pixels"), [(1, AFTER_1, 5e-5), (3, AFTER_3, 1e-3)])
def test_it_computes_what_the_published_model_did_on_a_drawn_clip(
    small: TrackingSettings, iterations: int, wanted: list[list[float]], pixels: float
) -> None:
    tracks = make_tracker(replace(small, iterations=iterations)).open(draw_clip(10)).track(ASKED)

    found = np.column_stack([tracks.xy[3], tracks.visible[3], tracks.confidence[3]])
    assert np.abs(found - wanted)[:, :2].max() <= pixels
    assert np.abs(found - wanted)[:, 2:].max() <= 2e-5


def test_clips_tracked_together_give_what_each_gives_alone(small: TrackingSettings) -> None:
    tracker = CoTracker3(replace(small, iterations=6))
    clips = [draw_clip(seed) for seed in range(4)]
    queries = [grid_queries(WIDTH, HEIGHT, 4) + np.float32([seed, seed, 0]) for seed in range(4)]

    together = tracker.open_batch(clips).track_batch(queries)

    for clip, asked, found in zip(clips, queries, together, strict=True):
        of_positions, of_probabilities = spread(found, tracker.open(clip).track(asked))
        assert of_positions <= 1e-4
        assert of_probabilities <= 1e-5


def test_clips_of_one_batch_may_differ_in_size_but_not_in_length(tracker: CoTracker3) -> None:
    clips = [draw_clip(0), draw_clip(1, height=48, width=160)]
    queries = [grid_queries(WIDTH, HEIGHT, 3), grid_queries(160, 48, 3)]

    together = tracker.open_batch(clips).track_batch(queries)

    assert spread(together[1], tracker.open(clips[1]).track(queries[1]))[0] <= 1e-4
    with pytest.raises(ValueError, match="equally long"):
        tracker.open_batch([draw_clip(0), draw_clip(0, length=5)])


@pytest.mark.parametrize("rows", [1, 7, 50, 100_000])
def test_what_is_worked_on_at_once_does_not_change_the_tracks(small: TrackingSettings, rows: int) -> None:
    clip, queries = draw_clip(3), grid_queries(WIDTH, HEIGHT, 4)
    usual = make_tracker(small).open(clip).track(queries)

    tracks = make_tracker(replace(small, rows_at_once=rows)).open(clip).track(queries)

    of_positions, of_probabilities = spread(tracks, usual)
    assert of_positions <= 1e-4
    assert of_probabilities <= 1e-5


def test_threads_may_share_a_tracker(tracker: CoTracker3) -> None:
    clips, queries = [draw_clip(seed) for seed in range(3)], grid_queries(WIDTH, HEIGHT, 4)
    alone = [tracker.open(clip).track(queries) for clip in clips]

    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(lambda clip: tracker.open(clip).track(queries), clips))

    assert all(spread(one, other) == (0, 0) for one, other in zip(alone, found, strict=True))


def test_one_session_serves_several_grids(tracker: CoTracker3) -> None:
    clip = draw_clip(4)
    grids = [
        grid_queries(WIDTH, HEIGHT, side) + np.float32([frame, 0, 0]) for side, frame in ((3, 0), (4, 5))
    ]

    session = tracker.open(clip)
    shared = [session.track(grid) for grid in grids]

    for grid, tracks in zip(grids, shared, strict=True):
        alone = tracker.open(clip).track(grid)
        assert tracks.xy.tobytes() == alone.xy.tobytes()
        assert tracks.visible.tobytes() == alone.visible.tobytes()


def test_bfloat16_stays_near(small: TrackingSettings) -> None:
    small = replace(small, iterations=1)
    clip, queries = draw_clip(5), grid_queries(WIDTH, HEIGHT, 5)
    exact = make_tracker(small).open(clip).track(queries)

    tracker = make_tracker(replace(small, precision="bfloat16"))
    tracks = tracker.open(clip).track(queries)

    assert tracker.info.version != make_tracker(small).info.version
    assert np.median(np.abs(tracks.xy - exact.xy)) < 0.1
    assert np.median(np.abs(tracks.visible - exact.visible)) < 0.02
    assert tracks.xy.dtype == tracks.visible.dtype == np.float32


def test_a_picture_of_another_size_is_resized_for_the_model_and_positions_come_back(
    small: TrackingSettings,
) -> None:
    # Twice as wide and high, placed so that corner pixels meet: the model sees the same picture.
    clip = draw_clip(6, length=3)
    enlarged = np.stack([_enlarge(frame) for frame in clip])
    queries = grid_queries(WIDTH, HEIGHT, 4)
    there = queries * np.float32([1, (2 * WIDTH - 2) / (WIDTH - 1), (2 * HEIGHT - 2) / (HEIGHT - 1)])
    tracker = make_tracker(replace(small, iterations=1))

    usual, other = tracker.open(clip).track(queries), tracker.open(enlarged).track(there)

    assert enlarged.shape[1:3] == (2 * HEIGHT - 1, 2 * WIDTH - 1)
    assert np.abs(other.xy / 2 - usual.xy).max() < 0.02


def _enlarge(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Interpolate so that (h, w) becomes (2 h - 1, 2 w - 1), every old pixel still there."""
    wide = frame.astype(np.float64)
    for _ in range(2):  # downwards, then, turned over, across
        filled = wide.repeat(2, axis=0)[:-1]
        filled[1::2] = (wide[:-1] + wide[1:]) / 2
        wide = filled.swapaxes(0, 1)
    return np.rint(wide).astype(np.uint8)


@pytest.mark.parametrize("size", [(2, 2), (1, 9), (13, 11), (16, 300)])
def test_tiny_and_thin_pictures_are_survived(tracker: CoTracker3, size: tuple[int, int]) -> None:
    frames = np.random.Generator(np.random.PCG64(0)).integers(0, 255, (2, *size, 3), np.uint8)
    queries = grid_queries(size[1], size[0], 3)

    tracks = track_clip(tracker, frames, queries, TrackingSettings())

    assert tracks.xy.shape == (2, 9, 2)


def test_no_points_one_frame_and_points_far_outside_are_fine(tracker: CoTracker3) -> None:
    clip, settings = draw_clip(7, length=3), TrackingSettings()

    nothing = track_clip(tracker, clip, np.zeros((0, 3), np.float32), settings)
    one_frame = track_clip(tracker, clip[:1], grid_queries(WIDTH, HEIGHT, 3), settings)
    outside = track_clip(tracker, clip, np.float32([[0, -1e9, 5], [2, 1e9, 1e9]]), settings)

    assert nothing.xy.shape == (3, 0, 2)
    assert np.array_equal(one_frame.xy[0], grid_queries(WIDTH, HEIGHT, 3)[:, 1:])
    assert np.isfinite(outside.xy).all()


def test_a_long_clip_is_tracked_in_chunks(small: TrackingSettings) -> None:
    settings = replace(small, chunk_frames=8, iterations=1)
    clip, queries = draw_clip(8, length=19), grid_queries(WIDTH, HEIGHT, 3) + np.float32([9, 0, 0])

    tracks = track_clip(make_tracker(settings), clip, queries, settings)

    assert tracks.xy.shape == (19, 9, 2)
    assert np.array_equal(tracks.xy[9], queries[:, 1:])


def test_as_many_frames_as_the_time_embedding_has_are_tracked(small: TrackingSettings) -> None:
    settings = replace(small, iterations=1)

    tracks = make_tracker(settings).open(draw_clip(9, length=60)).track(grid_queries(WIDTH, HEIGHT, 2))

    assert np.isfinite(tracks.xy).all()


def test_the_info_names_code_weights_and_licences(tracker: CoTracker3) -> None:
    assert (tracker.info.name, tracker.info.licence) == ("cotracker3", "Apache-2.0")
    assert tracker.info.weights_licence == "CC-BY-NC-4.0"
    assert len(tracker.info.weights_sha256) == 64
    assert tracker.info.max_frames == 60
