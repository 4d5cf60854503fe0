"""What a process that submits a pipeline sees to: it ends with a worker that died, and leaves nothing."""

import contextlib
import os
import re
import signal
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class InOwnProcess:
    """Work with Beam for a process of its own, which does nothing after it.

    Args:
        run: the work; picklable.
        temporary: where temporary files go, of Beam's too; whoever starts the process removes them.
    """

    run: Callable[[str], None]
    temporary: Path

    def __call__(self, name: str) -> None:
        """Do the work; end as soon as a worker process of Beam's own has died, for Beam waits for ever."""
        self.temporary.mkdir(parents=True, exist_ok=True)
        tempfile.tempdir = os.environ["TMPDIR"] = str(self.temporary)
        threading.excepthook = _end_as_the_worker
        self.run(name)


def _end_as_the_worker(died: threading.ExceptHookArgs) -> None:
    """Beam 2.77 raises how a worker ended in the thread that watches it, where nobody hears of it."""
    found = re.search(r"Worker subprocess exited with return code (-?\d+)", str(died.exc_value))
    if found is None:
        threading.__excepthook__(died)
        return
    code = int(found[1])
    by_signal = -code if code < 0 else code - 128  # as a shell says it
    if by_signal in signal.valid_signals():
        with contextlib.suppress(OSError):  # SIGKILL is never handled
            signal.signal(by_signal, signal.SIG_DFL)
        os.kill(os.getpid(), by_signal)
    os._exit(code if 0 < code < 256 else 1)
