from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from trainer_inputs import made_up_batch, nano, small_vocabulary

from somtom.schemas.reasons import DataError
from somtom.trainer.batch import IGNORED
from somtom.trainer.begin import begin
from somtom.trainer.model import Magma, block_causal
from somtom.trainer.samples import Samples
from somtom.trainer.settings import ModelSettings

VOCABULARY = small_vocabulary()


def test_nano_has_between_one_and_five_million_parameters() -> None:
    model = nano(VOCABULARY, image_size=0)
    assert 1e6 <= sum(weight.numel() for weight in model.parameters()) <= 5e6
    assert model.cells_a_side() == 14


def test_the_same_seed_gives_the_same_weights_and_loss() -> None:
    losses = []
    for seed in (0, 0, 1):
        model = nano(VOCABULARY, seed=seed)
        losses.append(float(model(made_up_batch(model, VOCABULARY, [9, 4])).detach()))
    assert losses[0] == losses[1] != losses[2]


def test_what_fills_a_row_up_changes_nothing() -> None:
    model = nano(VOCABULARY)
    both = made_up_batch(model, VOCABULARY, [5, 12])
    first = replace(
        both,
        ids=both.ids[:1, :11],
        labels=both.labels[:1, :11],
        positions=both.positions[:1, :11],
        pixels=both.pixels[:1],
        cells=both.cells[:6],
        places=both.places[:6],
    )
    alone = model(first)
    ignored = both.labels.clone()
    ignored[1] = IGNORED
    within = model(replace(both, labels=ignored))

    torch.testing.assert_close(alone, within)


def test_a_later_token_changes_no_earlier_one_and_a_picture_changes_all_that_follows() -> None:
    model = nano(VOCABULARY).eval()
    batch = made_up_batch(model, VOCABULARY, [8])
    hidden = model.decoder.model(inputs_embeds=model.embed(batch)).last_hidden_state
    changed = batch.ids.clone()
    changed[0, -1] = (changed[0, -1] + 1) % VOCABULARY.base
    later = model.decoder.model(inputs_embeds=model.embed(replace(batch, ids=changed))).last_hidden_state
    other = model.embed(replace(batch, pixels=255 - batch.pixels))

    torch.testing.assert_close(hidden[0, :-1], later[0, :-1])
    assert not torch.equal(other[0, 0], model.embed(batch)[0, 0])
    assert torch.equal(other[0, 6:], model.embed(batch)[0, 6:])


def test_a_batch_without_rows_gives_every_weight_a_gradient_of_zero() -> None:
    model = nano(VOCABULARY)
    batch = made_up_batch(model, VOCABULARY, [4])
    empty = replace(
        batch,
        **{
            name: getattr(batch, name)[:0]
            for name in ("ids", "labels", "positions", "pixels", "cells", "places")
        },
    )
    loss = model(empty)
    loss.backward()

    assert float(loss.detach()) == 0.0
    assert all(not weight.grad.any() for weight in model.parameters() if weight.requires_grad)


def test_every_weight_that_may_learn_does() -> None:
    model = nano(VOCABULARY)
    model(made_up_batch(model, VOCABULARY, [9, 4])).backward()
    assert not [name for name, one in model.named_parameters() if one.requires_grad and one.grad is None]


def test_samples_in_one_row_do_not_see_each_other() -> None:
    mask = block_causal(torch.tensor([[1, 1, 2, 2, 0]]))[0, 0]
    expected = torch.tensor(
        [[1, 0, 0, 0, 0], [1, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 1, 1, 0], [0, 0, 0, 0, 1]]
    )
    assert torch.equal(mask, expected.bool())


def test_neighbouring_bins_begin_alike() -> None:
    table = nano(VOCABULARY).decoder.lm_head.weight.detach()
    bins = torch.nn.functional.normalize(table[VOCABULARY.first_bin : VOCABULARY.first_bin + 256], dim=1)
    assert (bins[:-1] * bins[1:]).sum(1).min() > 0.8 > 0.5 > (bins[:128] * bins[128:]).sum(1).mean()


def test_base_asks_for_local_folders() -> None:
    with pytest.raises(DataError, match=r"model\.encoder = .*: is no local folder"):
        Magma.from_settings(ModelSettings(preset="base"), VOCABULARY)


def test_base_starts_from_local_weights_and_refuses_another_kind(tmp_path: Path) -> None:
    made = nano(VOCABULARY)
    made.encoder.save_pretrained(tmp_path / "encoder")
    made.decoder.save_pretrained(tmp_path / "decoder")
    folders = ModelSettings("base", 64, str(tmp_path / "encoder"), str(tmp_path / "decoder"))
    model = Magma.from_settings(folders, VOCABULARY, seed=5)

    assert torch.equal(
        model.decoder.model.layers[0].mlp.up_proj.weight, made.decoder.model.layers[0].mlp.up_proj.weight
    )
    with pytest.raises(DataError, match="is a convnextv2 model, not a llama one"):
        Magma.from_settings(replace(folders, decoder=str(tmp_path / "encoder")), VOCABULARY)


def test_base_puts_its_ids_behind_those_of_the_decoder(small_dataset: Path, tmp_path: Path) -> None:
    plain = Tokenizer(models.BPE())
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = decoders.ByteLevel()
    plain.train_from_iterator(
        ["a text"], trainers.BpeTrainer(initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    )
    plain.add_special_tokens(["<begin>"])
    plain.post_processor = processors.TemplateProcessing(
        single="<begin> $A", special_tokens=[("<begin>", plain.token_to_id("<begin>"))]
    )
    (tmp_path / "decoder").mkdir()
    plain.save(str(tmp_path / "decoder" / "tokenizer.json"))
    made = nano(VOCABULARY)
    made.encoder.save_pretrained(tmp_path / "encoder")
    made.decoder.save_pretrained(tmp_path / "decoder")
    folders = ModelSettings("base", 64, str(tmp_path / "encoder"), str(tmp_path / "decoder"), mark_tokens=20)
    model, vocabulary = begin(folders, Samples([small_dataset], "train"), 0)

    known = made.decoder.config.vocab_size  # more than the tokenizer has
    assert plain.get_vocab_size() < known == vocabulary.base
    assert model.decoder.config.vocab_size == vocabulary.size == vocabulary.first_action + 256
    rows = model.decoder.get_input_embeddings().weight
    assert torch.equal(rows[:known], made.decoder.get_input_embeddings().weight)
    assert vocabulary.first == (plain.token_to_id("<begin>"),)
    assert vocabulary.decode(vocabulary.encode("<begin> Mark 3 at [1,2]")) == "<begin> Mark 3 at [1,2]"
    with pytest.raises(DataError, match=r"tokenizer\.json: is not there"):
        begin(replace(folders, tokenizer=str(tmp_path)), Samples([small_dataset], "train"), 0)
