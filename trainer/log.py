"""What a run tells while it trains: lines in log.csv, numbers for TensorBoard, a progress bar."""

import csv
import resource
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from somtom.schemas.files import write_whole
from somtom.trainer.checkpoint import Progress
from somtom.trainer.settings import RunSettings

LOG = "log.csv"
COLUMNS = (
    "step",  # steps done
    "epoch",  # passes over the data that are done
    "loss",  # nats a token learnt, before each update; mean over the steps since the line before
    "rate",  # share of the highest learning rates
    "gradient",  # norm of the last step's gradient, before clipping
    "samples",  # learnt from since the beginning
    "tokens",  # read since the beginning, pictures' cells among them
    "skipped",  # samples too long or without anything to learn, since the beginning
    "samples_per_s",  # since the line before, like the rest
    "tokens_per_s",
    "data_wait",  # share of the time that was spent waiting for data
    "memory_mb",  # the most so far: of the GPU, or of the process on a CPU
)


class Log:
    """Writes the log of one run; only the first rank has one.

    A run that goes on takes lines of steps that are done again off its log first.
    """

    def __init__(
        self, out: Path, settings: RunSettings, progress: Progress, steps: int, device: torch.device
    ) -> None:
        done = progress.step
        out.mkdir(parents=True, exist_ok=True)
        kept = [row for row in read_log(out) if int(row["step"]) <= done] if done else []
        lines = [",".join(COLUMNS), *(",".join(row[name] for name in COLUMNS) for row in kept)]
        write_whole(out / LOG, ("\n".join(lines) + "\n").encode())
        self._file = (out / LOG).open("a", encoding="utf-8")
        self._device = device
        self._begun = time.perf_counter()
        self._waited_s = 0.0
        self._last = progress
        self._bar = tqdm(total=steps, initial=done, unit="step", disable=not sys.stderr.isatty())
        self._board: Any = None
        if settings.tensorboard:
            from torch.utils.tensorboard import SummaryWriter

            self._board = SummaryWriter(str(out / "tensorboard"), purge_step=done + 1 if done else None)

    def add(self, waited_s: float) -> None:
        """A step was done that had to wait for its data."""
        self._waited_s += waited_s
        self._bar.update()

    def write(self, progress: Progress, share: float, gradient: float) -> None:
        """Write the line of the step that was done last, and begin to measure anew."""
        took_s = time.perf_counter() - self._begun
        loss = progress.losses / max(1, progress.since)
        values: dict[str, str | int] = {
            "step": progress.step,
            "epoch": progress.position.epoch,
            "loss": repr(loss),  # to the last digit, so that runs can be compared
            "rate": f"{share:.6g}",
            "gradient": f"{gradient:.6g}",
            "samples": progress.samples,
            "tokens": progress.tokens,
            "skipped": progress.skipped,
            "samples_per_s": f"{(progress.samples - self._last.samples) / took_s:.2f}",
            "tokens_per_s": f"{(progress.tokens - self._last.tokens) / took_s:.0f}",
            "data_wait": f"{self._waited_s / took_s:.4f}",
            "memory_mb": f"{peak_memory_mb(self._device):.0f}",
        }
        csv.writer(self._file, lineterminator="\n").writerow([values[name] for name in COLUMNS])
        self._file.flush()
        self.write_scalars({name: float(values[name]) for name in COLUMNS[1:]}, progress.step)
        self._bar.set_postfix(loss=f"{loss:.3f}", tokens_per_s=values["tokens_per_s"])
        self._begun, self._waited_s, self._last = time.perf_counter(), 0.0, progress

    def write_scalars(self, values: Mapping[str, float], step: int) -> None:
        """Give numbers to TensorBoard."""
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(name, value, step)

    def close(self) -> None:
        """Finish the files."""
        self._bar.close()
        self._file.close()
        if self._board is not None:
            self._board.close()


def read_log(out: Path) -> list[dict[str, str]]:
    """Read log.csv; empty where there is none. A line cut off by a crash is left out."""
    try:
        with (out / LOG).open(encoding="utf-8", newline="") as file:
            return [row for row in csv.DictReader(file) if all(row.get(name) for name in COLUMNS)]
    except FileNotFoundError:
        return []


def peak_memory_mb(device: torch.device) -> float:
    """The most memory used so far, in MB (10^6 bytes): allocated on the GPU, or resident on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
