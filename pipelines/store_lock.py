"""Holds a data set in a store for one run, by nothing but objects that are written and listed.

Every run puts an object of its own into meta/.locks/ and lists the folder afterwards. Of two runs the one
that lists later sees the other, whatever the order, as long as the store lists what was written (S3, GCS
and HDFS do): it takes its object away and is refused. Two that begin in the same moment may both be refused,
never both go on. The object is written anew every `BEAT_S`; one that is older than `DEAD_S`, by the store's
own clock, is of a run that died. A run of this machine that died is known at once: see `mirror`.
"""

import contextlib
import json
import logging
import secrets
import socket
import threading
import time
from collections.abc import Iterator

from somtom.pipelines.output import OutputError
from somtom.schemas.folder import META
from somtom.transforms.store import Store

LOCKS = f"{META}/.locks"
BEAT_S = 20.0
DEAD_S = 180.0


class StoreLock:
    """Our object; `check` says whether it still holds."""

    def __init__(self, store: Store, holder: str) -> None:
        self._store = store
        self._holder = holder
        self._name = f"{LOCKS}/{secrets.token_hex(8)}.json"
        self._ended = threading.Event()
        self._lost = ""

    def check(self) -> None:
        """Do nothing as long as the data set is ours.

        Raises:
            OutputError: another run has taken it, or the store failed for so long that one may have.
        """
        if self._lost:
            raise OutputError(f"{self._store.uri}: {self._lost}; run the same command again, which goes on")

    def take(self) -> None:
        """Put our object and look for others.

        Raises:
            OutputError: another run holds the data set.
        """
        self._store.names(LOCKS)  # what cannot work shows here, before anything is written
        self._write()
        try:
            seen = self._store.names(LOCKS)
            now = seen[self._name].updated_s
            others = {name: one for name, one in seen.items() if name != self._name}
            dead = [name for name, one in others.items() if self._is_dead(name, now - one.updated_s)]
            self._store.delete(dead)
            if alive := sorted(set(others) - set(dead)):
                age_s = now - others[alive[0]].updated_s
                raise OutputError(
                    f"{self._store.uri}: another run is working on it ({self._words(alive[0])}, seen "
                    f"{age_s:.0f} s ago); wait for it or stop it (a run that died counts as working "
                    f"for {DEAD_S:.0f} s)"
                )
        except BaseException:
            self._store.delete([self._name])
            raise

    def beat(self, every_s: float = BEAT_S) -> None:
        """Write our object again and again, until `give_back`; to be run in a thread of its own.

        By the wall clock, which goes on while a machine sleeps: who is silent for long is taken for dead.
        """
        heard = time.time()
        while not self._ended.wait(every_s):
            begun = time.time()
            try:
                if begun - heard < DEAD_S / 2 and self._name in self._store.names(LOCKS):
                    self._write()
                    if time.time() - heard < DEAD_S / 2:
                        heard = begun
                        continue
            except OSError as error:
                logging.getLogger(__name__).warning("the lock cannot be renewed: %s", error)
                if time.time() - heard < DEAD_S / 2:
                    continue
            self._lost = "this run was not heard of for so long that another may have begun"
            return

    def give_back(self) -> None:
        """Take our object away."""
        self._ended.set()
        with contextlib.suppress(OSError):  # it dies of age
            self._store.delete([self._name])

    def _write(self) -> None:
        text = json.dumps({"holder": self._holder, "host": socket.gethostname()})
        self._store.write(self._name, text.encode())

    def _content(self, name: str) -> dict[str, object]:
        try:
            found = json.loads(self._store.read(name))
        except (OSError, ValueError):  # given back just now, or of another version
            return {}
        return found if isinstance(found, dict) else {}

    def _is_dead(self, name: str, age_s: float) -> bool:
        return age_s > DEAD_S or self._content(name).get("holder") == self._holder

    def _words(self, name: str) -> str:
        return f"on {self._content(name).get('host', 'an unknown machine')!s:.60}"


@contextlib.contextmanager
def hold_store(store: Store, holder: str) -> Iterator[StoreLock]:
    """Hold the data set as long as the block runs.

    `holder` names whose runs exclude each other by other means: one of the same holder has died.

    Raises:
        OutputError: another run holds it.
    """
    lock = StoreLock(store, holder)
    lock.take()
    beating = threading.Thread(target=lock.beat, daemon=True)
    beating.start()
    try:
        yield lock
    finally:
        lock.give_back()
        beating.join(timeout=BEAT_S)
