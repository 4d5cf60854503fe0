"""From samples to the batches of a step: examples, rows, micro-batches."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from somtom.schemas.pictures import decode_jpeg
from somtom.schemas.sample import Sample
from somtom.trainer.batch import IGNORED, Batch
from somtom.trainer.letterbox import Shown, View, show_picture
from somtom.trainer.order import pack_lengths
from somtom.trainer.settings import DataSettings
from somtom.trainer.tokens import Vocabulary
from somtom.trainer.turns import EncodedTurns, encode_turns

# Rows are as long as a multiple of it: few shapes, for which kernels are made and kept.
MULTIPLE = 32


@dataclass(frozen=True)
class Example:
    """One sample as the model reads it: its conversation in ids, and its pictures in their order."""

    key: str
    turns: EncodedTurns
    pictures: tuple[Shown, ...]

    @property
    def length(self) -> int:
        """Tokens that the model reads: the last one is only ever predicted."""
        return len(self.turns.ids) - 1


def make_example(sample: Sample, vocabulary: Vocabulary, view: View, settings: DataSettings) -> Example:
    """Decode a sample's pictures, each once, and encode its conversation.

    Raises:
        DataError: `bad_record`: a picture is damaged; `unsupported`: nothing of it is to be learnt.
    """
    pictures = tuple(
        show_picture(decode_jpeg(data), view) for data in picture_bytes(sample, settings.picture)
    )
    cells = [len(one.cells) for one in pictures]
    turns = encode_turns(sample.record, vocabulary, cells, settings.answers, settings.max_tokens)
    return Example(sample.key, turns, pictures)


def picture_bytes(sample: Sample, picture: str) -> list[bytes]:
    """What is shown, as JPEGs: earlier pictures, the oldest first, the one asked about, further cameras."""
    earlier = [data for name, data in sample.extra if name.startswith("h")]
    further = [data for name, data in sample.extra if name.startswith("cam")]
    return [*earlier, sample.marked_jpeg if picture == "marked" else sample.clean_jpeg, *further]


def make_batches(
    examples: Sequence[Example], vocabulary: Vocabulary, view: View, parts: int, row_tokens: int = 0
) -> list[Batch]:
    """Make exactly `parts` micro-batches, some of them perhaps without rows.

    Rows of like length stand together, so that little is filled up. With `row_tokens`, rows of up to so many
    tokens hold several examples each.
    """
    lengths = np.array([one.length for one in examples], np.int64)
    if row_tokens:
        rows = pack_lengths(lengths, row_tokens)
    else:
        rows = [[number] for number in np.argsort(-lengths, kind="stable").tolist()]
    rows.sort(key=lambda row: -int(lengths[row].sum()))
    ends = [len(rows) * part // parts for part in range(parts + 1)]
    return [
        _collate(
            [[examples[number] for number in row] for row in rows[start:end]],
            vocabulary,
            view,
            bool(row_tokens),
        )
        for start, end in itertools.pairwise(ends)
    ]


def _collate(rows: Sequence[Sequence[Example]], vocabulary: Vocabulary, view: View, packed: bool) -> Batch:
    longest = max((sum(one.length for one in row) for row in rows), default=0)
    length = longest + -longest % MULTIPLE
    ids = np.full((len(rows), length), vocabulary.pad, np.int64)
    labels = np.full((len(rows), length), IGNORED, np.int64)
    positions = np.tile(np.arange(length), (len(rows), 1))
    segments = np.zeros((len(rows), length), np.int64)
    for row, examples in enumerate(rows):
        start = 0
        for number, one in enumerate(examples, start=1):
            here = np.s_[row, start : start + one.length]
            ids[here] = one.turns.ids[:-1]
            labels[here] = np.where(one.turns.learnt, one.turns.ids, IGNORED)[1:]
            positions[here] = np.arange(one.length)
            segments[here] = number
            start += one.length
    pictures = [shown for row in rows for one in row for shown in one.pictures]
    return Batch(
        torch.from_numpy(ids),
        torch.from_numpy(labels),
        torch.from_numpy(positions),
        torch.from_numpy(segments) if packed else None,
        *stack_pictures(pictures, view),
        tuple(one.key for row in rows for one in row),
    )


def stack_pictures(pictures: Sequence[Shown], view: View) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Pixels, cells and places of pictures one after the other, as in `Batch`."""
    size, each = view.image_size, view.cells_a_side**2
    pixels = (
        np.stack([one.pixels for one in pictures]) if pictures else np.empty((0, 3, size, size), np.uint8)
    )
    cells = [number * each + one.cells for number, one in enumerate(pictures)]
    places = [one.places for one in pictures]
    return (
        torch.from_numpy(pixels),
        torch.from_numpy(np.concatenate([*cells, np.empty(0, np.int64)])),
        torch.from_numpy(np.concatenate([*places, np.empty((0, 2), np.float32)])),
    )
