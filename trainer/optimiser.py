"""AdamW with a rate for each part of the model, and how the rates go up and down."""

import math
from collections.abc import Iterator

import torch
from torch import nn

from somtom.trainer.model import Magma
from somtom.trainer.settings import OptimSettings


def make_optimiser(model: Magma, settings: OptimSettings, fused: bool) -> torch.optim.AdamW:
    """Give each part its rate; a part whose rate is 0 is frozen."""
    groups = []
    for part, rate in (
        (model.encoder, settings.encoder_lr),
        (model.projector, settings.projector_lr),
        (model.decoder, settings.lr),
    ):
        if not rate:
            part.requires_grad_(False)
        for decays, weights in _by_decay(part):
            if weights:
                decay = settings.weight_decay if decays else 0.0
                groups.append({"params": weights, "lr": rate, "highest": rate, "weight_decay": decay})
    if not groups:
        raise ValueError("optim.lr, projector_lr and encoder_lr are all 0: nothing would learn")
    return torch.optim.AdamW(groups, betas=(settings.beta1, settings.beta2), fused=fused)


def _by_decay(part: nn.Module) -> Iterator[tuple[bool, list[nn.Parameter]]]:
    """The weights that learn: matrices, and the rest with the embeddings."""
    tables = {id(one.weight) for one in part.modules() if isinstance(one, nn.Embedding)}
    weights = [one for one in part.parameters() if one.requires_grad]
    for decays in (True, False):
        yield decays, [one for one in weights if (one.ndim > 1 and id(one) not in tables) == decays]


def set_rates(optimiser: torch.optim.Optimizer, settings: OptimSettings, step: int, steps: int) -> float:
    """Set the rates of the step (from 0) of `steps` in all; gives the share of the highest."""
    share = rate_share(settings, step, steps)
    for group in optimiser.param_groups:
        group["lr"] = group["highest"] * share
    return share


def rate_share(settings: OptimSettings, step: int, steps: int) -> float:
    """Up in a line over the warm-up, then down half a cosine to `final_share` at the last step.

    >>> [round(rate_share(OptimSettings(warmup=2, final_share=0.0), step, 6), 2) for step in range(6)]
    [0.5, 1.0, 1.0, 0.75, 0.25, 0.0]
    """
    warmup = min(settings.warmup, steps)
    if step < warmup:
        return (step + 1) / warmup
    done = (step - warmup) / max(1, steps - 1 - warmup)
    return settings.final_share + (1 - settings.final_share) * (1 + math.cos(math.pi * min(1.0, done))) / 2
