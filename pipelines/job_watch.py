"""Asks a Beam job how far it is while it runs, and notes the answer for the driver, a process of its own."""

import contextlib
import json
import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from somtom.pipelines.job_metrics import JobMetrics, metrics_of, note_metrics
from somtom.schemas.files import write_whole

ASK_EVERY_S = 5.0
_NOTE = "job.json"


@dataclass(frozen=True)
class JobNote:
    """What a job said of itself.

    Args:
        state: as Beam calls it, such as "RUNNING".
        inputs: that its own counters say are done; 0 also where its runner counts at the end only.
    """

    state: str
    inputs: int


def read_job(notes: Path) -> JobNote | None:
    """What the job under way said last; None where there is none."""
    try:
        return JobNote(**json.loads((notes / _NOTE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def forget_job(notes: Path) -> None:
    """Take away what a job said of itself that is over, or that died."""
    (notes / _NOTE).unlink(missing_ok=True)


@contextlib.contextmanager
def watching(result: Any, notes: Path) -> Iterator[None]:
    """Ask the job every few seconds while the block waits for its end, and once more then."""
    ended = threading.Event()
    name = f"job-{time.time_ns()}"  # a stage may need several, and what each counted is added up

    def ask() -> None:
        try:
            metrics = metrics_of(result)
            _write(notes, JobNote(str(result.state), _inputs(metrics)))
            note_metrics(notes, name, metrics)
        except Exception as error:  # any runner's own; that it cannot be asked must not end its job
            logging.getLogger(__name__).info("the job cannot be asked what it counted: %s", error)

    def watch() -> None:
        while not ended.wait(ASK_EVERY_S):
            ask()

    thread = threading.Thread(target=watch, name="job-watch", daemon=True)
    thread.start()
    try:
        yield
        ended.set()
        thread.join()
        ask()
    finally:
        ended.set()
        forget_job(notes)


def _inputs(metrics: JobMetrics) -> int:
    """How many inputs of its stage a job has behind it: of the one or of the other, it has one stage."""
    return metrics.counters["items_scanned"] + metrics.counters["clips_taken"]


def _write(notes: Path, note: JobNote) -> None:
    write_whole(notes / _NOTE, json.dumps(asdict(note)).encode())
