from pathlib import Path

import numpy as np
import pytest

from somtom.tracking.scores import moving_scores, tap_vid_scores

CLIPS = ("slow", "pan", "fast", "rotzoom", "noisy", "lowtex")


def test_perfect_tracks_score_one() -> None:
    queries = np.array([[0, 5, 5], [1, 9, 9]], np.float32)
    xy = np.repeat(queries[None, :, 1:], 4, axis=0)
    visible = np.array([[1, 0], [1, 1], [0, 1], [1, 0]], bool)

    scores = tap_vid_scores(queries, xy, visible, xy, visible, 256, 256)

    assert (scores.delta_avg, scores.occlusion_accuracy, scores.average_jaccard) == (1.0, 1.0, 1.0)


def test_frames_up_to_the_query_frame_do_not_count() -> None:
    queries = np.array([[2, 5, 5]], np.float32)
    xy = np.full((4, 1, 2), 5, np.float32)
    wrong = xy.copy()
    wrong[:3] += 100.0
    visible = np.ones((4, 1), bool)

    scores = tap_vid_scores(queries, xy, visible, wrong, visible, 256, 256)

    assert scores.average_jaccard == 1.0


def test_each_axis_is_scaled_to_256() -> None:
    # 3 px along x of a 1024 px wide picture are 0.75 px: within 1. Along y, at height 256, they stay 3.
    queries = np.zeros((1, 3), np.float32)
    truth = np.zeros((2, 1, 2), np.float32)
    visible = np.ones((2, 1), bool)

    along_x = tap_vid_scores(queries, truth, visible, truth + np.float32([3, 0]), visible, 1024, 256)
    along_y = tap_vid_scores(queries, truth, visible, truth + np.float32([0, 3]), visible, 1024, 256)

    assert along_x.delta_avg == 1.0
    assert along_y.delta_avg == pytest.approx(3 / 5)


def test_a_claimed_point_far_away_counts_against_jaccard_twice() -> None:
    queries = np.zeros((2, 3), np.float32)
    truth = np.zeros((2, 2, 2), np.float32)
    found = truth.copy()
    found[1, 1] = 100.0
    visible = np.ones((2, 2), bool)

    scores = tap_vid_scores(queries, truth, visible, found, visible, 256, 256)

    assert scores.delta_avg == pytest.approx(1 / 2)
    assert scores.average_jaccard == pytest.approx(1 / 3)  # 1 hit of 2 true ones and 1 false claim


def test_no_motion_at_all_scores_as_known_on_the_truth_clips(test_data: Path) -> None:
    results = []
    for name in CLIPS:
        with np.load(test_data / "tracking_truth" / f"{name}.npz") as truth:
            queries, xy, visible = truth["queries"], truth["tracks"], truth["visible"]
        still = np.broadcast_to(queries[None, :, 1:], xy.shape)
        scores = tap_vid_scores(queries, xy, visible, still, np.ones_like(visible), 512, 384)
        results.append((scores.delta_avg, scores.occlusion_accuracy, scores.average_jaccard))

    assert np.allclose(100 * np.mean(results, axis=0), (29.8, 64.4, 13.5), atol=0.05)


def test_moving_scores_count_hits_and_leave_out_the_ignored() -> None:
    predicted = np.array([1, 1, 0, 0, 1], bool)
    truth = np.array([1, 0, 1, 0, 0], bool)
    ignored = np.array([0, 0, 0, 0, 1], bool)

    scores = moving_scores(predicted, truth, ignored)

    assert (scores.precision, scores.recall, scores.f1) == (0.5, 0.5, 0.5)
    assert moving_scores(predicted, truth, np.ones(5, bool)).f1 == 0.0
