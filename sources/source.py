"""What every source is: a frozen dataclass of settings that lists, scans and reads."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from somtom.schemas.clips import Clip
from somtom.schemas.reasons import DataError
from somtom.schemas.refs import Item, Ref, Scan
from somtom.schemas.settings import ClipSettings, ShotSettings
from somtom.sources.listing import dataset_of


@dataclass(frozen=True)
class DataSetSettings:
    """The settings that every kind of source has; a kind adds its own."""

    path: str  # where the data set is; local or a Beam URI
    dataset: str = ""  # the data set's name; "" = derived from the path
    licence: str = ""  # of the inputs; lands in every record
    split: str = ""  # train | val puts all of it there; "" = planned
    weight: float = 1.0  # how often a sample should be drawn in training, 1.0 as often as any other

    def __post_init__(self) -> None:
        if not self.path.strip():
            raise ValueError('path must name a file or a folder; "." is the one that the command runs in')
        if self.split not in ("", "train", "val"):
            raise ValueError(f"split must be train, val or empty, got {self.split!r}")
        if not (math.isfinite(self.weight) and 0 < self.weight <= 1e6):
            raise ValueError(f"weight must be above 0 and up to 1e6, got {self.weight!r}")

    @property
    def name(self) -> str:
        """The data set's name."""
        return self.dataset or dataset_of(self.path)


@dataclass(frozen=True)
class Found:
    """What a path was recognised as.

    Args:
        settings: of the `[[source]]` block that would read it (`path` and what differs from its default).
        notes: what was found, a line each, for a person.
        is_whole: all that lies in the folder belongs to it, and need not be looked into.
        is_fallback: true of anything of that sort (videos, pictures): a more specific kind goes before.
    """

    settings: dict[str, object]
    notes: tuple[str, ...] = ()
    is_whole: bool = False
    is_fallback: bool = False


class Source(Protocol):
    """One `[[source]]` of the configuration; its fields are the settings of its kind.

    Every kind has at least those of `DataSetSettings`.
    """

    kind: ClassVar[str]

    @property
    def path(self) -> str: ...  # noqa: D102 - the class says it
    @property
    def dataset(self) -> str: ...  # noqa: D102
    @property
    def name(self) -> str: ...  # noqa: D102 - `dataset`, or what is derived from the path
    @property
    def licence(self) -> str: ...  # noqa: D102
    @property
    def split(self) -> str: ...  # noqa: D102
    @property
    def weight(self) -> float: ...  # noqa: D102

    @classmethod
    def recognise(cls, path: str) -> Found | None:
        """Look into a path and say what this kind would make of it; None where it is of another kind.

        Reads little, and raises nothing for data it does not know.
        """
        ...

    def items(self, index: int) -> Iterator[Item]:
        """List what there is, sorted and each once; `index` is the source's place in the configuration.

        Runs in the driver, touches metadata only and opens no video.

        Raises:
            ValueError: a setting is wrong.
            DataError: the path is not there or nothing matches it.
        """
        ...

    def scan(self, item: Item, shots: ShotSettings, clips: ClipSettings, run_length: int) -> Scan:
        """Find the refs of one item: clips, or instructions on a screenshot; bad data becomes its reject.

        Raises:
            OSError: the store failed; worth another try.
        """
        ...

    def read(self, refs: Sequence[Ref], clips: ClipSettings) -> Iterator[tuple[Ref, Clip | DataError]]:
        """Decode the refs of one run in one pass; gives each ref once, in order, as soon as it is whole.

        Raises:
            OSError: the store failed; worth another try.
        """
        ...
