"""Many clips from one decoding pass: pictures in, clips out as soon as they are whole."""

import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray

from somtom.schemas.annotation import Annotation, PastStep
from somtom.schemas.clips import Clip
from somtom.schemas.reasons import DataError
from somtom.schemas.refs import Ref
from somtom.schemas.settings import ClipSettings
from somtom.sources.fingerprint import fingerprint
from somtom.sources.pictures import Picture, Video, scaled_size
from somtom.sources.timeline import Parts

# Clips further apart than this are sought separately: decoding that many seconds costs more than seeking.
SEEK_GAP_S = 10.0


class _Assembly:
    """One clip while its frames arrive."""

    def __init__(self, ref: Ref) -> None:
        payload = json.loads(ref.payload)
        self.ref = ref
        self.wanted = deque((int(payload["part"]), pts) for pts in ref.frames)
        self.last = self.wanted[-1]
        self.seconds = np.array(ref.frames) * float(Fraction(*payload["time_base"]))
        self.frames: list[NDArray[np.uint8]] = []
        self.source_size = (0, 0)
        self.error: DataError | None = None

    def wants(self, place: tuple[int, int]) -> bool:
        """Whether the frame at `place` (part, pts) is this clip's next; a missed one fails the clip."""
        if self.error is None and self.wanted and self.wanted[0] < place:
            self.fail(
                "corrupt_frame", f"the frame at pts {self.wanted[0][1]} did not come out of the decoder"
            )
        return self.error is None and bool(self.wanted) and self.wanted[0] == place

    def take(self, rgb: NDArray[np.uint8], source_size: tuple[int, int]) -> None:
        """Add the next frame."""
        self.wanted.popleft()
        self.frames.append(rgb)
        self.source_size = source_size

    def fail(self, reason: str, message: str) -> None:
        """Give the clip up."""
        self.error = DataError(reason, f"{self.ref.uri}: {message}")
        self.frames.clear()

    def result(self) -> Clip | DataError:
        """The clip, or why there is none."""
        if self.error is None and self.wanted:
            self.fail(
                "corrupt_frame", f"the frame at pts {self.wanted[0][1]} did not come out of the decoder"
            )
        if self.error is not None:
            return self.error
        history = self.ref.history
        seconds = self.seconds - self.seconds[history]
        return Clip(
            np.stack(self.frames[history:]),
            self.seconds[history:],
            *self.source_size,
            history=tuple(self.frames[:history]),
            annotation=Annotation(past=tuple(PastStep(float(t_s)) for t_s in seconds[:history])),
        )


def read_clips(
    refs: Sequence[Ref], settings: ClipSettings, open_video: Callable[[str, ClipSettings], Video]
) -> Iterator[tuple[Ref, Clip | DataError]]:
    """Decode the refs of one run of one input; see `Source.read`."""
    if not refs:
        return
    given = 0
    try:
        now = fingerprint(refs[0].locator)
        if now != refs[0].fingerprint:
            raise DataError("changed_input", f"{refs[0].uri} changed after it was planned: plan again")
        with open_video(refs[0].locator, settings) as video:
            for group in _groups(refs):
                for ref, clip in _read_group(group, video, settings.short_side):
                    given += 1
                    yield ref, clip
    except DataError as error:
        for ref in refs[given:]:
            yield ref, error


def _groups(refs: Sequence[Ref]) -> Iterator[list[Ref]]:
    """Split a run where decoding on would cost more than seeking."""
    group = [refs[0]]
    for before, ref in pairwise(refs):
        if ref.start_s - before.end_s > SEEK_GAP_S:
            yield group
            group = []
        group.append(ref)
    yield group


def _read_group(refs: Sequence[Ref], video: Video, short_side: int) -> Iterator[tuple[Ref, Clip | DataError]]:
    clips = [_Assembly(ref) for ref in refs]
    # Earlier pictures lie far back: a clip may want one before the clips in front of it want any.
    starts = list(accumulate((clip.wanted[0] for clip in reversed(clips)), min))
    waiting = deque(zip(clips, reversed(starts), strict=True))
    open_clips: deque[_Assembly] = deque()
    parts = Parts()
    in_parts = json.loads(refs[0].payload)["parts"] > 1
    # Where the clock jumps back a time names several frames, so the parts must be counted from the start.
    for picture in video.pictures(None if in_parts else min(ref.frames[0] for ref in refs)):
        if picture.pts is None:
            continue
        # Damaged pictures are in no timeline, so they must not count as a jump of the clock either.
        place = (parts.index, picture.pts) if picture.damaged else parts.place(picture.pts)
        while waiting and waiting[0][1] <= place:
            open_clips.append(waiting.popleft()[0])
        _hand_out(picture, place, open_clips, short_side)
        while open_clips and (open_clips[0].error is not None or open_clips[0].last <= place):
            done = open_clips.popleft()
            yield done.ref, done.result()
        if not open_clips and not waiting:
            return
    for rest in (*open_clips, *(clip for clip, _ in waiting)):
        yield rest.ref, rest.result()


def _hand_out(
    picture: Picture, place: tuple[int, int], open_clips: deque[_Assembly], short_side: int
) -> None:
    """Give a picture to the clips that want it, converted once."""
    takers = [clip for clip in open_clips if clip.wants(place)]
    if not takers:
        return
    if picture.damaged:
        for clip in takers:
            clip.fail("corrupt_frame", f"the frame at pts {place[1]} is damaged")
        return
    size = (picture.width, picture.height)
    rgb = picture.rgb(*scaled_size(*size, short_side))
    for clip in takers:
        clip.take(rgb, size)
