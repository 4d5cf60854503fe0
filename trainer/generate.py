"""Greedy decoding of many answers at once."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from transformers import DynamicCache, LlamaForCausalLM


@torch.inference_mode()
def generate(
    decoder: LlamaForCausalLM, prompts: Sequence[Tensor], end: int, most: Sequence[int]
) -> list[list[int]]:
    """Let the decoder go on with each prompt by its likeliest id, until it says `end`.

    Rows are filled up behind their prompts. What fills them is hidden, and a row's positions go on where its
    prompt ends: so a row's answer does not depend on the others. Keys and values are kept, and rows that are
    done leave.

    Args:
        prompts: (L, D) what the decoder reads of each, L at least 1.
        end: the id that ends an answer.
        most: ids that each answer may have.

    Returns:
        For each prompt its answer's ids, without `end`; as many as `most` where it did not end.
    """
    answers: list[list[int]] = [[] for _ in prompts]
    lengths = torch.tensor([len(prompt) for prompt in prompts], device=prompts[0].device)
    embedded = nn.utils.rnn.pad_sequence(list(prompts), batch_first=True)  # (B, L, D)
    seen = torch.arange(embedded.shape[1], device=lengths.device) < lengths[:, None]  # (B, L) keys that count
    positions = torch.arange(embedded.shape[1], device=lengths.device).expand(len(prompts), -1)
    cache = DynamicCache(config=decoder.config)
    hidden = _read(decoder, embedded, seen, positions, cache)
    last = hidden[torch.arange(len(prompts), device=lengths.device), lengths - 1]  # (B, D)
    rows = list(range(len(prompts)))  # which prompt stands in each row of the batch
    while True:
        said = decoder.lm_head(last).argmax(dim=-1)  # (B,)
        going = []  # places in the batch of the rows that go on
        for place, (row, one) in enumerate(zip(rows, said.tolist(), strict=True)):
            if one != end and len(answers[row]) < most[row]:
                answers[row].append(one)
                if len(answers[row]) < most[row]:
                    going.append(place)
        if not going:
            return answers
        if len(going) < len(rows):
            rows, left = [rows[place] for place in going], torch.tensor(going, device=said.device)
            said, seen = said[left], seen[left]
            cache.batch_select_indices(left)
        seen = torch.cat([seen, seen.new_ones(len(rows), 1)], dim=1)
        places = seen.sum(dim=1, keepdim=True) - 1
        last = _read(decoder, decoder.get_input_embeddings()(said[:, None]), seen, places, cache)[:, 0]


def _read(
    decoder: LlamaForCausalLM, embedded: Tensor, seen: Tensor, positions: Tensor, cache: DynamicCache
) -> Tensor:
    # Not as it may be compiled for training, where lengths do not change with each step.
    hidden: Tensor = decoder.model.forward(
        inputs_embeds=embedded,
        attention_mask=seen.long(),
        position_ids=positions,
        past_key_values=cache,
        use_cache=True,
    ).last_hidden_state
    return hidden
