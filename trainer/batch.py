"""What the model is given: rows of ids, and the pictures that stand in them."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor

IGNORED = -100  # label of a position where nothing is learnt


@dataclass(frozen=True)
class Batch:
    """B rows of L tokens; N pictures of S x S pixels, cut by the encoder into N x G x G cells.

    Args:
        ids: (B, L) int64. The M <image> ids, row by row, are the M cells of `cells`.
        labels: (B, L) int64: the id that follows each position, IGNORED where it is not learnt.
        positions: (B, L) int64: from 0 in each sample.
        segments: (B, L) int64: number of the sample within its row from 1, 0 where the row is filled up; only
            tokens of one sample see each other. None: one sample a row, filled up at its end.
        pixels: (N, 3, S, S) uint8 RGB.
        cells: (M,) int64: which of the N * G * G cells, counted picture by picture and row by row, are shown.
        places: (M, 2) float32: x, y of each shown cell's centre within its picture, 0 to 1 over its width
            and height: the frame that coordinates in texts have, however the picture lies in its square.
        keys: the samples' keys.
    """

    ids: Tensor
    labels: Tensor
    positions: Tensor
    segments: Tensor | None
    pixels: Tensor
    cells: Tensor
    places: Tensor
    keys: tuple[str, ...] = ()

    def to(self, device: torch.device) -> "Batch":
        """The same batch on another device."""
        return self._with(lambda tensor: tensor.to(device, non_blocking=True))

    def pin_memory(self) -> "Batch":
        """The same batch in memory that a GPU reads while it computes."""
        return self._with(Tensor.pin_memory)

    def _with(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        values: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        for name, value in values.items():
            values[name] = change(value) if isinstance(value, Tensor) else value
        return Batch(**values)

    @property
    def learnt(self) -> int:
        """How many tokens are learnt."""
        return int((self.labels != IGNORED).sum())
