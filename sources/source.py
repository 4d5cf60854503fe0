"""What every source is: a frozen dataclass of settings that lists, scans and reads."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Protocol

from somtom.schemas.clips import Clip
from somtom.schemas.reasons import DataError
from somtom.schemas.refs import Item, Ref, Scan
from somtom.schemas.settings import ClipSettings, ShotSettings


class Source(Protocol):
    """One `[[source]]` of the configuration; its fields are the settings of its kind.

    Every kind has at least these: `path` says where it is; `dataset` names it (derived from the path
    where it is ""); `licence` lands in each record; `split` is "" (planned), "train" or "val".
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

    def items(self, index: int) -> Iterator[Item]:
        """List what there is, sorted and each once; `index` is the source's place in the configuration.

        Runs in the driver and opens no video.

        Raises:
            ValueError: a setting is wrong.
            DataError: the path is not there or nothing matches it.
        """
        ...

    def scan(self, item: Item, shots: ShotSettings, clips: ClipSettings, run_length: int) -> Scan:
        """Find the clips of one item; bad data becomes the scan's reject.

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
