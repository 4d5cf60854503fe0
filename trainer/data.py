"""The steps of a run: which samples each one learns from, prepared by worker processes ahead of time.

The order is decided for whole steps (`order.epoch_order`), and a rank takes every so many-th sample of each.
So a step learns from the same samples however many ranks and workers there are, each sample is drawn once an
epoch whatever their numbers, a rank that has no sample left still takes part, and going on at step n is
exact: nothing has to be read up to there.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import cv2
import numpy as np
import webdataset as wds
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from somtom.schemas.reasons import DataError
from somtom.trainer.batch import Batch
from somtom.trainer.collate import make_batches, make_example
from somtom.trainer.letterbox import View
from somtom.trainer.order import epoch_order
from somtom.trainer.samples import Samples
from somtom.trainer.settings import DataSettings
from somtom.trainer.tokens import Vocabulary

Drawn = tuple["Position", NDArray[np.int64], "Position"]
AHEAD = 3  # steps that each worker prepares ahead


@dataclass(frozen=True)
class Position:
    """Where in the data a run stands: at the `step`-th step of the `epoch`-th pass, both from 0."""

    epoch: int = 0
    step: int = 0


@dataclass(frozen=True)
class Step:
    """What one rank learns from in one step.

    Args:
        position: of this step.
        batches: the micro-batches.
        samples, tokens: how many samples are in them, and of how many tokens, pictures' cells among them.
        skipped: samples that were drawn, but of which nothing is to be learnt or that are too long.
        after: where the run goes on.
    """

    position: Position
    batches: tuple[Batch, ...]
    samples: int
    tokens: int
    skipped: int
    after: Position

    def pin_memory(self) -> "Step":
        """The same in memory that a GPU reads while it computes."""
        return replace(self, batches=tuple(batch.pin_memory() for batch in self.batches))


@dataclass(frozen=True)
class Steps:
    """All steps of a run for one rank, without end.

    Args:
        batch: samples a step, over all ranks.
        parts: micro-batches a step.
        rank, ranks: this process and how many there are.
    """

    samples: Samples
    vocabulary: Vocabulary
    view: View
    settings: DataSettings
    seed: int
    batch: int
    parts: int
    rank: int = 0
    ranks: int = 1

    def order(self, epoch: int) -> NDArray[np.int64]:
        """Numbers of the samples in the order of one epoch.

        Raises:
            DataError: `unsupported`: weights so low that there are none.
        """
        order = epoch_order(
            self.samples.counts, self.samples.weights, self.seed, epoch, self.settings.shuffle_shards
        )
        if not len(order):
            raise DataError("unsupported", f"epoch {epoch} draws no sample: raise data.weights")
        return order

    def positions(self, start: Position) -> Iterator[Drawn]:
        """Each step from `start` on: its position, its samples over all ranks, and what follows."""
        epoch, step = start.epoch, start.step
        while True:
            order = self.order(epoch)
            ends = -(-len(order) // self.batch)
            for number in range(step, ends):
                after = Position(epoch, number + 1) if number + 1 < ends else Position(epoch + 1, 0)
                yield Position(epoch, number), order[number * self.batch :][: self.batch], after
            epoch, step = epoch + 1, 0

    def prepare(self, drawn: Drawn) -> Step | DataError:
        """Read, decode and encode this rank's share of a step.

        What is wrong with a sample is given back: raised in a worker process it would lose its type.
        """
        cv2.setNumThreads(1)
        position, numbers, after = drawn
        examples, skipped = [], 0
        for number in numbers[self.rank :: self.ranks].tolist():
            try:
                sample = self.samples.read(number)
                examples.append(make_example(sample, self.vocabulary, self.view, self.settings))
            except DataError as error:
                if error.reason != "unsupported":
                    return error
                skipped += 1
        row_tokens = self.settings.max_tokens if self.settings.packing else 0
        batches = make_batches(examples, self.vocabulary, self.view, self.parts, row_tokens)
        tokens = sum(one.length for one in examples)
        return Step(position, tuple(batches), len(examples), tokens, skipped, after)

    def load(self, start: Position, pin: bool = False) -> Iterator[Step]:
        """The steps from `start` on, prepared ahead by `settings.workers` processes, in order.

        Raises:
            DataError: a sample is damaged.
        """
        pipeline = wds.DataPipeline(
            partial(self.positions, start),
            wds.split_by_worker,  # every so many-th step; the loader takes them in turn, so in order
            wds.map(self.prepare),
        )
        loader: DataLoader[Any] = DataLoader(
            pipeline,
            batch_size=None,
            num_workers=self.settings.workers,
            prefetch_factor=AHEAD if self.settings.workers else None,
            pin_memory=pin,
        )
        for step in loader:
            if isinstance(step, DataError):
                raise step
            yield step
