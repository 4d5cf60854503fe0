"""A training run's settings: from a TOML file, or a data set's folder and the defaults."""

from collections.abc import Sequence
from pathlib import Path

from somtom.pipelines.config import apply_overrides, parse_sections, read_toml
from somtom.pipelines.config_rules import ConfigError, check_bounds, flat_settings
from somtom.trainer.settings import BOUNDS, CHOICES, TrainSettings


def load_train_settings(path: Path, overrides: Sequence[str] = ()) -> TrainSettings:
    """Read the settings; `overrides` are "section.key=value".

    Raises:
        ConfigError: in one line, what is wrong and the nearest right thing.
    """
    tree: dict[str, object] = {"data": {"paths": [str(path)]}} if path.is_dir() else read_toml(path)
    apply_overrides(tree, overrides)
    settings = parse_sections(tree, TrainSettings)
    check_bounds(flat_settings(settings), BOUNDS, CHOICES)
    if not settings.data.paths:
        raise ConfigError('data.paths: name at least one data set, such as data.paths = ["out/"]')
    if settings.data.weights and len(settings.data.weights) != len(settings.data.paths):
        raise ConfigError(
            f"data.weights: {len(settings.data.weights)} numbers for {len(settings.data.paths)} data.paths"
        )
    if settings.model.preset == "base" and not (settings.model.encoder and settings.model.decoder):
        raise ConfigError(
            "model.preset = 'base': needs model.encoder and model.decoder, local folders of a ConvNeXt V2 "
            "and of a Llama-style model with its tokenizer.json"
        )
    if not settings.optim.lr and not settings.optim.projector_lr and not settings.optim.encoder_lr:
        raise ConfigError("optim.lr, optim.projector_lr and optim.encoder_lr are all 0: nothing would learn")
    return settings
