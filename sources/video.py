"""Video files as a source: listed, scanned for shots and clips, read clip by clip."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from somtom.schemas.clips import Clip
from somtom.schemas.keys import sample_key
from somtom.schemas.reasons import DataError, Reject
from somtom.schemas.refs import Item, ItemFacts, Ref, Scan
from somtom.schemas.settings import ClipSettings, ShotSettings
from somtom.sources.backends import BACKENDS, open_video
from somtom.sources.clips import cut_clips, frame_interval, sampling_of
from somtom.sources.decord_video import import_decord
from somtom.sources.files import open_binary
from somtom.sources.fingerprint import fingerprint
from somtom.sources.listing import dataset_of, leaves_root, list_files
from somtom.sources.pictures import Video, check_size
from somtom.sources.reading import read_clips
from somtom.sources.shots import detector_maker
from somtom.sources.sniff import HEAD_BYTES, check_is_video
from somtom.sources.texts import load_texts
from somtom.sources.timeline import Shot, Timeline, record_timeline

HOPELESS_JUMPS = 0.1  # share of frames at which the clock jumps back that makes a file without clips unusable


@dataclass(frozen=True)
class VideoSource:
    """Video files; whatever FFmpeg decodes, judged by content and not by name."""

    kind: ClassVar[str] = "video"

    path: str  # a file, a folder, a glob (** too) or a list of files (.txt, or @list); local or a Beam URI
    dataset: str = ""  # the data set's name; "" = the name of the folder the files are in
    licence: str = ""  # of the videos; lands in every record
    split: str = ""  # train | val puts all of it there; "" = planned
    include: tuple[str, ...] = ()  # globs of uris or file names to take; empty = all
    exclude: tuple[str, ...] = ()  # globs of uris or file names to leave out
    first_person: bool = False  # head-mounted camera: its motion is always compensated
    backend: str = "pyav"  # pyav | decord: what decodes the clips
    texts: str = ""  # a CSV or JSONL of (video, text): the instruction of each video, by its uri

    def __post_init__(self) -> None:
        if self.split not in ("", "train", "val"):
            raise ValueError(f"split must be train, val or empty, got {self.split!r}")
        if self.backend not in BACKENDS:
            raise ValueError(f"backend must be one of {', '.join(BACKENDS)}, got {self.backend!r}")
        if self.backend == "decord":
            import_decord()

    @property
    def name(self) -> str:
        """The data set's name."""
        return self.dataset or dataset_of(self.path)

    @cached_property
    def instructions(self) -> dict[str, str]:
        """Texts by uri; loaded once and carried along when the source is sent to a worker."""
        return load_texts(self.texts) if self.texts else {}

    def items(self, index: int) -> Iterator[Item]:
        """List the files; see `Source.items`."""
        wanted = set(self.instructions)
        for listed in list_files(self.path, self.include, self.exclude):
            wanted.discard(listed.uri)
            yield Item(source=index, uri=listed.uri, locator=listed.locator)
        if self.instructions and len(wanted) == len(self.instructions):
            raise ValueError(f"no video that {self.texts} names is among the files of {self.path}")

    def scan(self, item: Item, shots: ShotSettings, clips: ClipSettings, run_length: int) -> Scan:
        """Decode a file once at low resolution and lay clips into its shots; see `Source.scan`."""
        facts = ItemFacts(uri=item.uri)
        make_detector = detector_maker(shots)
        try:
            if leaves_root(item.uri):
                raise DataError(
                    "unsafe_path", f"{item.uri} leaves the folder of the list: write an absolute path"
                )
            with open_binary(item.locator) as file:
                check_is_video(file.read(HEAD_BYTES), item.uri)
            facts = replace(facts, fingerprint=fingerprint(item.locator))
            with open_video("pyav", item.locator, clips) as video:
                info = video.info
                facts = replace(facts, width=info.width, height=info.height, codec=info.codec)
                if info.width:
                    check_size(info.width, info.height, clips)
                timeline = record_timeline(video, make_detector)
            facts = _learn(facts, timeline, video)
            if self.backend != "pyav":
                self._check_backend(item, facts, clips)
            return Scan(facts, refs=tuple(self._refs(item, facts, timeline, video, shots, clips, run_length)))
        except DataError as error:
            return Scan(facts, reject=Reject(self.name, item.uri, "", "scan", error.reason, error.message))

    def read(self, refs: Sequence[Ref], clips: ClipSettings) -> Iterator[tuple[Ref, Clip | DataError]]:
        """Decode the refs of one run; see `Source.read`."""
        return read_clips(refs, clips, partial(open_video, self.backend))

    def _check_backend(self, item: Item, facts: ItemFacts, clips: ClipSettings) -> None:
        """Refuse a file that another backend than PyAV could give wrong frames of.

        Raises:
            DataError: `undecodable`.
        """
        if facts.warning:
            raise DataError("undecodable", f'{self.backend} would not notice "{facts.warning}": use "pyav"')
        with open_video(self.backend, item.locator, clips):
            pass

    def _refs(
        self,
        item: Item,
        facts: ItemFacts,
        timeline: Timeline,
        video: Video,
        shots: ShotSettings,
        clips: ClipSettings,
        run_length: int,
    ) -> Iterator[Ref]:
        info = video.info
        times = timeline.times_s(info.time_base)
        interval = frame_interval(times)
        usable = [shot for shot in timeline.shots if _is_usable(shot, times, shots, clips)]
        cut = cut_clips(times, [(shot.first, shot.end) for shot in usable], interval, clips)
        if not cut.frames:
            raise _why_no_clips(timeline, times, interval, cut.gaps, clips)
        name = self.name
        starts = np.array([shot.first for shot in timeline.shots])
        for position, frames in enumerate(cut.frames):
            shot = timeline.shots[int(np.searchsorted(starts, frames[0], side="right")) - 1]
            start_s, end_s = float(times[frames[0]]), float(times[frames[-1]])
            # A clock that jumps back gives times twice: the part keeps the keys apart.
            camera = f"part{shot.part}" if shot.part else ""
            yield Ref(
                key=sample_key(self.kind, name, item.uri, camera, start_s),
                source=item.source,
                kind=self.kind,
                dataset=name,
                uri=item.uri,
                locator=item.locator,
                fingerprint=facts.fingerprint,
                licence=self.licence,
                group=f"{name}/{item.uri}",
                run=position // run_length,
                position=position,
                start_s=start_s,
                end_s=end_s,
                step_s=cut.step_s,
                fps=facts.fps,
                frames=tuple(int(timeline.pts[frame]) for frame in frames),
                first_person=self.first_person,
                instruction=self.instructions.get(item.uri, ""),
                split=self.split,
                payload=json.dumps(
                    {
                        "stream": info.stream,
                        "time_base": [info.time_base.numerator, info.time_base.denominator],
                        "part": shot.part,
                        "parts": timeline.parts,
                    }
                ),
            )


def _learn(facts: ItemFacts, timeline: Timeline, video: Video) -> ItemFacts:
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
            f"no frame of the {video.info.codec} stream could be decoded ({timeline.damaged} damaged,"
            f" {timeline.errors} failed packets): it is damaged or encrypted, fetch it again",
        )
    times = timeline.times_s(video.info.time_base)
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
