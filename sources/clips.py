"""Which frames make a clip: times and shots in, tuples of frame numbers out.

    shot   |f f f f f f f f f f f f f f f f f f f f f f|   frames at their true times
    clips   0   1   2   3 | 0   1   2   3 | 0   1   2   3  nominal times, a step apart

The frame nearest to each nominal time is taken. A clip is `steps + 1` frames; the next one starts one step
after the last frame of the one before (with overlap: that share of a clip earlier), so that clips share no
frame unless asked to.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from somtom.schemas.settings import ClipSettings

# Sampled frames further apart than this many steps have a gap between them. Nearest frames of a regular video
# are up to two steps apart (when the step is just above the frame interval), counted frames are one apart.
WIDEST_TIMED_STEP = 2.001
WIDEST_COUNTED_STEP = 1.5


@dataclass(frozen=True)
class Clips:
    """The clips of a video, each a tuple of `steps + 1` rising frame numbers.

    `step_s` is the nominal time between their frames in seconds; `gaps` counts the windows that were moved
    because frames were missing in them.
    """

    frames: tuple[tuple[int, ...], ...]
    step_s: float
    gaps: int


@dataclass(frozen=True)
class Sampling:
    """How a video's frames are picked: every `stride`-th one, or by time where that is 0."""

    stride: int
    step_s: float
    interval_s: float


def frame_interval(times_s: NDArray[np.float64]) -> float:
    """Usual time between frames in seconds; 0.0 for less than two frames.

    It is the mean of those within half of the median: gaps and backward jumps do not count, and containers
    that round times to milliseconds do not bias it.
    """
    steps = np.diff(times_s)
    forward = steps[steps > 0]
    if not forward.size:
        return 0.0
    median = float(np.quantile(forward, 0.5, method="lower"))
    return float(forward[np.abs(forward - median) <= median / 2].mean())


def sampling_of(interval_s: float, settings: ClipSettings) -> Sampling:
    """Choose how to pick frames: by count if asked for, or where the video is slower than the step asked for.

    >>> sampling_of(0.04, ClipSettings(step_s=0.1))
    Sampling(stride=0, step_s=0.1, interval_s=0.04)
    >>> sampling_of(0.2, ClipSettings(step_s=0.1))
    Sampling(stride=1, step_s=0.2, interval_s=0.2)
    """
    stride = settings.stride if settings.stride > 0 else int(interval_s >= settings.step_s)
    return Sampling(stride, stride * interval_s if stride else settings.step_s, interval_s)


def cut_clips(
    times_s: NDArray[np.float64], shots: Sequence[tuple[int, int]], interval_s: float, settings: ClipSettings
) -> Clips:
    """Lay clips into shots; none crosses a cut, repeats a frame or bridges a gap.

    Args:
        times_s: (N,) seconds, rising within each shot.
        shots: first frame, and the one after the last.
        interval_s: `frame_interval` of the video.
        settings: how long a clip is, and how many there may be.
    """
    sampling = sampling_of(interval_s, settings)
    found: list[tuple[int, ...]] = []
    gaps = 0
    for first, end in shots:
        at = 0
        times = times_s[first:end]
        while (window := _window(times, at, sampling, settings.steps)) is not None:
            restart = _behind_gap(times, window, sampling)
            if restart:
                gaps += 1
                at = max(restart, at + 1)
            else:
                found.append(tuple(int(frame) + first for frame in window))
                at = _next_start(times, window, sampling, settings)
    return Clips(_spread(found, settings.max_per_video), sampling.step_s, gaps)


def history_frames(
    times_s: NDArray[np.float64], frame: int, first: int, settings: ClipSettings
) -> tuple[int, ...]:
    """Find the earlier frames that come along with a clip, oldest first: `history_step_s` apart, or nearly.

    Fewer than `history` are given where the shot (from frame `first` on) does not reach so far back.

    >>> history_frames(np.arange(9) * 0.1, 5, 1, ClipSettings(history=3, history_step_s=0.2))
    (1, 3)
    """
    found: list[int] = []
    times = times_s[first : frame + 1]
    slack = frame_interval(times) / 2
    for number in range(1, settings.history + 1):
        wanted_s = times_s[frame] - number * settings.history_step_s
        if wanted_s < times[0] - slack:
            break
        nearest = first + int(_nearest(times, np.array([wanted_s]))[0])
        newer = found[-1] if found else frame
        if min(nearest, newer - 1) < first:
            break
        found.append(min(nearest, newer - 1))
    return tuple(reversed(found))


def _nearest(times: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.intp]:
    """Index of the time nearest to each wanted one, the earlier of two that are equally near."""
    right = np.clip(np.searchsorted(times, wanted), 1, max(len(times) - 1, 1))
    right = np.minimum(right, len(times) - 1)
    left = np.maximum(right - 1, 0)
    return np.where(wanted - times[left] <= times[right] - wanted, left, right)


def _window(times: NDArray[np.float64], at: int, sampling: Sampling, steps: int) -> NDArray[np.intp] | None:
    """Frames of the clip that starts at frame `at` of a shot; None where the shot ends before it does."""
    if at >= len(times):
        return None
    if sampling.stride:
        counted = at + sampling.stride * np.arange(steps + 1)
        return counted if counted[-1] < len(times) else None
    wanted = times[at] + sampling.step_s * np.arange(steps + 1)
    # Half an interval of slack: the last frame is still the nearest one.
    if wanted[-1] > times[-1] + sampling.interval_s / 2:
        return None
    return _nearest(times, wanted)


def _behind_gap(times: NDArray[np.float64], window: NDArray[np.intp], sampling: Sampling) -> int:
    """First frame of the window behind its first gap, 0 where it has none."""
    widest = (WIDEST_COUNTED_STEP if sampling.stride else WIDEST_TIMED_STEP) * sampling.step_s
    bad = np.flatnonzero((np.diff(window) <= 0) | (np.diff(times[window]) > widest))
    return int(window[bad[0] + 1]) or 1 if bad.size else 0


def _next_start(
    times: NDArray[np.float64], window: NDArray[np.intp], sampling: Sampling, settings: ClipSettings
) -> int:
    """Frame where the clip after `window` starts; the number of frames where there is none."""
    first, last = int(window[0]), int(window[-1])
    share = len(window) * (1.0 - settings.overlap)
    if sampling.stride:
        return first + max(1, round(sampling.stride * share))
    start_s = times[first] + sampling.step_s * share
    if start_s > times[-1] + sampling.interval_s / 2:
        return len(times)
    earliest = first + 1 if settings.overlap > 0 else last + 1
    return max(earliest, int(_nearest(times, np.array([start_s]))[0]))


def _spread(clips: list[tuple[int, ...]], most: int) -> tuple[tuple[int, ...], ...]:
    """Keep at most `most` clips, evenly spread: the middle one of each of `most` equal parts."""
    if most <= 0 or len(clips) <= most:
        return tuple(clips)
    return tuple(clips[(2 * part + 1) * len(clips) // (2 * most)] for part in range(most))
