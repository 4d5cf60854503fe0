"""What sources of screenshots share: an item is an episode of steps, each an instruction on a picture."""

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from somtom.schemas.annotation import Annotation, PastStep, Screen
from somtom.schemas.clips import Clip
from somtom.schemas.keys import digest, sample_key
from somtom.schemas.reasons import DataError, Reject
from somtom.schemas.refs import Item, ItemFacts, Ref, Scan
from somtom.schemas.settings import ClipSettings, ShotSettings
from somtom.sources.images import decode_image
from somtom.sources.source import DataSetSettings

NO_TIME = -1.0


class ScreenEpisode(ABC):
    """One opened item: steps 0 .. `count - 1`, of which each becomes one sample or one reject.

    `group`: what shares a split (site, app, episode), within the data set. `is_trajectory`: the steps follow
    each other, so that earlier ones are history; otherwise they are instructions on one picture.
    """

    count: int
    group: str
    is_trajectory: bool

    def steps(self) -> Iterator[int]:
        """The numbers of all steps, in order."""
        return iter(range(self.count))

    def has(self, step: int) -> bool:
        """Whether there is such a step."""
        return 0 <= step < self.count

    def group_of(self, step: int) -> str:
        """What the step shares a split with, where that is not the same for the whole item."""
        return self.group

    def first_of(self, step: int) -> int:
        """The first step of the trajectory that it belongs to."""
        return 0 if self.is_trajectory else step

    @abstractmethod
    def instruction(self, step: int) -> str:
        """What is asked for there, "" where nothing is.

        Raises:
            DataError: the step is unusable.
        """

    @abstractmethod
    def picture(self, step: int) -> bytes:
        """The encoded picture.

        Raises:
            DataError: it is missing or too large.
        """

    @abstractmethod
    def fingerprint(self, step: int) -> str:
        """A cheap hash of the picture: `fingerprint.fingerprint` of its file.

        Raises:
            DataError: `missing`.
        """

    def picture_fingerprint(self, step: int) -> str:
        """A hash of the picture's file alone, where `fingerprint` covers what is said of it too; else ""."""
        return ""

    @abstractmethod
    def screen(self, step: int, width: int, height: int) -> Screen:
        """Elements and action, in pixels of the upright picture, whose size is given.

        Raises:
            DataError: `bad_record`, `bad_box`, `no_target`, ...
        """

    def action_text(self, step: int) -> str:
        """What was done at the step, in words: what later steps read as history; "" where it is not known."""
        return ""


