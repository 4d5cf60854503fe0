"""What sources of robot episodes share: an item is an episode, read in one pass for all its clips."""

import math
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from somtom.schemas.action_stats import ActionStats
from somtom.schemas.annotation import Annotation, PastStep, RobotStep
from somtom.schemas.clips import Clip
from somtom.schemas.keys import sample_key
from somtom.schemas.reasons import DataError, Reject
from somtom.schemas.refs import Item, ItemFacts, Ref, Scan
from somtom.schemas.settings import ClipSettings, ShotSettings
from somtom.schemas.sketch import ActionSketch
from somtom.sources.clips import cut_clips, frame_interval, history_frames, sampling_of
from somtom.sources.pictures import check_size
from somtom.sources.source import DataSetSettings

STATISTICS = ("auto", "published", "measured")

# One decoded picture, (H, W, 3) uint8 RGB scaled to `clips.short_side`, and the input's width and height.
StepPicture = tuple[NDArray[np.uint8], tuple[int, int]]


@dataclass(kw_only=True)
class Episode(ABC):
    """One opened episode of T control steps.

    Args:
        times_s: (T,) float64, seconds, rising.
        actions: (T, D) float64 as stored, NaN included; (T - 1, D) where the last step has no action.
        action_names: D names.
        states: (T, S) float64; S = 0 where there are none.
        state_names: S names.
        instruction: what the robot is asked for, "" where nothing is said; see also `instruction_at`.
        fingerprint: tells whether the episode is still the same, and differs between episodes of one file.
        group: what shares a split, within the data set.
        cameras: those to be read: the first is marked, the others come along.
        warning: what is odd about an episode that can be used all the same, "" if nothing is.
    """

    times_s: NDArray[np.float64]
    actions: NDArray[np.float64]
    action_names: tuple[str, ...]
    states: NDArray[np.float64]
    state_names: tuple[str, ...]
    instruction: str
    fingerprint: str
    group: str
    cameras: tuple[str, ...]
    warning: str = ""

    def instruction_at(self, step: int) -> str:
        """What is asked for at a step, for episodes of several tasks."""
        return self.instruction

    @abstractmethod
    def pictures(
        self, camera: str, steps: Sequence[int], clips: ClipSettings
    ) -> Iterator[StepPicture | DataError]:
        """Decode what the camera shows at the steps, which rise, in one pass; one for each, in order.

        A step whose own picture is missing or damaged gives an error, and the next ones go on.

        Raises:
            DataError: the camera is missing, or nothing behind this step can be read.
        """


