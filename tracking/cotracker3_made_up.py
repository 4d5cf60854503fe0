"""Weights for CoTracker3 that anybody can make again: random, but the same everywhere.

They show whether two engines compute the same, and what that costs; what they track is nonsense.
"""

import zlib
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from somtom.tracking.cotracker3_model import TIMES, TOKEN, CoTracker3Model


def write_made_up_weights(path: Path) -> Path:
    """Write a checkpoint whose weights are drawn, each from its name, so that numbers stay small."""
    with torch.device("meta"):
        shapes = {name: tuple(value.shape) for name, value in CoTracker3Model().state_dict().items()}
    torch.save({name: torch.from_numpy(_draw(name, shape)) for name, shape in shapes.items()}, path)
    return path


def _draw(name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    if name == "time_emb":
        angles = np.arange(TIMES)[:, None] / 10_000 ** (np.arange(TOKEN // 2) / (TOKEN // 2))
        return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)[None].astype(np.float32)
    generator = np.random.Generator(np.random.PCG64(zlib.crc32(name.encode())))
    drawn: NDArray[np.float32] = generator.standard_normal(shape, dtype=np.float32)
    if name.endswith("bias"):
        return drawn * np.float32(0.02)
    if len(shape) == 1:
        return 1 + np.float32(0.05) * drawn
    drawn /= np.float32(np.sqrt(np.prod(shape[1:])))
    return drawn * np.float32(0.5) if name == "updateformer.flow_head.weight" else drawn
