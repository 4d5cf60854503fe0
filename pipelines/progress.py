"""Live progress of a stage: how far it is, how fast, and when it will be done.

On every runner the notes of the workers tell, which name what each has behind it or, where workers share no
folder with the driver, what is finished; and the job's own counters, where its runner gives them early.
"""

import logging
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from tqdm import tqdm

from somtom.pipelines.job_watch import forget_job, read_job
from somtom.transforms.attempts import progress_of
from somtom.transforms.logs import current_logs

LINE_EVERY_S = 30.0  # of progress, where it is logged as JSON


class StageProgress:
    """A progress bar over inputs, fed by finished tasks and by the notes of those under way.

    Args:
        title: name of the stage.
        unit: what is counted.
        total: inputs of the whole stage; `done` of them were done by an earlier run.
        notes: folder of the attempts' notes.
        shown: False for no bar at all.
    """

    def __init__(self, title: str, unit: str, total: int, done: int, notes: Path, shown: bool) -> None:
        self._notes = notes
        forget_job(notes)
        self._before = self._finished = done
        self._title, self._unit, self._total = title, unit, total
        self._is_logged = shown and current_logs().form == "json"
        self._next_line = 0.0
        self._bar = tqdm(
            total=total,
            initial=done,
            desc=title,
            unit=f" {unit}",
            disable=not shown or self._is_logged,
            smoothing=0.05,
            dynamic_ncols=True,
            mininterval=0.5,
        )

    def __enter__(self) -> Self:
        return self

    def finish(self, inputs: int) -> None:
        """Count a finished task of so many inputs."""
        self._finished += inputs

    def show(self, under_way: Iterable[str]) -> None:
        """Redraw, with what the tasks under way have behind them."""
        now = self._finished + sum(progress_of(self._notes, task) for task in under_way)
        said = ""
        if (job := read_job(self._notes)) is not None:
            counted = self._before + job.inputs
            told_by = "its counters" if counted > now else "its workers' notes"
            said = f", job {job.state}, by {told_by}"
            self._bar.set_postfix_str(said.removeprefix(", "), refresh=False)
            now = max(now, counted)
        self._bar.update(max(0, now - self._bar.n))
        if self._is_logged and time.monotonic() >= self._next_line:
            self._log(now, said)

    def _log(self, now: int, said: str = "") -> None:
        logging.getLogger(__name__).info("%s: %d of %d %s%s", self._title, now, self._total, self._unit, said)
        self._next_line = time.monotonic() + LINE_EVERY_S

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._bar.update(max(0, self._finished - self._bar.n))
            if self._is_logged:
                self._log(self._finished)
        self._bar.close()
