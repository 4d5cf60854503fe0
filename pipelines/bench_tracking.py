"""How good the trackers and the moving/static split are, on videos whose truth is known."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from somtom.schemas.motion import Motion
from somtom.schemas.reasons import DataError
from somtom.schemas.settings import MotionSettings, TrackingSettings
from somtom.tracking.homography import apply_homographies
from somtom.tracking.motion import estimate_motion
from somtom.tracking.scores import MovingScores, TapVidScores, moving_scores, tap_vid_scores
from somtom.tracking.trackers import make_tracker, track_clip

CLIP_FRAMES = 17  # sampled frames of a clip: frame t and 16 more
UNDECIDED = 0.2  # of epsilon: points whose true speed is closer to epsilon than that do not count


@dataclass(frozen=True)
class TrackingRow:
    """One video and tracker.

    `tracks` scores the whole first shot; `moving` scores the split of one clip over the points that were
    kept, `moving_of_seen` over all that the truth shows in at least half of the clip (a dropped point counts
    as static); `kept` is the share of points kept.
    """

    clip: str
    tracker: str
    tracks: TapVidScores
    moving: MovingScores
    moving_of_seen: MovingScores
    kept: float


@dataclass(frozen=True)
class KnownVideo:
    """The first shot of a video with truth: frames (T, H, W, 3) and the truth of the points of frame 0."""

    name: str
    frames: NDArray[np.uint8]
    queries: NDArray[np.float32]
    tracks: NDArray[np.float32]
    visible: NDArray[np.bool_]
    background_motion: NDArray[np.float64]
    post: NDArray[np.bool_]


def truth_paths(folder: Path) -> list[tuple[Path, Path]]:
    """Pair the videos under `folder` with their truth: side by side, or as `somtom samples` lays them out.

    Raises:
        DataError: there is no video with truth.
    """
    videos = folder / "videos" if (folder / "truth").is_dir() else folder
    truth = folder / "truth" if (folder / "truth").is_dir() else folder
    pairs = [(video, truth / f"{video.stem}.npz") for video in sorted(videos.glob("*.mp4"))]
    pairs = [pair for pair in pairs if pair[1].is_file()]
    if not pairs:
        raise DataError(
            "missing", f"{folder} holds no NAME.mp4 with NAME.npz; `somtom samples DIR` writes some"
        )
    return pairs


def read_known_video(video: Path, truth: Path) -> KnownVideo:
    """Read the first shot of a video and its truth."""
    with np.load(truth) as stored:
        arrays = {name: stored[name] for name in stored.files}
    first = arrays["queries"][:, 0] == 0
    later = arrays["queries"][~first, 0]
    length = int(later.min()) if len(later) else len(arrays["tracks"])
    with av.open(str(video)) as container:
        shown = itertools.islice(container.decode(video=0), length)
        frames = np.stack([frame.to_ndarray(format="rgb24") for frame in shown])
    return KnownVideo(
        video.stem,
        frames,
        arrays["queries"][first],
        arrays["tracks"][:length, first],
        arrays["visible"][:length, first],
        arrays["background_motion"][:length].astype(np.float64),
        arrays.get("post", np.zeros(len(first), bool))[first],
    )


def true_speed(known: KnownVideo, chosen: NDArray[np.intp]) -> NDArray[np.float64]:
    """Average each point's step length (N,) over the chosen frames, without the camera's motion."""
    back = np.linalg.inv(known.background_motion[chosen]).astype(np.float64)
    steps = np.diff(apply_homographies(back, known.tracks[chosen]), axis=0)
    return np.asarray(np.linalg.norm(steps, axis=2).mean(axis=0))


def score_motion(
    known: KnownVideo, motion: Motion, chosen: NDArray[np.intp]
) -> tuple[MovingScores, MovingScores]:
    """Score the split of a clip made of the chosen frames: over the kept points, and over all seen ones."""
    speed = true_speed(known, chosen)
    unclear = known.post | (np.abs(speed - motion.epsilon) <= UNDECIDED * motion.epsilon)
    unseen = known.visible[chosen].mean(axis=0) < 0.5
    truth = speed > motion.epsilon
    return (
        moving_scores(motion.moving, truth, unclear | ~motion.kept),
        moving_scores(motion.moving, truth, unclear | unseen),
    )


def bench_video(known: KnownVideo, settings: TrackingSettings, frame_step: int) -> TrackingRow:
    """Track a video and judge its first clip."""
    tracker = make_tracker(settings)
    height, width = known.frames.shape[1:3]
    tracks = track_clip(tracker, known.frames, known.queries, settings)
    scores = tap_vid_scores(known.queries, known.tracks, known.visible, tracks.xy, tracks.seen, width, height)
    chosen = np.arange(0, len(known.frames), frame_step)[:CLIP_FRAMES]
    clip = track_clip(tracker, known.frames[chosen], known.queries, settings)
    motion = estimate_motion(clip, width, height, 1.0, MotionSettings(), False, known.name)
    moving, moving_of_seen = score_motion(known, motion, chosen)
    return TrackingRow(
        known.name,
        settings.tracker,
        scores,
        moving,
        moving_of_seen,
        float(motion.kept.mean()),
    )


def bench_tracking(
    folder: Path, trackers: Sequence[TrackingSettings], frame_step: int = 1
) -> list[TrackingRow]:
    """Score every tracker on every video with truth under `folder`.

    `frame_step` frames make a sampled step of the clip that the moving/static split is judged on; epsilon is
    the default one, per sampled step. Videos with several shots are scored on the first.

    Raises:
        DataError: there is no video with truth.
    """
    rows = []
    for video, truth in truth_paths(folder):
        known = read_known_video(video, truth)
        rows += [bench_video(known, settings, frame_step) for settings in trackers]
    return rows


def format_rows(rows: Sequence[TrackingRow]) -> str:
    """Lay the rows out as a Markdown table, with each tracker's mean at the end; shares in percent."""
    lines = [
        "| video | tracker | delta_avg | OA | AJ | kept | precision | recall | F1 | F1 of seen |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    named = [(row.clip, row.tracker, _figures(row)) for row in rows]
    for tracker in dict.fromkeys(row.tracker for row in rows):
        figures = [_figures(row) for row in rows if row.tracker == tracker]
        named.append(("mean", tracker, np.mean(figures, axis=0)))
    return "\n".join(
        [
            *lines,
            *(
                f"| {clip} | {tracker} | " + " | ".join(f"{v:.1f}" for v in values) + " |"
                for clip, tracker, values in named
            ),
        ]
    )


def _figures(row: TrackingRow) -> NDArray[np.float64]:
    """Return a row's figures in the order of the table's columns."""
    shares = [row.tracks.delta_avg, row.tracks.occlusion_accuracy, row.tracks.average_jaccard]
    split = [row.kept, row.moving.precision, row.moving.recall, row.moving.f1, row.moving_of_seen.f1]
    return 100 * np.array([*shares, *split])
