"""Greedy decoding: batches, padding, the cache and the end."""

import pytest
import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

from somtom.trainer.generate import generate


@pytest.fixture(scope="module")
def decoder() -> LlamaForCausalLM:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=40,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        bos_token_id=None,
        eos_token_id=None,
    )
    model = LlamaForCausalLM(config).eval()
    with torch.no_grad():  # spread, so that the next id follows from what was said before
        for weight in model.parameters():
            weight.mul_(4.0 if weight.ndim > 1 else 1.0)
    return model


def prompts_of(decoder: LlamaForCausalLM, *lengths: int) -> list[Tensor]:
    random = torch.Generator().manual_seed(1)
    ids = [torch.randint(0, 40, (length,), generator=random) for length in lengths]
    return [decoder.get_input_embeddings()(one).detach() for one in ids]


@torch.no_grad()
def slowly(decoder: LlamaForCausalLM, prompt: Tensor, end: int, most: int) -> list[int]:
    """One prompt, everything read anew for each id."""
    said: list[int] = []
    while len(said) < most:
        given = torch.cat([prompt, decoder.get_input_embeddings()(torch.tensor(said, dtype=torch.long))])
        one = int(decoder(inputs_embeds=given[None]).logits[0, -1].argmax())
        if one == end:
            break
        said.append(one)
    return said


def test_a_batch_says_what_each_prompt_alone_says(decoder: LlamaForCausalLM) -> None:
    prompts = prompts_of(decoder, 5, 1, 23, 12, 2, 9, 30, 17)
    most = [30, 4, 40, 9, 25, 40, 1, 20]
    end = slowly(decoder, prompts[2], -1, 12)[-1]  # an id that it says
    pairs = list(zip(prompts, most, strict=True))
    wanted = [slowly(decoder, prompt, end, some) for prompt, some in pairs]
    assert generate(decoder, prompts, end, most) == wanted
    assert [generate(decoder, [prompt], end, [some])[0] for prompt, some in pairs] == wanted
    # Some end by themselves, some are cut, and it is not one answer over and over.
    assert any(len(said) < some for said, some in zip(wanted, most, strict=True))
    assert any(len(said) == some for said, some in zip(wanted, most, strict=True))
    assert len({tuple(said) for said in wanted}) > 4


def test_no_answer_is_longer_than_allowed(decoder: LlamaForCausalLM) -> None:
    prompts = prompts_of(decoder, 4, 6)
    assert generate(decoder, prompts, end=-1, most=[0, 5])[0] == []
    assert [len(said) for said in generate(decoder, prompts, end=-1, most=[3, 5])] == [3, 5]
