"""Where a step writes: the data set's folder, or a scratch folder whose files go to a store at the end."""

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from somtom.schemas.folder import MANIFESTS, META
from somtom.transforms.store import Store


class Place(Protocol):
    """Sent to the workers with a step, so it must be picklable."""

    def writing(self) -> contextlib.AbstractContextManager[Path]:
        """Give a folder laid out as the data set's; what the block writes there is in the data set."""
        ...


@dataclass(frozen=True)
class InFolder:
    """A folder that the worker sees: each file appears there under its name when it is whole."""

    folder: Path

    @contextlib.contextmanager
    def writing(self) -> Iterator[Path]:
        """Give the folder itself."""
        yield self.folder


@dataclass(frozen=True)
class InStore:
    """A store: files are made on a local disk and uploaded whole, the manifest last.

    Args:
        uri: of the data set.
        scratch: folder for the scratch folders, None for the system's. What a killed process leaves there is
            its owner's to sweep.
    """

    uri: str
    scratch: Path | None = None

    @contextlib.contextmanager
    def writing(self) -> Iterator[Path]:
        """Give a scratch folder; nothing is uploaded when the block raises."""
        if self.scratch is not None:
            self.scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="somtom-", dir=self.scratch) as scratch:
            folder = Path(scratch)
            yield folder
            upload_folder(folder, Store(self.uri))


def upload_folder(folder: Path, store: Store) -> None:
    """Upload all files of a folder, manifests last: when an upload dies, its shard counts as not made."""
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    for name in sorted(names, key=lambda name: name.startswith(f"{META}/{MANIFESTS}/")):
        store.put(folder / name, name)
