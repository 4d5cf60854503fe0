"""Work for `local.run_tasks` that worker processes can import."""

import os
import signal
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path


@dataclass(frozen=True)
class Job:
    """A task that notes each attempt in the folder; `how` says what the first attempt does."""

    folder: Path
    name: str
    how: str = ""

    def attempts(self) -> list[int]:
        """Process ids of the attempts, in their order."""
        path = self.folder / self.name
        return [int(line) for line in path.read_text().split()] if path.exists() else []


def do(job: Job) -> None:
    with (job.folder / job.name).open("a") as file:
        file.write(f"{os.getpid()}\n")
    first = len(job.attempts()) == 1
    if job.how == "bug":
        raise ZeroDivisionError(f"a bug in {job.name}")
    if job.how == "full":
        with Path("/dev/full").open("wb", buffering=0) as file:
            file.write(b"x")
    if job.how == "hidden bug":
        try:
            (job.folder / "nothing").read_bytes()
        except OSError:
            raise ZeroDivisionError("a bug while an error was handled") from None
    if first and job.how == "abort":
        os.abort()
    if first and job.how == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if job.how == "block":
        (job.folder / "fifo").write_text(f"{os.getpid()}\n")
        os.read(os.pipe()[0], 1)


class Unloadable:
    """Work that can be sent but not received."""

    def __call__(self, job: Job) -> None:
        raise NotImplementedError

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return import_module, ("no_module_of_this_name",)
