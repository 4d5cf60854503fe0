import pytest
import torch

from somtom.trainer.model import Magma
from somtom.trainer.optimiser import make_optimisers, set_rates
from somtom.trainer.settings import ModelSettings, OptimSettings
from somtom.trainer.tokens import train_vocabulary


@pytest.fixture
def model() -> Magma:
    vocabulary = train_vocabulary(["Where is the red disc?"], 330, 8)
    return Magma.from_settings(ModelSettings(image_size=64), vocabulary)


@pytest.mark.parametrize("muon", [0.0, 1.0])
def test_each_weight_belongs_to_one_group_with_the_rate_of_its_part(model: Magma, muon: float) -> None:
    settings = OptimSettings(muon=muon, lr=1e-3, projector_lr=2e-3, encoder_lr=3e-3)
    optimisers = make_optimisers(model, settings, fused=True)
    rates = {id(weight): group["lr"] for group in optimisers.groups for weight in group["params"]}
    assert sum(len(group["params"]) for group in optimisers.groups) == len(rates)
    parts = {"encoder": 3e-3, "projector": 2e-3, "decoder": 1e-3}
    for name, weight in model.named_parameters():
        assert rates.get(id(weight)) == (parts[name.split(".")[0]] if weight.requires_grad else None)


def test_muon_moves_the_matrices_between_layers_and_adamw_the_rest(model: Magma) -> None:
    muon, adamw = make_optimisers(model, OptimSettings(muon=3.0), fused=True).parts
    assert isinstance(muon, torch.optim.Muon) and isinstance(adamw, torch.optim.AdamW)
    names = {id(weight): name for name, weight in model.named_parameters()}
    moved = {names[id(weight)] for group in muon.param_groups for weight in group["params"]}
    assert {"decoder.model.layers.0.self_attn.q_proj.weight", "projector.rise.weight"} <= moved
    assert not {"decoder.model.embed_tokens.weight", "decoder.lm_head.weight"} & moved
    assert all(weight.ndim == 2 for group in muon.param_groups for weight in group["params"])
    assert {group["lr"] for group in muon.param_groups} == {3.0 * 1e-3}
    assert {group["lr"] for group in adamw.param_groups} == {1e-3}


def test_a_weight_goes_on_with_its_own_moments(model: Magma) -> None:
    settings = OptimSettings(muon=3.0)
    first, second = (make_optimisers(model, settings, fused=True) for _ in range(2))
    weights = [weight for group in first.groups for weight in group["params"]]
    assert not first.moments(weights[0])
    for weight in weights:
        weight.grad = torch.ones_like(weight)
    set_rates(first, settings, 0, 10)
    first.step()
    for weight in weights:
        assert first.moments(weight)
        second.restore(weight, first.moments(weight))
        assert second.moments(weight) is first.moments(weight)
