"""Screenshots in a compressed TFRecord file, which cannot be sought: they are met in order, in one pass.

Such a file says nothing of what it holds, so that it is one item as a whole: listing opens none, scanning
inflates each once, and reading inflates it once a run, up to the last step that the run asks for.
"""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from itertools import islice

from somtom.schemas.annotation import Screen
from somtom.schemas.keys import digest
from somtom.schemas.reasons import DataError
from somtom.schemas.refs import Item
from somtom.sources.files import open_binary
from somtom.sources.listing import list_files
from somtom.sources.screens import ScreenEpisode, ScreenSource
from somtom.sources.tfrecord import stream_records

MAX_RECORD_BYTES = 1 << 28
MAX_HELD_BYTES = 1 << 28  # of a trajectory's earlier steps; a file is read again for those that fell out
LOOKED_AT = 4  # files that are opened to recognise a folder


class StreamedStep(ABC):
    """One screenshot of a stream; nothing of it is decoded before it is asked for.

    Args:
        trajectory: name of what it belongs to: shares a split, and as long as it stays the same, history.
        follows: it comes after the step before it in the file, where that is of the same trajectory.
        size: bytes that it holds in memory.
    """

    trajectory: str
    follows: bool
    size: int

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """A hash of what it is read from."""

    @abstractmethod
    def instruction(self) -> str:
        """See `ScreenEpisode.instruction`."""

    @abstractmethod
    def picture(self) -> bytes:
        """See `ScreenEpisode.picture`."""

    @abstractmethod
    def screen(self, width: int, height: int) -> Screen:
        """See `ScreenEpisode.screen`."""

    @abstractmethod
    def words(self) -> str:
        """See `ScreenEpisode.action_text`."""


class BrokenStep(StreamedStep):
    """A record, or the rest of a file, that cannot be used, and why."""

    follows = False
    size = 0

    def __init__(self, place: str, fault: DataError) -> None:
        self.trajectory = place
        self._fault = fault

    @property
    def fingerprint(self) -> str:
        """The same as long as it is broken in the same way."""
        return digest("broken", self.trajectory, self._fault.reason, self._fault.message)

    def instruction(self) -> str:
        """Raises the fault."""
        raise self._fault

    def picture(self) -> bytes:
        """Raises the fault."""
        raise self._fault

    def screen(self, width: int, height: int) -> Screen:
        """Raises the fault."""
        raise self._fault

    def words(self) -> str:
        """Raises the fault."""
        raise self._fault


@dataclass(frozen=True)
class Payload:
    """The bytes of one record, and which of its file's it is."""

    data: bytes
    number: int

    @cached_property
    def fingerprint(self) -> str:
        """A hash of all of it."""
        return blake2b(self.data, digest_size=16).hexdigest()


@dataclass(frozen=True)
class StreamSource(ScreenSource, ABC):
    """A source of compressed TFRecord files; a kind says what the steps of a record are."""

    @classmethod
    @abstractmethod
    def is_mine(cls, payload: bytes) -> bool:
        """Whether a record is of this kind."""

    @abstractmethod
    def steps_of(self, payload: Payload) -> Iterator[StreamedStep]:
        """Give the steps of one record.

        Raises:
            DataError: the record as a whole cannot be used.
        """

    @classmethod
    def files_of_kind(cls, path: str) -> tuple[str, int]:
        """The path that holds files of this kind alone, and their number; "" where there are none.

        Looks into the first record of a few files.
        """
        try:
            files = list(list_files(path))
            mine = [file for file in files[:LOOKED_AT] if cls.is_mine(_first_record(file.locator))]
        except (DataError, OSError):
            return "", 0
        if len(mine) < min(len(files), LOOKED_AT):
            return (mine[0].locator, 1) if mine else ("", 0)
        return path, len(files)

    def items(self, index: int) -> Iterator[Item]:
        """List the files: what is in them is known only when they are inflated."""
        for file in list_files(self.path):
            yield Item(index, file.uri, file.locator)

    def open(self, uri: str, locator: str, payload: str) -> ScreenEpisode:
        """Start to walk over a file; see `ScreenSource.open`."""
        return _StreamedFile(lambda: self._walk(uri, locator))

    def _walk(self, uri: str, locator: str) -> Iterator[StreamedStep]:
        number = 0
        with open_binary(locator) as file:
            records = stream_records(file, MAX_RECORD_BYTES)
            while True:
                place = f"{uri}#record={number}"
                try:
                    record = next(records, None)
                except DataError as error:
                    if not number:
                        raise
                    yield BrokenStep(place, error)
                    return
                if record is None:
                    return
                try:
                    if isinstance(record, DataError):
                        raise record
                    yield from self.steps_of(Payload(record, number))
                except DataError as error:
                    yield BrokenStep(place, DataError(error.reason, f"record {number}: {error.message}"))
                number += 1


class _StreamedFile(ScreenEpisode):
    count = 0  # not known before the end is reached; `steps` and `has` stand in for it
    group = ""
    is_trajectory = True

    def __init__(self, walk: Callable[[], Iterator[StreamedStep]]) -> None:
        self._walk = walk
        self._restart()

    def steps(self) -> Iterator[int]:
        """Numbers in the file's order, as far as it can be read."""
        step = 0
        while self.has(step):
            yield step
            step += 1

    def has(self, step: int) -> bool:
        """Whether there is such a step; walks up to it."""
        if step < self._next - len(self._held):
            self._restart()
        while self._next <= step:
            if not self._advance():
                return False
        return True

    def group_of(self, step: int) -> str:
        """The trajectory."""
        return self._at(step).trajectory

    def first_of(self, step: int) -> int:
        """Where the trajectory began; right for the step walked to last."""
        return self._first

    def instruction(self, step: int) -> str:
        """The step's."""
        return self._at(step).instruction()

    def picture(self, step: int) -> bytes:
        """The step's."""
        return self._at(step).picture()

    def fingerprint(self, step: int) -> str:
        """The step's: of its whole record, so that equal screens of two episodes do not tie these."""
        return self._at(step).fingerprint

    def screen(self, step: int, width: int, height: int) -> Screen:
        """The step's."""
        return self._at(step).screen(width, height)

    def action_text(self, step: int) -> str:
        """The step's."""
        return self._at(step).words()

    def _restart(self) -> None:
        self._steps = self._walk()
        self._held: deque[StreamedStep] = deque()  # the last ones, up to that before `_next`
        self._next = self._first = self._size = 0

    def _advance(self) -> bool:
        step = next(self._steps, None)
        if step is None:
            return False
        if not (self._held and step.follows and self._held[-1].trajectory == step.trajectory):
            self._held.clear()
            self._first, self._size = self._next, 0
        self._held.append(step)
        self._size += step.size
        while self._size > MAX_HELD_BYTES and len(self._held) > 1:
            self._size -= self._held.popleft().size
        self._next += 1
        return True

    def _at(self, step: int) -> StreamedStep:
        if not self.has(step):
            raise DataError("changed_input", f"step {step} is not there any more: plan again")
        return self._held[step - self._next]


def _first_record(locator: str) -> bytes:
    """The first record of a file, nothing where it is none of TFRecords."""
    with open_binary(locator) as file:
        try:
            record = next(islice(stream_records(file, MAX_RECORD_BYTES), 1), b"")
        except DataError:
            return b""
    return record if isinstance(record, bytes) else b""
