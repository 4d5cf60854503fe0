"""Records and batches that the trainer's tests make up."""

from collections.abc import Sequence
from typing import Any

import torch

from somtom.schemas.record import complete_record
from somtom.trainer.batch import IGNORED, Batch
from somtom.trainer.model import Magma
from somtom.trainer.settings import ModelSettings
from somtom.trainer.tokens import Vocabulary, train_vocabulary

torch.set_num_threads(1)  # more of them wait for each other, where tests run side by side

TEXTS = [
    "Locate all the marks in the image.",
    "Which mark moves, and where to? Answer in JSON.",
    "click : ",
] * 3


def small_vocabulary(marks: int = 20) -> Vocabulary:
    """A vocabulary of about 1000 ids, trained on three questions."""
    return train_vocabulary(TEXTS, 320, marks)


def nano(vocabulary: Vocabulary, image_size: int = 64, seed: int = 0) -> Magma:
    """The nano model for pictures of 4 x 4 cells."""
    return Magma.from_settings(ModelSettings(image_size=image_size), vocabulary, seed)


def record_of(turns: Sequence[str], **values: Any) -> dict[str, Any]:
    """A record whose turns are question and answer by turns."""
    said = [{"from": ("human", "gpt")[n % 2], "value": value} for n, value in enumerate(turns)]
    source = {"kind": "video", "dataset": "toys", "uri": "a", "group": "a"}
    given = {"id": "a", "split": "train", "task": "som", "width": 64, "height": 48, "source": source}
    return complete_record({**given, "conversations": said, **values})


def made_up_batch(
    model: Magma, vocabulary: Vocabulary, lengths: Sequence[int], cells: int = 6, seed: int = 0
) -> Batch:
    """One sample a row: `cells` cells of a picture, then `length` tokens; the second half is learnt."""
    random = torch.Generator().manual_seed(seed)
    total, size = max(lengths) + cells, model.image_size
    ids = torch.full((len(lengths), total), vocabulary.pad)
    labels = torch.full_like(ids, IGNORED)
    ids[:, :cells] = vocabulary.image
    for row, length in enumerate(lengths):
        end = cells + length
        ids[row, cells:end] = torch.randint(0, vocabulary.base, (length,), generator=random)
        half = cells + length // 2
        labels[row, half : end - 1] = ids[row, half + 1 : end]
    picture = model.cells_a_side() ** 2
    return Batch(
        ids,
        labels,
        torch.arange(total).expand(len(lengths), total).contiguous(),
        None,
        torch.randint(0, 256, (len(lengths), 3, size, size), dtype=torch.uint8, generator=random),
        (picture * torch.arange(len(lengths))[:, None] + torch.arange(cells)).flatten(),
        torch.rand(cells * len(lengths), 2, generator=random),
    )
