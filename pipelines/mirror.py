"""A data set in a store, and the folder on this machine that mirrors it for the driver.

The mirror holds meta/ (but neither sheets nor report) and the card; shards and tracks stand there by name
and size only, as files with a hole for content. So all that a driver does on a folder (refuse another
configuration, look what is done, finish, remove) it does on the mirror, and `save` carries it over.
"""

import contextlib
import dataclasses
import fcntl
import os
import secrets
import shutil
import tarfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from somtom.pipelines.output import OutputError, work_path
from somtom.pipelines.runners import RunOptions
from somtom.pipelines.store_lock import LOCKS, StoreLock, hold_store
from somtom.schemas.folder import CARD, CONFIG, META, REPORT, SHARDS, SHEETS
from somtom.schemas.keys import digest
from somtom.schemas.manifest import is_done, read_manifest
from somtom.schemas.plan_table import PlannedShard
from somtom.schemas.shard_index import has_index
from somtom.sources.files import is_remote, local_path
from somtom.sources.stores import abort_died_uploads, check_credentials, check_uri, set_store_options
from somtom.transforms.attempts import DEATHS, HAND
from somtom.transforms.noted import MADE, RAISED, NotedStep
from somtom.transforms.noted_in_store import NOTES, NotedInStore
from somtom.transforms.place import InStore, Place
from somtom.transforms.steps import Step
from somtom.transforms.store import Store, Stored

PLAN = f"{META}/plan.parquet"
WORK = f"{META}/work"
READY = f"{WORK}/ready.tar"  # the tables of a new plan, in one object so that they appear together
SCANS = f"{WORK}/scans/"
_STAMP = 1_000_000_000  # nanoseconds in a second


class Mirror:
    """The mirror of one data set, held by one run.

    Args:
        store: where the data set lies.
        folder: the mirror.
        lock: of the data set.
    """

    def __init__(self, store: Store, folder: Path, lock: StoreLock) -> None:
        self.store, self.folder = store, folder
        self._lock = lock
        self._has_notes = False
        self._known: dict[str, tuple[int, int]] = {}  # size and time of change of what is as in the store

    def place(self, folder: Path, is_elsewhere: bool) -> Place:
        """The store, by way of scratch folders: in the mirror's, or the system's of another machine."""
        return InStore(self.store.uri, None if is_elsewhere else work_path(folder) / "scratch")

    def load(self) -> None:
        """Make the mirror equal to the store; what a run that is under way needs (work/) stays."""
        self._lock.check()
        stored = self.store.names()
        names = {name for name in stored if not name.startswith((f"{LOCKS}/", f"{WORK}/"))}
        for name in self._here() - names:
            (self.folder / name).unlink()
        self._known.clear()
        old = []
        for name in sorted(names):
            path = self.folder / name
            if _is_wanted(name):
                if not is_as_stored(path, stored[name]):
                    old.append(name)
            elif not path.is_file() or path.stat().st_size != stored[name].size_bytes:
                _make_hollow(path, stored[name].size_bytes)
        scans = [name for name in stored if name.startswith(SCANS) and not (self.folder / name).is_file()]
        self.store.fetch_all([*old, *scans], self.folder)
        for name in names:
            stamp(self.folder / name, stored[name])
            self._known[name] = _state(self.folder / name)
        ready = work_path(self.folder) / "ready"
        shutil.rmtree(ready, ignore_errors=True)
        if READY in stored:
            self._unpack(ready)

    def gather(self, planned: Sequence[PlannedShard]) -> None:
        """Make the mirror equal to the store, with the few shards that finishing reads.

        Raises:
            OutputError: a planned shard does not have the size that its manifest says, or none.
        """
        self.save()
        self.load()
        if damaged := [one.name for one in planned if not is_done(self.folder, one)]:
            raise OutputError(
                f"{self.store.uri}: {len(damaged)} shards are not what their manifests say "
                f"({damaged[0]}); run the same command again, which makes them anew"
            )
        self.fetch(*(f"{SHARDS}/{shard}.tar" for shard in self._shards_to_read(planned)))

    def _shards_to_read(self, planned: Sequence[PlannedShard]) -> Iterator[str]:
        """The first shard of each tracker, whose version the card names, and those that lack their index."""
        trackers: set[object] = set()
        for one in planned:
            manifest = read_manifest(self.folder, one.name)
            rows = manifest.samples if manifest else ()
            found = {row["tracker"] for row in rows}
            keys = [str(row["key"]) for row in rows]
            if found - trackers or (keys and not has_index(self.folder, one.name, keys)):
                trackers |= found
                yield one.name

    def fetch(self, *names: str) -> None:
        """Fetch what steps have uploaded.

        Raises:
            FileNotFoundError: one is not there.
        """
        self._lock.check()
        self.store.fetch_all(names, self.folder)
        for name in names:
            self._known[name] = _state(self.folder / name)

    def keep_plan(self) -> None:
        """Upload the tables of a new plan that lie ready: they are put in place also after a crash."""
        self._lock.check()
        packed = work_path(self.folder) / "ready.tar"
        with tarfile.open(packed, "w") as tar:
            tar.add(work_path(self.folder) / "ready", arcname="ready")
        self.store.put(packed, READY)
        packed.unlink()

    def share(self, locators: Sequence[str], is_elsewhere: bool) -> tuple[str, ...]:
        """Upload files of the mirror for workers on other machines."""
        if not is_elsewhere:
            return tuple(locators)
        names = [local_path(one).relative_to(self.folder).as_posix() for one in locators]
        self.store.put_all(names, self.folder)
        return tuple(f"{self.store.uri}/{name}" for name in names)

    def noted(self, step: Step, notes: Path, is_elsewhere: bool) -> Step:
        """Workers on other machines leave their notes in the store."""
        self._has_notes = is_elsewhere
        if not is_elsewhere:
            return NotedStep(step, notes)
        self.store.delete(name for name in self.store.names(NOTES) if not name.endswith(DEATHS))
        return NotedInStore(step, self.store.uri)

    def look(self, closely: bool = False) -> None:
        """Fetch the notes that are new, or all."""
        if not self._has_notes:
            return
        ends = (HAND, DEATHS) if closely else (MADE, RAISED)
        found = [name for name in self.store.names(NOTES) if name.endswith(ends)]
        for path in (self.folder / NOTES).glob(f"*{HAND}") if closely else ():
            path.unlink()  # it may be over
        names = [name for name in found if closely or not (self.folder / name).exists()]
        self.store.fetch_all(names, self.folder)

    def tell(self, tasks: Collection[str]) -> None:
        """Upload who is blamed; what was in hand is in nobody's any more."""
        if not self._has_notes:
            return
        blamed = [f"{NOTES}/{task}{DEATHS}" for task in tasks]
        self.store.put_all([name for name in blamed if (self.folder / name).exists()], self.folder)
        self.store.delete(f"{NOTES}/{task}{HAND}" for task in tasks)

    def _unpack(self, ready: Path) -> None:
        packed = ready.with_suffix(".tar")
        self.store.fetch(READY, packed)
        with tarfile.open(packed) as tar:
            tar.extractall(ready.parent, filter="data")
        packed.unlink()

    def save(self) -> None:
        """Carry to the store what changed here: removals first, then the configuration; plan and card last.

        Objects of a run under way are kept as long as the tables of a new plan are not all in place.
        """
        self._lock.check()
        here = self._here()
        self.store.delete(sorted(set(self._known) - here))
        changed = {name for name in here if self._known.get(name) != _state(self.folder / name)}
        first, last = [f"{META}/{CONFIG}"], [PLAN, CARD]
        rest = sorted(changed.difference(first, last))
        for names in (first, rest, *([name] for name in last)):
            self.store.put_all([name for name in names if name in changed], self.folder)
        self._known = {name: _state(self.folder / name) for name in here}
        if not (work_path(self.folder) / "ready").is_dir():
            self.store.delete(self.store.names(WORK))

    def _here(self) -> set[str]:
        """Names of the mirror's files that stand for objects."""
        names = (str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())
        return {name for name in names if name != f"{META}/.lock" and not name.startswith(f"{WORK}/")}