@dataclass(frozen=True)
class ScreenSource(DataSetSettings, ABC):
    """A source of screenshots; a kind lists its items and opens them."""

    kind: ClassVar[str]

    @abstractmethod
    def items(self, index: int) -> Iterator[Item]:
        """List what there is; see `Source.items`."""

    @abstractmethod
    def open(self, uri: str, locator: str, payload: str) -> ScreenEpisode:
        """Open an item by what its `Item` holds.

        Raises:
            DataError: it is missing or malformed.
            OSError: the store failed.
        """

    def scan(self, item: Item, shots: ShotSettings, clips: ClipSettings, run_length: int) -> Scan:
        """Make a ref of each step; see `Source.scan`."""
        facts = ItemFacts(uri=item.uri)
        try:
            episode = self.open(item.uri, item.locator, item.payload)
            refs = tuple(self._ref(item, episode, step, clips, run_length) for step in episode.steps())
            if not refs:
                raise DataError("bad_record", "it holds no step")
        except DataError as error:
            return Scan(facts, reject=Reject(self.name, item.uri, "", "scan", error.reason, error.message))
        stamp = refs[0].fingerprint if len(refs) == 1 else digest(*(ref.fingerprint for ref in refs))
        return Scan(ItemFacts(uri=item.uri, fingerprint=stamp, frames=len(refs)), refs=refs)

    def _ref(
        self, item: Item, episode: ScreenEpisode, step: int, clips: ClipSettings, run_length: int
    ) -> Ref:
        instruction, stamp, picture = "", "", ""
        # A step that cannot be used is found again when it is read, and rejected there, alone.
        with contextlib.suppress(DataError):
            instruction = episode.instruction(step)
        try:
            stamp = episode.fingerprint(step)
        except DataError:
            if episode.count == 1:
                raise
            stamp = digest("absent", self.name, item.uri, step)
        with contextlib.suppress(DataError):
            picture = episode.picture_fingerprint(step)
        first = max(episode.first_of(step), step - clips.history)
        earlier = tuple(one for one in range(first, step) if episode.has(one))
        return Ref(
            key=sample_key(self.kind, self.name, item.uri, f"step{step}", NO_TIME),
            source=item.source,
            kind=self.kind,
            dataset=self.name,
            uri=item.uri,
            locator=item.locator,
            fingerprint=stamp,
            licence=self.licence,
            group=f"{self.name}/{episode.group_of(step)}",
            run=step // run_length,
            position=step,
            start_s=NO_TIME,
            end_s=NO_TIME,
            step_s=NO_TIME,
            fps=NO_TIME,
            frames=(*earlier, step),
            instruction=instruction,
            split=self.split,
            payload=item.payload,
            history=len(earlier),
            weight=self.weight,
            picture=picture,
        )

    def read(self, refs: Sequence[Ref], clips: ClipSettings) -> Iterator[tuple[Ref, Clip | DataError]]:
        """Read the steps of one item; see `Source.read`."""
        if not refs:
            return
        try:
            episode = self.open(refs[0].uri, refs[0].locator, refs[0].payload)
        except DataError as error:
            yield from ((ref, error) for ref in refs)
            return
        decoder = _Decoder(clips)
        for ref in refs:
            try:
                yield ref, _read_step(ref, episode, decoder)
            except DataError as error:
                yield ref, error


class _Decoder:
    """Decodes pictures; one that several steps show is decoded once, if its bytes are the same object."""

    def __init__(self, clips: ClipSettings) -> None:
        self._clips = clips
        self._held: list[tuple[bytes, tuple[NDArray[np.uint8], tuple[int, int]]]] = []

    def decode(self, data: bytes) -> tuple[NDArray[np.uint8], tuple[int, int]]:
        for held, decoded in self._held:
            if held is data:
                return decoded
        decoded = decode_image(data, self._clips, self._clips.screen_short_side)
        self._held = [*self._held, (data, decoded)][-self._clips.history - 1 :]
        return decoded


def _read_step(ref: Ref, episode: ScreenEpisode, decoder: _Decoder) -> Clip:
    step = ref.frames[-1]
    if not episode.has(step) or episode.fingerprint(step) != ref.fingerprint:
        raise DataError("changed_input", f"{ref.uri} changed after it was planned: plan again")
    episode.instruction(step)  # says why, where the step is unusable
    rgb, (width, height) = decoder.decode(episode.picture(step))
    earlier = ref.frames[: ref.history]
    past, history = [], []
    for one in earlier:
        # An earlier picture that cannot be used is not worth losing this step for.
        seen, known = np.zeros_like(rgb), False
        with contextlib.suppress(DataError):
            seen, known = decoder.decode(episode.picture(one))[0], True
        past.append(PastStep(float(one - step), _words(episode, one), known=known))
        history.append(seen)
    return Clip(
        frames=rgb[None],
        times_s=np.array([NO_TIME]),
        source_width=width,
        source_height=height,
        history=tuple(history),
        annotation=Annotation(past=tuple(past), screen=episode.screen(step, width, height)),
    )


def _words(episode: ScreenEpisode, step: int) -> str:
    """What was done at an earlier step; one that is itself unusable says nothing."""
    try:
        return episode.action_text(step)
    except DataError:
        return ""
