"""How alike the surroundings of a point's estimate are to those of its query, in CoTracker3's features."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from somtom.tracking.cotracker3_model import LEVELS, PATCH
from somtom.tracking.cotracker3_packed import multiply

RADIUS = PATCH // 2


@dataclass(frozen=True)
class Level:
    """One level of the features of all frames of a batch of clips.

    Args:
        rows: (B T H W, C): features, frame by frame, row by row.
        height, width: of the level.
    """

    rows: Tensor
    height: int
    width: int


def make_pyramid(features: Tensor) -> list[Level]:
    """Halve features (B T, C, H, W) three times by means of 2 x 2."""
    levels = []
    for number in range(LEVELS):
        if number:
            features = functional.avg_pool2d(features, 2)
        height, width = features.shape[2:]
        levels.append(Level(features.permute(0, 2, 3, 1).reshape(-1, features.shape[1]), height, width))
    return levels


def gather(level: Level, frames: Tensor, xy: Tensor) -> tuple[Tensor, Tensor]:
    """Cut the 8 x 8 features around positions; what lies outside repeats the border.

    The 7 x 7 patch of any position lies between the features of an 8 x 8 one, all at the same fraction, so
    these can be compared first and interpolated afterwards.

    Args:
        frames: (M,) which of the batch's frames.
        xy: (M, 2) in the level's features.

    Returns:
        (M, 64, C), x slow and y fast, and the fraction of x and y (M, 2).
    """
    starts, fractions = [], []
    for axis, length in enumerate((level.width, level.height)):
        # Far outside, a position would not fit an integer; all that is further away looks the same.
        place = xy[:, axis].clamp(-2 * PATCH, length + PATCH)
        starts.append(place.floor())
        fractions.append(place - starts[-1])
    around = torch.arange(-RADIUS, RADIUS + 2, device=xy.device)
    x = (starts[0].long()[:, None] + around).clamp(0, level.width - 1)
    y = (starts[1].long()[:, None] + around).clamp(0, level.height - 1)
    index = (frames[:, None, None] * level.height + y[:, None, :]) * level.width + x[:, :, None]
    patch = level.rows.index_select(0, index.flatten()).unflatten(0, (len(xy), -1))
    return patch, torch.stack(fractions, dim=-1)


def interpolate(patch: Tensor, fraction: Tensor) -> Tensor:
    """Interpolate (M, 64, K) values on 8 x 8 places at fractions (M, 2): (M, 49, K), x slow and y fast."""
    square = patch.float().unflatten(1, (PATCH + 1, PATCH + 1))
    x, y = fraction[:, 0, None, None, None], fraction[:, 1, None, None, None]
    square = torch.lerp(square[:, :-1], square[:, 1:], x)
    return torch.lerp(square[:, :, :-1], square[:, :, 1:], y).flatten(1, 2)


def cut_templates(pyramid: list[Level], frames: Tensor, xy: Tensor) -> list[Tensor]:
    """Cut the patches of queries: for each level (M, 49, C).

    Args:
        frames: (M,) which of the batch's frames.
        xy: (M, 2) in the finest level's features.
    """
    return [
        interpolate(*gather(level, frames, xy / 2**number)).to(level.rows.dtype)
        for number, level in enumerate(pyramid)
    ]


def correlate(level: Level, template: Tensor, frames: Tensor, xy: Tensor) -> Tensor:
    """Compare the patches of a level with templates, each feature with each.

    Args:
        template: (M, 49, C), one for each track.
        frames: (M, T) which of the batch's frames.
        xy: (M, T, 2) in the level's features.

    Returns:
        (M, T, 2401) inner products, the patch's place slow and the template's fast.
    """
    tracks, length = frames.shape
    patch, fraction = gather(level, frames.flatten(), xy.flatten(0, 1))
    products = multiply(patch.reshape(tracks, -1, patch.shape[2]), template)
    return interpolate(products.reshape(tracks * length, -1, PATCH**2), fraction).reshape(tracks, length, -1)