def _is_wanted(name: str) -> bool:
    """Whether the driver needs the content."""
    views = (f"{META}/{REPORT}", f"{META}/{SHEETS}/")
    return name == CARD or (name.startswith(f"{META}/") and not name.startswith(views))


def is_as_stored(path: Path, stored: Stored) -> bool:
    """Whether the file was fetched from the object as it is listed now."""
    try:
        size, changed = _state(path)
    except FileNotFoundError:
        return False
    return size == stored.size_bytes and changed == int(stored.updated_s * _STAMP)


def stamp(path: Path, stored: Stored) -> None:
    """Give the file the time of the object it was fetched from."""
    os.utime(path, ns=(path.stat().st_atime_ns, int(stored.updated_s * _STAMP)))


def _state(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _make_hollow(path: Path, size_bytes: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(size_bytes)


def mirror_folder(uri: str, cache: Path) -> Path:
    """Where the mirror of a data set lies, below the folder for all mirrors."""
    return cache / "stores" / f"{uri.rstrip('/').rpartition('/')[2][:40]}-{digest(uri)[:16]}"


@contextlib.contextmanager
def open_output(
    out: str, cache: Path, options: RunOptions, kind: type[Mirror] = Mirror
) -> Iterator[tuple[Path, RunOptions]]:
    """Give the folder to build in, and the options: a local `out` as it is, a store's as its mirror.

    Raises:
        OutputError: another run works on it; what names the mirror's folder names the store instead.
    """
    if not is_remote(out):
        yield Path(out).expanduser(), options
        return
    if options.beam:
        set_store_options(options.beam)
    check_uri(out)
    check_credentials(out)
    store = Store(out.rstrip("/"))
    folder = mirror_folder(store.uri, cache.expanduser())
    with _hold_mirror(folder, store.uri) as holder, hold_store(store, holder) as lock:
        shutil.rmtree(work_path(folder) / "scratch", ignore_errors=True)
        abort_died_uploads(store.uri)
        mirror = kind(store, folder, lock)
        mirror.load()
        try:
            yield folder, dataclasses.replace(options, output=mirror)
        except OutputError as error:
            raise OutputError(str(error).replace(str(folder), store.uri)) from error


@contextlib.contextmanager
def _hold_mirror(folder: Path, uri: str) -> Iterator[str]:
    """Hold the mirror for one run; gives the mirror's own name, which no other mirror has.

    A run that dies gives it up at once: who holds it knows that no other run of this name is alive.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OutputError(
                f"{uri}: another run on this machine is working on it; wait for it or stop it"
            ) from error
        name = os.read(lock, 64).decode(errors="replace")
        if not name:
            name = secrets.token_hex(16)
            os.write(lock, name.encode())
        yield name
    finally:
        os.close(lock)
