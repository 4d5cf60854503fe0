"""Beginning with the weights of another run."""

from pathlib import Path

import pytest
import torch

pytest.importorskip("transformers", reason="the extra [train] is not installed")

from somtom.pipelines.train_config import load_train_settings
from somtom.schemas.reasons import DataError
from somtom.trainer.begin import begin
from somtom.trainer.checkpoint import find_checkpoint, load_model
from somtom.trainer.loop import train
from somtom.trainer.samples import Samples
from somtom.trainer.settings import TrainSettings

CHANGES = ["model.image_size=64", "optim.batch=2", "optim.steps=2", "data.workers=0", "run.threads=1"]


def settings_of(data: Path, out: Path, *changes: str) -> TrainSettings:
    return load_train_settings(data, [*CHANGES, "run.device=cpu", f"run.out={out}", *changes])


def test_a_run_goes_on_with_the_weights_and_the_vocabulary_of_another(
    small_dataset: Path, tmp_path: Path
) -> None:
    train(settings_of(small_dataset, tmp_path / "first"))
    settings = settings_of(small_dataset, tmp_path / "second", f"model.start={tmp_path / 'first'}")
    samples = Samples([small_dataset], "train")
    model, vocabulary = begin(settings.model, samples, 7)
    before, known, _ = load_model(tmp_path / "first")

    assert all(torch.equal(one, before.state_dict()[name]) for name, one in model.state_dict().items())
    assert vocabulary.tokenizer.to_str() == known.tokenizer.to_str()
    train(settings)
    after, _, said = load_model(tmp_path / "second")
    assert said.model.start == str(tmp_path / "first")
    changed = [not torch.equal(one, before.state_dict()[name]) for name, one in after.state_dict().items()]
    assert any(changed)
    assert find_checkpoint(tmp_path / "second") != find_checkpoint(tmp_path / "first")

    other = settings_of(
        small_dataset, tmp_path / "third", f"model.start={tmp_path / 'first'}", "model.image_size=96"
    )
    with pytest.raises(DataError, match="is nano for pictures of 64 px, not nano for 96"):
        begin(other.model, samples, 0)
    none = settings_of(small_dataset, tmp_path / "third", f"model.start={tmp_path / 'none'}")
    with pytest.raises(DataError, match="holds no checkpoint"):
        begin(none.model, samples, 0)
