"""How clips are laid into shots."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from somtom.schemas.settings import ClipSettings
from somtom.sources.clips import Clips, cut_clips, frame_interval, sampling_of


def cut(times: np.ndarray, settings: ClipSettings, shots: list[tuple[int, int]] | None = None) -> Clips:
    return cut_clips(times, shots or [(0, len(times))], frame_interval(times), settings)


def test_a_regular_video_is_cut_end_to_end_at_the_nearest_frames() -> None:
    clips = cut(np.arange(100) / 30, ClipSettings(steps=4, step_s=0.1))
    assert clips.frames[0] == (0, 3, 6, 9, 12)
    assert clips.frames[1] == (15, 18, 21, 24, 27)
    assert len(clips.frames) == 6  # the seventh would start at frame 90 and need frame 102
    assert clips.gaps == 0


def test_a_clip_may_end_on_the_last_frame() -> None:
    assert cut(np.arange(17) / 10, ClipSettings(steps=16, step_s=0.1)).frames == (tuple(range(17)),)
    assert cut(np.arange(16) / 10, ClipSettings(steps=16, step_s=0.1)).frames == ()


def test_a_slower_video_is_taken_frame_by_frame_and_says_so() -> None:
    clips = cut(np.arange(20) / 5, ClipSettings(steps=4, step_s=0.0667))
    assert clips.frames[:2] == ((0, 1, 2, 3, 4), (5, 6, 7, 8, 9))
    assert clips.step_s == pytest.approx(0.2)


def test_a_stride_counts_frames() -> None:
    clips = cut(np.arange(30) / 30, ClipSettings(steps=2, stride=3))
    assert clips.frames[:2] == ((0, 3, 6), (9, 12, 15))
    assert clips.step_s == pytest.approx(0.1)


def test_no_clip_crosses_a_cut() -> None:
    clips = cut(np.arange(40) / 10, ClipSettings(steps=4, step_s=0.1), [(0, 7), (7, 11), (11, 40)])
    assert clips.frames[:2] == ((0, 1, 2, 3, 4), (11, 12, 13, 14, 15))


@pytest.mark.parametrize("stride", [0, 1])
def test_a_gap_moves_the_window_behind_it(stride: int) -> None:
    times = np.concatenate((np.arange(10), 20 + np.arange(20))) / 30
    clips = cut(times, ClipSettings(steps=6, step_s=1 / 30, stride=stride))
    assert clips.gaps == 1
    assert [frames[0] for frames in clips.frames] == [0, 10, 17]


def test_overlap_repeats_a_share_of_the_clip() -> None:
    clips = cut(np.arange(40) / 10, ClipSettings(steps=9, step_s=0.1, overlap=0.5))
    assert [frames[0] for frames in clips.frames] == [0, 5, 10, 15, 20, 25, 30]


def test_at_most_so_many_clips_are_spread_over_the_video() -> None:
    clips = cut(np.arange(1000) / 10, ClipSettings(steps=9, step_s=0.1, max_per_video=2))
    assert [frames[0] for frames in clips.frames] == [250, 750]


def test_times_rounded_to_milliseconds_do_not_bias_the_rate() -> None:
    assert 1 / frame_interval(np.round(np.arange(300) / 29.97, 3)) == pytest.approx(29.97, abs=0.01)


def test_the_usual_interval_ignores_gaps_and_backward_jumps() -> None:
    assert frame_interval(np.array([0.0, 0.1, 0.2, 9.0, 9.1, 0.0, 0.1])) == pytest.approx(0.1)
    assert frame_interval(np.array([1.0])) == 0.0


@given(
    gaps=st.lists(st.integers(1, 9), min_size=1, max_size=120),
    steps=st.integers(2, 8),
    step_s=st.floats(0.01, 0.5),
    stride=st.integers(0, 3),
    overlap=st.sampled_from([0.0, 0.3, 0.9]),
    split=st.floats(0, 1),
)
def test_clips_stay_in_their_shot_rise_and_bridge_no_gap(
    gaps: list[int], steps: int, step_s: float, stride: int, overlap: float, split: float
) -> None:
    times = np.cumsum([0, *gaps]) / 50
    bound = round(split * len(times))
    shots = [shot for shot in ((0, bound), (bound, len(times))) if shot[0] < shot[1]]
    settings = ClipSettings(steps=steps, step_s=step_s, stride=stride, overlap=overlap)
    clips = cut(times, settings, shots)
    sampling = sampling_of(frame_interval(times), settings)
    assert clips.step_s == sampling.step_s
    for frames in clips.frames:
        assert len(frames) == steps + 1
        assert all(after > before for before, after in pairwise(frames))
        assert any(first <= frames[0] and frames[-1] < end for first, end in shots)
        assert np.diff(times[list(frames)]).max() <= 2.01 * clips.step_s
        if not sampling.stride:
            nominal = times[frames[0]] + clips.step_s * np.arange(steps + 1)
            assert np.abs(times[list(frames)] - nominal).max() <= clips.step_s
    starts = [frames[0] for frames in clips.frames]
    assert starts == sorted(set(starts))
    if overlap == 0:
        assert all(a[-1] < b[0] for a, b in pairwise(clips.frames))
