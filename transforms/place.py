"""Where a step writes: the data set's folder, or a scratch folder whose files go to a store at the end."""

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from somtom.schemas.folder import MANIFESTS, META, dali_path, shard_path
from somtom.transforms.store import Store


class Place(Protocol):
    """Sent to the workers with a step, so it must be picklable."""

    def writing(self) -> contextlib.AbstractContextManager[Path]:
        """Give a folder laid out as the data set's; what the block writes there is in the data set."""
        ...

    def reading(self, names: Sequence[str]) -> contextlib.AbstractContextManager[Path]:
        """Give a folder that holds those of the data set's files that are there."""
        ...


@dataclass(frozen=True)
class InFolder:
    """A folder that the worker sees: each file appears there under its name when it is whole."""

    folder: Path

    @contextlib.contextmanager
    def writing(self) -> Iterator[Path]:
        """Give the folder itself."""
        yield self.folder

    @contextlib.contextmanager
    def reading(self, names: Sequence[str]) -> Iterator[Path]:
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
        with self._scratch_folder() as folder:
            yield folder
            upload_folder(folder, Store(self.uri))

    @contextlib.contextmanager
    def reading(self, names: Sequence[str]) -> Iterator[Path]:
        """Give a scratch folder that the files are fetched into."""
        with self._scratch_folder() as folder:
            for name in names:
                with contextlib.suppress(FileNotFoundError):
                    Store(self.uri).fetch(name, folder / name)
            yield folder

    @contextlib.contextmanager
    def _scratch_folder(self) -> Iterator[Path]:
        if self.scratch is not None:
            self.scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="somtom-", dir=self.scratch) as scratch:
            yield Path(scratch)


def upload_folder(folder: Path, store: Store) -> None:
    """Upload all files of a folder, manifests last: when an upload dies, its shard counts as not made.

    Of a shard whose clips all gave no sample, what an earlier run uploaded is taken away.
    """
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    manifests = [name for name in names if name.startswith(f"{META}/{MANIFESTS}/")]
    for name in names:
        if name not in manifests:
            store.put(folder / name, name)
    here = Path()
    made = [str(path(here, Path(name).stem)) for name in manifests for path in (shard_path, dali_path)]
    store.delete(name for name in made if name not in names)
    for name in manifests:
        store.put(folder / name, name)