@dataclass(frozen=True)
class EpisodeSource(DataSetSettings, ABC):
    """A source of robot episodes; a kind lists its items and opens them."""

    kind: ClassVar[str]

    cameras: tuple[str, ...] = ()  # the first is marked, others come along; empty = as stored
    statistics: str = "auto"  # published | measured | auto (published where they fit): for the action's bins
    first_person: bool = False  # the marked camera is carried by the robot: its motion is always compensated

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.statistics not in STATISTICS:
            raise ValueError(f"statistics must be one of {', '.join(STATISTICS)}, got {self.statistics!r}")

    @abstractmethod
    def items(self, index: int) -> Iterator[Item]:
        """List the episodes; see `Source.items`."""

    @abstractmethod
    def open(self, uri: str, locator: str, payload: str) -> Episode:
        """Open an episode by what its `Item` holds, without decoding a picture.

        Raises:
            DataError: it is missing or malformed.
            OSError: the store failed.
        """

    def published_stats(self) -> ActionStats | None:
        """Statistics of the actions that the data set comes with; None where there are none to be used."""
        return None

    def scan(self, item: Item, shots: ShotSettings, clips: ClipSettings, run_length: int) -> Scan:
        """Lay clips over the episode's steps, and sum up its actions; see `Source.scan`."""
        facts = ItemFacts(uri=item.uri)
        try:
            episode = self.open(item.uri, item.locator, item.payload)
            _check(episode)
            times = episode.times_s
            interval = frame_interval(times)
            facts = replace(
                facts,
                fingerprint=episode.fingerprint,
                frames=len(times),
                duration_s=float(times[-1] - times[0]) + interval,
                fps=1.0 / interval if interval else 0.0,
                shots=1,
                warning=episode.warning,
            )
            cut = cut_clips(times, [(0, len(times))], interval, clips)
            if not cut.frames:
                raise _why_no_clips(times, interval, cut.gaps, clips)
        except DataError as error:
            return Scan(facts, reject=Reject(self.name, item.uri, "", "scan", error.reason, error.message))
        refs = tuple(
            self._ref(item, episode, facts, cut.step_s, position, frames, clips, run_length)
            for position, frames in enumerate(cut.frames)
        )
        sketch = ActionSketch(len(episode.action_names))
        sketch.add(episode.actions)
        return Scan(facts, refs=refs, actions=sketch, action_names=episode.action_names)

    def _ref(
        self,
        item: Item,
        episode: Episode,
        facts: ItemFacts,
        step_s: float,
        position: int,
        frames: tuple[int, ...],
        clips: ClipSettings,
        run_length: int,
    ) -> Ref:
        times = episode.times_s
        start_s = float(times[frames[0]])
        earlier = history_frames(times, frames[0], 0, clips)
        return Ref(
            key=sample_key(self.kind, self.name, item.uri, episode.cameras[0], start_s),
            source=item.source,
            kind=self.kind,
            dataset=self.name,
            uri=item.uri,
            locator=item.locator,
            fingerprint=facts.fingerprint,
            licence=self.licence,
            group=f"{self.name}/{episode.group}",
            run=position // run_length,
            position=position,
            start_s=start_s,
            end_s=float(times[frames[-1]]),
            step_s=step_s,
            fps=facts.fps,
            frames=(*earlier, *frames),
            first_person=self.first_person,
            instruction=episode.instruction_at(frames[0]),
            camera=episode.cameras[0],
            split=self.split,
            payload=item.payload,
            history=len(earlier),
            weight=self.weight,
        )

    def read(self, refs: Sequence[Ref], clips: ClipSettings) -> Iterator[tuple[Ref, Clip | DataError]]:
        """Decode each camera once for all clips of a run; see `Source.read`."""
        if not refs:
            return
        given = 0
        try:
            episode = self.open(refs[0].uri, refs[0].locator, refs[0].payload)
            if episode.fingerprint != refs[0].fingerprint:
                raise DataError("changed_input", f"{refs[0].uri} changed after it was planned: plan again")
            for ref, clip in _read_episode(refs, episode, clips):
                given += 1
                yield ref, clip
        except DataError as error:
            for ref in refs[given:]:
                yield ref, error


def _check(episode: Episode) -> None:
    """Hold an episode's arrays against each other.

    Raises:
        DataError: `bad_record`, `bad_action`, `bad_timestamps`, `missing_camera`.
    """
    steps = len(episode.times_s)
    if steps < 1:
        raise DataError("bad_record", "the episode has no steps")
    if not np.isfinite(episode.times_s).all() or (np.diff(episode.times_s) <= 0).any():
        raise DataError("bad_timestamps", "the steps' times do not rise")
    width = len(episode.action_names)
    if episode.actions.shape not in ((steps, width), (steps - 1, width)) or not width:
        raise DataError(
            "bad_action",
            f"actions are {episode.actions.shape} for {steps} steps and {len(episode.action_names)} names",
        )
    if episode.states.shape != (steps, len(episode.state_names)):
        raise DataError(
            "bad_record",
            f"states are {episode.states.shape} for {steps} steps and {len(episode.state_names)} names",
        )
    if not episode.cameras:
        raise DataError("missing_camera", "the episode has no camera")


def _why_no_clips(times: NDArray[np.float64], interval_s: float, gaps: int, clips: ClipSettings) -> DataError:
    step_s = sampling_of(interval_s, clips).step_s
    if gaps:
        return DataError(
            "frame_gap",
            f"{gaps} windows of {clips.steps} steps of {step_s:.4f} s have gaps in them: lower clips.steps",
        )
    return DataError(
        "too_short",
        f"the episode has {len(times)} steps over {times[-1] - times[0]:.2f} s; "
        f"a clip needs {clips.steps + 1} frames over {clips.steps * step_s:.2f} s",
    )


