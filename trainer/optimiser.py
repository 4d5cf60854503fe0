"""AdamW, or Muon for matrices, with a rate for each part of the model, and how the rates go up and down."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from somtom.trainer.model import Magma
from somtom.trainer.settings import OptimSettings


@dataclass(frozen=True)
class Optimisers:
    """What moves the weights: each weight belongs to one of the parts."""

    parts: tuple[torch.optim.Optimizer, ...]

    @property
    def groups(self) -> list[dict[str, Any]]:
        """The groups of weights of all parts, each with its rate."""
        return [group for part in self.parts for group in part.param_groups]

    def moments(self, weight: Tensor) -> dict[str, Tensor]:
        """What is remembered of a weight, by name; nothing before its first step, or where it is frozen."""
        return next((part.state[weight] for part in self.parts if weight in part.state), {})

    def restore(self, weight: Tensor, moments: dict[str, Tensor]) -> None:
        """Go on with what was remembered of a weight."""
        for part in self.parts:
            if any(weight is one for group in part.param_groups for one in group["params"]):
                part.state[weight] = moments

    def step(self) -> None:
        """Move all weights."""
        for part in self.parts:
            part.step()

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for part in self.parts:
            part.zero_grad()


def make_optimisers(model: Magma, settings: OptimSettings, fused: bool) -> Optimisers:
    """Give each part of the model its rate; a part whose rate is 0 is frozen."""
    groups: dict[bool, list[dict[str, Any]]] = {True: [], False: []}  # by whether Muon moves them
    head = model.decoder.get_output_embeddings().weight
    for part, rate in (
        (model.encoder, settings.encoder_lr),
        (model.projector, settings.projector_lr),
        (model.decoder, settings.lr),
    ):
        if not rate:
            part.requires_grad_(False)
        for decays, weights in _by_decay(part):
            decay = settings.weight_decay if decays else 0.0
            for by_muon, some in groups.items():
                own = [one for one in weights if by_muon == _is_for_muon(one, decays, head, settings)]
                highest = rate * settings.muon if by_muon else rate
                if own:
                    some.append({"params": own, "lr": highest, "highest": highest, "weight_decay": decay})
    if not any(groups.values()):
        raise ValueError("optim.lr, projector_lr and encoder_lr are all 0: nothing would learn")
    parts: list[torch.optim.Optimizer] = []
    if groups[True]:
        # With this scale steps are as large as AdamW's of the same rate (arXiv 2502.16982, section 2.2).
        parts.append(torch.optim.Muon(groups[True], adjust_lr_fn="match_rms_adamw"))
    if groups[False]:
        betas = settings.beta1, settings.beta2
        parts.append(torch.optim.AdamW(groups[False], betas=betas, fused=fused))
    return Optimisers(tuple(parts))


def _is_for_muon(weight: Tensor, decays: bool, head: Tensor, settings: OptimSettings) -> bool:
    """Whether it is a matrix between layers: no table of ids, no kernel of a convolution."""
    return settings.muon > 0 and decays and weight.ndim == 2 and weight is not head


def _by_decay(part: nn.Module) -> Iterator[tuple[bool, list[nn.Parameter]]]:
    """The weights that learn: matrices, and the rest with the embeddings."""
    tables = {id(one.weight) for one in part.modules() if isinstance(one, nn.Embedding)}
    weights = [one for one in part.parameters() if one.requires_grad]
    for decays in (True, False):
        yield decays, [one for one in weights if (one.ndim > 1 and id(one) not in tables) == decays]


def set_rates(optimisers: Optimisers, settings: OptimSettings, step: int, steps: int) -> float:
    """Set the rates of the step (from 0) of `steps` in all; gives the share of the highest."""
    share = rate_share(settings, step, steps)
    for group in optimisers.groups:
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
