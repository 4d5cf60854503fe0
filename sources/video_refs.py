"""From the timeline of a video, or of a stretch of one, to the refs of its clips."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from somtom.schemas.keys import sample_key
from somtom.schemas.reasons import DataError
from somtom.schemas.refs import Item, ItemFacts, Ref
from somtom.schemas.settings import ClipSettings, ShotSettings
from somtom.sources.clips import Clips, cut_clips, frame_interval, history_frames, sampling_of
from somtom.sources.pictures import VideoInfo, check_size
from somtom.sources.timeline import Shot, Timeline

HOPELESS_JUMPS = 0.1  # share of frames at which the clock jumps back that makes a file without clips unusable


@dataclass(frozen=True)
class Origin:
    """What all refs of one input have in common; see `Ref`."""

    kind: str
    dataset: str
    licence: str
    group: str
    split: str
    first_person: bool
    instruction: str
    weight: float = 1.0


def learn(facts: ItemFacts, timeline: Timeline, info: VideoInfo) -> ItemFacts:
    """Add what the timeline shows to the facts.

    Raises:
        DataError: `undecodable` or `bad_timestamps`: no usable frame came out.
    """
    if not len(timeline.pts):
        if timeline.timeless:
            raise DataError(
                "bad_timestamps",
                f"none of {timeline.timeless} frames has a time: remux the file with a frame rate"
                " (ffmpeg -r 30 -i in -c copy out.mp4)",
            )
        raise DataError(
            "undecodable",
            f"no frame of the {info.codec} stream could be decoded ({timeline.damaged} damaged,"
            f" {timeline.errors} failed packets): it is damaged or encrypted, fetch it again",
        )
    times = timeline.times_s(info.time_base)
    interval_s = frame_interval(times)
    odd = {
        "packets could not be decoded": timeline.errors,
        "damaged frames were left out": timeline.damaged,
        "frames without a time were left out": timeline.timeless,
        "backward jumps of the clock": timeline.parts - 1,
    }
    steps = np.diff(times)
    return replace(
        facts,
        width=timeline.shots[0].width,
        height=timeline.shots[0].height,
        frames=len(times),
        duration_s=float(steps[steps > 0].sum()) + interval_s,
        fps=1.0 / interval_s if interval_s else 0.0,
        rotation=timeline.rotation,
        shots=len(timeline.shots),
        warning="; ".join(f"{count} {what}" for what, count in odd.items() if count),
    )


def lay_clips(timeline: Timeline, info: VideoInfo, shots: ShotSettings, clips: ClipSettings) -> Clips:
    """Lay clips into the shots that are long and large enough.

    Raises:
        DataError: why there is none: `too_short`, `frame_gap`, `bad_timestamps`, or what `check_size` raises.
    """
    times = timeline.times_s(info.time_base)
    interval = frame_interval(times)
    usable = [shot for shot in timeline.shots if _is_usable(shot, times, shots, clips)]
    cut = cut_clips(times, [(shot.first, shot.end) for shot in usable], interval, clips)
    if not cut.frames:
        raise _why_no_clips(timeline, times, interval, cut.gaps, clips)
    return cut


def make_refs(
    item: Item,
    facts: ItemFacts,
    origin: Origin,
    timeline: Timeline,
    info: VideoInfo,
    cut: Clips,
    clips: ClipSettings,
    run_length: int,
) -> Iterator[Ref]:
    """Make the refs of an item's clips; `reading.read_clips` reads them."""
    times = timeline.times_s(info.time_base)
    starts = np.array([shot.first for shot in timeline.shots])
    for position, frames in enumerate(cut.frames):
        shot = timeline.shots[int(np.searchsorted(starts, frames[0], side="right")) - 1]
        start_s, end_s = float(times[frames[0]]), float(times[frames[-1]])
        earlier = history_frames(times, frames[0], shot.first, clips)
        # A clock that jumps back gives times twice: the part keeps the keys apart.
        camera = f"part{shot.part}" if shot.part else ""
        yield Ref(
            key=sample_key(origin.kind, origin.dataset, item.uri, camera, start_s),
            source=item.source,
            kind=origin.kind,
            dataset=origin.dataset,
            uri=item.uri,
            locator=item.locator,
            fingerprint=facts.fingerprint,
            licence=origin.licence,
            group=origin.group,
            run=position // run_length,
            position=position,
            start_s=start_s,
            end_s=end_s,
            step_s=cut.step_s,
            fps=facts.fps,
            frames=tuple(int(timeline.pts[frame]) for frame in (*earlier, *frames)),
            history=len(earlier),
            first_person=origin.first_person,
            instruction=origin.instruction,
            split=origin.split,
            weight=origin.weight,
            payload=json.dumps(
                {
                    "stream": info.stream,
                    "time_base": [info.time_base.numerator, info.time_base.denominator],
                    "part": shot.part,
                    "parts": timeline.parts,
                }
            ),
        )


def _is_usable(shot: Shot, times: NDArray[np.float64], shots: ShotSettings, clips: ClipSettings) -> bool:
    """Whether a shot is long and large enough for clips."""
    try:
        check_size(shot.width, shot.height, clips)
    except DataError:
        return False
    return (
        shot.end - shot.first == len(times) or times[shot.end - 1] - times[shot.first] >= shots.min_length_s
    )


def _why_no_clips(
    timeline: Timeline, times: NDArray[np.float64], interval_s: float, gaps: int, clips: ClipSettings
) -> DataError:
    """Name the reason why a video gave no clip."""
    try:
        for shot in timeline.shots:
            check_size(shot.width, shot.height, clips)
    except DataError as error:
        return error
    frames = len(times)
    if frames > clips.steps and timeline.parts - 1 > HOPELESS_JUMPS * frames:
        return DataError(
            "bad_timestamps",
            f"the clock jumps back {timeline.parts - 1} times in {frames} frames: remux the file",
        )
    step_s = sampling_of(interval_s, clips).step_s
    if gaps:
        return DataError(
            "frame_gap",
            f"{gaps} windows of {clips.steps} steps of {step_s:.4f} s have gaps in them: lower clips.steps",
        )
    longest = max(timeline.shots, key=lambda shot: float(times[shot.end - 1] - times[shot.first]))
    length_s = float(times[longest.end - 1] - times[longest.first])
    fitting = int(length_s / step_s + 1e-6) if step_s else 0
    cure = f"clips.steps = {fitting} would fit" if fitting >= 2 else "nothing can move in it"
    return DataError(
        "too_short",
        f"the longest of {len(timeline.shots)} shots has {longest.end - longest.first} frames over"
        f" {length_s:.2f} s; a clip needs {clips.steps + 1} frames over {clips.steps * step_s:.2f} s: {cure}",
    )
