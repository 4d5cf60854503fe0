"""From a clip's stored tracks and clean picture to a sample: what moves, which traces get a number."""

import numpy as np

from somtom.marks.select import select_marks
from somtom.marks.text import write_conversations
from somtom.schemas.action_stats import ActionStats
from somtom.schemas.marks import Marks
from somtom.schemas.motion import Motion
from somtom.schemas.pictures import decode_jpeg
from somtom.schemas.record import Record, complete_record
from somtom.schemas.sample import Sample
from somtom.schemas.settings import BuildSettings
from somtom.schemas.tracks import TrackerInfo, Tracks
from somtom.schemas.tracks_table import StoredClip
from somtom.tracking.motion import estimate_motion
from somtom.transforms.draw_sample import draw_sample
from somtom.transforms.label_robot import label_robot
from somtom.transforms.records import extra_members, history_record, source_record


def tracks_of(clip: StoredClip) -> Tracks:
    """The tracks of a clip that has some; a bug if it has none."""
    if clip.tracks is None:
        raise ValueError(f"{clip.ref.key}: has no tracks")
    return clip.tracks


def judge_motion(clip: StoredClip, settings: BuildSettings) -> Motion:
    """Find out what moves in the clip."""
    ref, tracks = clip.ref, tracks_of(clip)
    return estimate_motion(
        tracks,
        clip.width,
        clip.height,
        ref.step_s / settings.clips.step_s,
        settings.motion,
        ref.first_person,
        ref.key,
    )


def label_clip(clip: StoredClip, settings: BuildSettings, stats: ActionStats | None = None) -> Sample:
    """Make the sample of a clip whose `clean_jpeg` is given.

    Args:
        stats: of the clip's data set, where it is a robot's.

    Raises:
        DataError: the clip is filtered: `no_texture`, `too_few_points`, or what `label_robot` raises.
    """
    ref, tracks = clip.ref, tracks_of(clip)
    motion = judge_motion(clip, settings)
    marks = select_marks(tracks, motion, clip.width, clip.height, settings.marks, ref.key)
    picture = decode_jpeg(clip.clean_jpeg)
    marked_jpeg, drawing = draw_sample(picture, marks.marks, settings)
    conversation = write_conversations(
        marks,
        clip.width,
        clip.height,
        ref.instruction,
        settings.text,
        ref.key,
        clip.annotation.past,
    )
    record = {
        "id": ref.key,
        "split": ref.split,
        "task": conversation.task,
        "instruction": ref.instruction,
        "history": history_record(clip),
        "conversations": conversation.turns,
        "marks": [vars(mark) for mark in marks.marks],
        "width": clip.width,
        "height": clip.height,
        "source": source_record(ref, picture),
        "motion": _motion(motion, conversation.clamped),
        "tracker": _tracker(clip.tracker) if clip.tracker else {},
        "quality": _quality(tracks, motion, marks) | drawing,
    }
    if clip.annotation.robot is not None:
        _add_robot(record, clip, settings, stats)
    return Sample(
        key=ref.key,
        record=complete_record(record),
        marked_jpeg=marked_jpeg,
        clean_jpeg=clip.clean_jpeg,
        traces=marks.traces,
        extra=extra_members(clip),
    )


def _add_robot(record: Record, clip: StoredClip, settings: BuildSettings, stats: ActionStats | None) -> None:
    """Turn the record of a clip into that of a robot's clip."""
    ref = clip.ref
    robot = label_robot(clip.annotation, stats, ref.instruction, settings, ref.key)
    record |= {
        "task": "robot",
        "history": history_record(clip, robot.past),
        "conversations": [*record["conversations"], *robot.turns],
        "action": robot.action,
        "state": robot.state,
        "quality": record["quality"] | robot.quality,
    }


def _motion(motion: Motion, clamped: int) -> Record:
    return {
        "camera_moved": motion.camera_moved,
        "homographies": motion.background_motion.ravel().tolist(),
        "inlier_ratio": motion.inlier_ratio.tolist(),
        "refused": int(motion.refused.sum()),
        "epsilon": motion.epsilon,
        "moving": int((motion.kept & motion.moving).sum()),
        "static": int((motion.kept & ~motion.moving).sum()),
        "dropped": int((~motion.kept).sum()),
        "clamped": clamped,
    }


def _tracker(info: TrackerInfo) -> Record:
    licences = [licence for licence in (info.licence, info.weights_licence) if licence]
    return {
        "name": info.name,
        "version": info.version,
        "weights_sha256": info.weights_sha256,
        "licence": " AND ".join(dict.fromkeys(licences)),
    }


def _quality(tracks: Tracks, motion: Motion, marks: Marks) -> Record:
    """Scores of the sample; means over its marks' traces, or over the clip's static points."""
    starts = np.array([(mark.x, mark.y) for mark in marks.marks], np.float32)
    distance = np.abs(motion.xy[0][None] - starts[:, None]).sum(axis=2)
    of_mark = distance.argmin(axis=1)  # each mark is one of the tracked points
    steps = tracks.round_trip[:, of_mark]
    static = motion.kept & ~motion.moving
    return {
        "visible_share": float(marks.traces[..., 2].mean()),
        "confidence": float(tracks.confidence[:, of_mark].mean()),
        "forward_backward_px": float(steps[steps >= 0].mean()) if (steps >= 0).any() else -1.0,
        "inlier_ratio": float(motion.inlier_ratio[1:].mean()) if len(motion.inlier_ratio) > 1 else 1.0,
        "residual_px": float(motion.displacement[static].mean()) if static.any() else -1.0,
        "epsilon_margin": float(np.abs(motion.displacement[of_mark] - motion.epsilon).min()),
    }