def _read_episode(
    refs: Sequence[Ref], episode: Episode, clips: ClipSettings
) -> Iterator[tuple[Ref, Clip | DataError]]:
    """Give the clips of a run in order, each camera decoded once, side by side."""
    wanted = [ref for ref in refs if max(ref.frames) < len(episode.times_s)]
    steps = sorted({step for ref in wanted for step in ref.frames})
    starts = [ref.frames[ref.history] for ref in wanted]
    first, *others = episode.cameras
    main = episode.pictures(first, steps, clips)
    beside = [_Beside(episode, camera, starts, clips) for camera in others[: clips.cameras]]
    held: dict[int, StepPicture | DataError] = {}
    due = deque(steps)
    for index, ref in enumerate(refs):
        if max(ref.frames) >= len(episode.times_s):
            yield ref, DataError("changed_input", f"{ref.uri} changed after it was planned: plan again")
            continue
        while due and due[0] <= max(ref.frames):
            held[due.popleft()] = next(main)
        seen_beside = [one.take() for one in beside]
        try:
            clip: Clip | DataError = _clip(ref, episode, held, seen_beside, clips)
        except DataError as error:
            clip = error
        yield ref, clip
        later = {step for rest in refs[index + 1 :] for step in rest.frames}
        held = {step: picture for step, picture in held.items() if step in later}


class _Beside:
    """A further camera: its pictures at the clips' first frames."""

    def __init__(self, episode: Episode, camera: str, starts: Sequence[int], clips: ClipSettings) -> None:
        self._starts = deque(starts)
        self._steps = deque(sorted(set(starts)))
        self._pictures = episode.pictures(camera, tuple(self._steps), clips)
        self._last: tuple[int, StepPicture | DataError] | None = None

    def take(self) -> StepPicture | DataError:
        """The picture at the next clip's first frame."""
        start = self._starts.popleft()
        while self._last is None or self._last[0] < start:
            self._last = (self._steps.popleft(), next(self._pictures))
        return self._last[1]


def _given(picture: StepPicture | DataError) -> StepPicture:
    if isinstance(picture, DataError):
        raise picture
    return picture


def _clip(
    ref: Ref,
    episode: Episode,
    held: dict[int, StepPicture | DataError],
    cameras: list[StepPicture | DataError],
    clips: ClipSettings,
) -> Clip:
    earlier, frames = ref.frames[: ref.history], ref.frames[ref.history :]
    pictures = [_given(held[step]) for step in frames]
    source_size = pictures[0][1]
    check_size(*source_size, clips)
    if any(picture.shape != pictures[0][0].shape for picture, _ in pictures):
        raise DataError("corrupt_frame", "the pictures' size changes within the clip")
    times = episode.times_s
    start_s = times[frames[0]]
    past = tuple(
        PastStep(float(times[step] - start_s), action=_finite(episode.actions[step])) for step in earlier
    )
    return Clip(
        frames=np.stack([picture for picture, _ in pictures]),
        times_s=times[list(frames)],
        source_width=source_size[0],
        source_height=source_size[1],
        history=tuple(_given(held[step])[0] for step in earlier),
        cameras=tuple(_given(one)[0] for one in cameras),
        annotation=Annotation(past=past, robot=_robot_step(episode, frames, clips)),
    )


def _finite(action: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(action.tolist()) if all(map(math.isfinite, action)) else ()


def _robot_step(episode: Episode, frames: Sequence[int], clips: ClipSettings) -> RobotStep:
    """Actions from the clip's first frame on, and how they behave over the clip.

    Raises:
        DataError: `bad_action`: one that the sample needs is not finite.
    """
    first, last = frames[0], frames[-1]
    chunk = episode.actions[first : first + clips.action_chunk]
    state = episode.states[first]
    for what, values in (("action", chunk), ("state", state)):
        if not np.isfinite(values).all():
            raise DataError("bad_action", f"an {what} at step {first} is not finite".replace("an s", "a s"))
    over = episode.actions[first : last + 1]
    changes = np.abs(np.diff(over[np.isfinite(over).all(axis=1)], axis=0))
    return RobotStep(
        actions=chunk,
        names=episode.action_names,
        state=state,
        state_names=episode.state_names,
        jumps=changes.max(axis=0) if len(changes) else np.zeros(len(episode.action_names)),
        frozen=float((changes == 0).all(axis=1).mean()) if len(changes) else 0.0,
    )
