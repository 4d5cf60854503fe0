"""Which traces get a number."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from somtom.marks.draw import digit_height
from somtom.marks.select import most_marks, select_marks
from somtom.marks.sprites import label_size
from somtom.schemas.marks import Marks
from somtom.schemas.motion import Motion
from somtom.schemas.reasons import DataError
from somtom.schemas.settings import MarkSettings
from somtom.schemas.tracks import Tracks

WIDTH, HEIGHT, FRAMES = 320, 240, 9


def a_clip(
    moving: int, static: int, seed: int = 0, confidence: float = 1.0, hidden: float = 0.0
) -> tuple[Tracks, Motion]:
    """Points at random places; the first `moving` of them go 3 px a frame to the right."""
    random = np.random.default_rng(seed)
    count = moving + static
    start = random.uniform([20, 20], [WIDTH - 20, HEIGHT - 20], (count, 2))
    step = np.where(np.arange(count) < moving, 3.0, 0.0)
    paths = np.repeat(start[None], FRAMES, axis=0)
    paths[..., 0] += step * np.arange(FRAMES)[:, None]
    xy = paths.astype(np.float32)
    visible = (random.random((FRAMES, count)) >= hidden).astype(np.float32)
    visible[0] = 1
    sure = np.full((FRAMES, count), confidence, dtype=np.float32)
    queries = np.concatenate([np.zeros((count, 1)), start], axis=1).astype(np.float32)
    motion = Motion(
        camera_moved=False,
        background_motion=np.repeat(np.eye(3)[None], FRAMES, axis=0),
        inlier_ratio=np.ones(FRAMES),
        refused=np.zeros(FRAMES, dtype=bool),
        xy=xy,
        kept=visible.mean(axis=0) >= 0.5,
        displacement=step.astype(np.float32),
        moving=(step > 1) & (visible.mean(axis=0) >= 0.5),
        epsilon=1.0,
    )
    return Tracks(queries, xy, visible, sure), motion


def choose(tracks: Tracks, motion: Motion, key: str = "clip-1", **changes: float | int) -> Marks:
    return select_marks(tracks, motion, WIDTH, HEIGHT, MarkSettings(**changes), key)  # type: ignore[arg-type]


@settings(max_examples=40, deadline=None)
@given(
    moving=st.integers(0, 30),
    static=st.integers(0, 60),
    seed=st.integers(0, 1000),
    hidden=st.sampled_from([0.0, 0.2]),
)
def test_marks_are_numbered_from_1_and_each_starts_its_own_trace(
    moving: int, static: int, seed: int, hidden: float
) -> None:
    tracks, motion = a_clip(moving, static, seed, hidden=hidden)
    try:
        marks = choose(tracks, motion, f"clip-{seed}")
    except DataError as error:
        assert error.reason in ("too_few_points", "no_texture")
        usable_moving = int(motion.moving.sum())
        usable_static = int((motion.kept & ~motion.moving).sum())
        assert usable_static + (usable_moving if usable_moving >= 2 else 0) < 4
        return
    assert marks.traces.shape == (FRAMES, len(marks.marks), 3)
    assert marks.traces.dtype == np.float32
    assert set(np.unique(marks.traces[..., 2])) <= {0.0, 1.0}
    for index, mark in enumerate(marks.marks):
        assert mark.id == index + 1
        assert (mark.x, mark.y) == tuple(marks.traces[0, index, :2])
        travelled = marks.traces[-1, index, 0] - marks.traces[0, index, 0]
        assert mark.foreground == (travelled > 1)
    assert sum(mark.foreground for mark in marks.marks) <= 5
    assert sum(not mark.foreground for mark in marks.marks) <= 14


def test_the_counts_follow_the_settings() -> None:
    tracks, motion = a_clip(40, 150)
    marks = choose(tracks, motion, foreground_min=3, foreground_max=3, background_min=7, background_max=7)
    assert [mark.foreground for mark in marks.marks].count(True) == 3
    assert len(marks.marks) == 10


def test_moving_marks_can_be_switched_off() -> None:
    marks = choose(*a_clip(40, 150), foreground_min=0, foreground_max=0)
    assert marks.marks
    assert not any(mark.foreground for mark in marks.marks)


def test_without_background_marks_a_still_clip_is_refused() -> None:
    with pytest.raises(DataError, match="no background marks"):
        choose(*a_clip(0, 30), background_min=0, background_max=0)


def test_the_same_key_gives_the_same_marks_and_another_key_others() -> None:
    tracks, motion = a_clip(40, 150)
    first, again, other = (choose(tracks, motion, key) for key in ("a", "a", "b"))
    assert first.marks == again.marks
    assert first.traces.tobytes() == again.traces.tobytes()
    assert first.marks != other.marks


def test_numbers_say_nothing_of_motion() -> None:
    tracks, motion = a_clip(40, 150)
    ranks = []
    for key in range(60):
        marks = choose(tracks, motion, f"clip-{key}").marks
        ranks += [mark.id / (len(marks) + 1) for mark in marks if mark.foreground]
    assert 0.42 < np.mean(ranks) < 0.58


def test_marks_keep_their_distance_where_there_is_room() -> None:
    tracks, motion = a_clip(60, 150)
    for key in range(10):
        points = choose(tracks, motion, f"clip-{key}").traces[0, :, :2]
        gaps = np.linalg.norm(points[:, None] - points[None], axis=2)
        np.fill_diagonal(gaps, np.inf)
        assert gaps.min() >= 0.05 * HEIGHT


def test_when_nothing_moves_all_marks_are_background() -> None:
    marks = choose(*a_clip(0, 100))
    assert marks.marks
    assert not any(mark.foreground for mark in marks.marks)


def test_a_lone_moving_point_is_neither_traced_nor_called_static() -> None:
    tracks, motion = a_clip(1, 30)
    marks = choose(tracks, motion)
    assert not any(mark.foreground for mark in marks.marks)
    assert (marks.traces[-1, :, 0] - marks.traces[0, :, 0] == 0).all()


def test_an_untrusted_picture_is_refused_as_without_texture() -> None:
    with pytest.raises(DataError) as caught:
        choose(*a_clip(10, 50, confidence=0.01))
    assert caught.value.reason == "no_texture"


def test_no_points_at_all_are_refused() -> None:
    with pytest.raises(DataError):
        choose(*a_clip(0, 0))


def test_too_few_points_are_refused() -> None:
    with pytest.raises(DataError) as caught:
        choose(*a_clip(0, 3))
    assert caught.value.reason == "too_few_points"


def test_points_hidden_at_the_start_get_no_mark() -> None:
    tracks, motion = a_clip(0, 30)
    tracks.visible[0, :20] = 0
    allowed = {tuple(point) for point in motion.xy[0, 20:]}
    assert {(mark.x, mark.y) for mark in choose(tracks, motion).marks} <= allowed


def test_the_better_trusted_trace_of_a_cluster_is_taken() -> None:
    tracks, motion = a_clip(0, 2)
    tracks.confidence[:, 1] = 0.3
    (mark,) = choose(tracks, motion, min_points=1, background_min=1, background_max=1).marks
    assert (mark.x, mark.y) == tuple(motion.xy[0, 0])


def test_hidden_samples_of_a_trace_are_marked_so() -> None:
    tracks, motion = a_clip(0, 30)
    tracks.visible[4] = 0
    marks = choose(tracks, motion)
    assert (marks.traces[4, :, 2] == 0).all()
    assert (marks.traces[[0, 3, 5], :, 2] == 1).all()


@given(st.integers(16, 700), st.integers(16, 700), st.floats(0.0, 1.0))
def test_labels_may_cover_no_more_than_their_share(width: int, height: int, cover: float) -> None:
    label = label_size("8", digit_height(width, height, ()), "disc")

    marks = most_marks(width, height, cover)

    assert marks >= 2
    assert marks == 2 or marks * label[0] * label[1] <= cover * width * height
