"""Checkpoints: a folder that appears whole or not at all, and holds no pickle.

encoder/, decoder/          as `transformers` saves and loads them; the vocabulary lies in decoder/
projector.safetensors
settings.json               the run's settings
state.safetensors, .json    the optimiser's moments; step and place in the data, to go on exactly
"""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import ConvNextV2Model, LlamaForCausalLM
from transformers.utils import logging

from somtom.schemas.files import write_whole
from somtom.schemas.reasons import DataError
from somtom.schemas.record import load_json
from somtom.trainer.data import Position
from somtom.trainer.model import Magma, image_size_of
from somtom.trainer.optimiser import Optimisers
from somtom.trainer.pretrained import load_part
from somtom.trainer.settings import ModelSettings, TrainSettings
from somtom.trainer.tokens import Vocabulary

CHECKPOINTS = "checkpoints"
ENCODER, DECODER, PROJECTOR = "encoder", "decoder", "projector.safetensors"
SETTINGS, MOMENTS, STATE = "settings.json", "state.safetensors", "state.json"
_NAME = re.compile(r"step-([0-9]{8})")


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Args:
        step: steps done.
        position: where in the data the next one begins.
        data: digest of the samples that the position counts in.
        samples, tokens: that were learnt from.
        skipped: samples that were drawn but of which nothing is to be learnt.
        losses, since: sum of the steps' losses since the log's last line, and how many they are.
    """

    step: int = 0
    position: Position = field(default_factory=Position)
    data: str = ""
    samples: int = 0
    tokens: int = 0
    skipped: int = 0
    losses: float = 0.0
    since: int = 0

    def after(self, position: Position, samples: int, tokens: int, skipped: int, loss: float) -> "Progress":
        """One step further."""
        return Progress(
            self.step + 1,
            position,
            self.data,
            self.samples + samples,
            self.tokens + tokens,
            self.skipped + skipped,
            self.losses + loss,
            self.since + 1,
        )

    def logged(self) -> "Progress":
        """The same after a line of the log."""
        return replace(self, losses=0.0, since=0)


def save_checkpoint(
    out: Path,
    model: Magma,
    optimisers: Optimisers,
    vocabulary: Vocabulary,
    settings: TrainSettings,
    progress: Progress,
) -> Path:
    """Write `out`/checkpoints/step-NNNNNNNN and remove the oldest ones beyond `run.keep`."""
    folder = out / CHECKPOINTS / f"step-{progress.step:08d}"
    aside = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    logging.disable_progress_bar()
    model.encoder.save_pretrained(aside / ENCODER)
    model.decoder.save_pretrained(aside / DECODER)
    save_file(_plain(model.projector.state_dict()), aside / PROJECTOR)
    vocabulary.save(aside / DECODER)
    _write(aside / SETTINGS, asdict(settings))
    moments = {
        f"{name}.{kind}": value
        for name, weight in model.named_parameters()
        for kind, value in optimisers.moments(weight).items()
    }
    save_file(_plain(moments), aside / MOMENTS)
    _write(aside / STATE, asdict(progress))
    shutil.rmtree(folder, ignore_errors=True)
    aside.replace(folder)
    for _, old in sorted(_found(out), reverse=True)[settings.run.keep :]:
        shutil.rmtree(old)
    return folder


def _plain(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().contiguous().cpu() for name, value in tensors.items()}


def _write(path: Path, values: object) -> None:
    write_whole(path, json.dumps(values, indent=1).encode() + b"\n")


def find_checkpoint(folder: Path) -> Path | None:
    """The folder itself where it is a checkpoint, else the newest one of the run that it is; None without."""
    if (folder / STATE).is_file():
        return folder
    return max(_found(folder), default=(0, None))[1]


def _found(out: Path) -> Iterator[tuple[int, Path]]:
    for path in (out / CHECKPOINTS).glob("step-*"):
        match = _NAME.fullmatch(path.name)
        if match and (path / STATE).is_file():
            yield int(match[1]), path


def load_model(folder: Path) -> tuple[Magma, Vocabulary, TrainSettings]:
    """Load a run's newest checkpoint, or the one that the folder is, on the CPU.

    Raises:
        DataError: `missing`, `unreadable`, `unsupported`: none is there, it is damaged, or its parts are of
            different ones.
    """
    found = find_checkpoint(folder)
    if found is None:
        raise DataError("missing", f"{folder}: holds no checkpoint; `somtom train` makes them")
    settings, vocabulary = _settings(found), Vocabulary.load(found / DECODER)
    encoder = load_part(ConvNextV2Model, found / ENCODER, "the checkpoint")
    decoder = load_part(LlamaForCausalLM, found / DECODER, "the checkpoint")
    if decoder.config.vocab_size != vocabulary.size:
        raise DataError(
            "unsupported",
            f"{found}: the decoder has {decoder.config.vocab_size} ids, the vocabulary {vocabulary.size}: "
            "they are of different checkpoints",
        )
    model = Magma(encoder, decoder, vocabulary.image, image_size_of(settings.model))
    try:
        model.projector.load_state_dict(_load(found / PROJECTOR))
    except RuntimeError as error:
        raise DataError("unreadable", f"{found / PROJECTOR}: is of another model: {error}") from error
    return model, vocabulary, settings


def _load(path: Path) -> dict[str, Tensor]:
    try:
        tensors: dict[str, Tensor] = load_file(path)
    except (OSError, SafetensorError) as error:
        raise DataError("unreadable", f"{path}: cannot be read: {error}") from error
    return tensors


def _settings(folder: Path) -> TrainSettings:
    values = _read(folder / SETTINGS)
    try:
        sections: dict[str, Any] = {
            section.name: section.type(  # type: ignore[operator]  # each section's own dataclass
                **{
                    name: tuple(one) if isinstance(one, list) else one
                    for name, one in values[section.name].items()
                }
            )
            for section in fields(TrainSettings)
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError("unreadable", f"{folder / SETTINGS}: is of another version: {error}") from error
    return TrainSettings(**sections)


def _read(path: Path) -> dict[str, Any]:
    try:
        values = load_json(path.read_bytes())
    except OSError as error:
        raise DataError("unreadable", f"{path}: cannot be read: {error.strerror}") from error
    if not isinstance(values, dict):
        raise DataError("unreadable", f"{path}: holds no object")
    return values


# What a run that goes on must keep: else weights do not fit, or its place in the data means nothing.
_KEPT = {
    "model": [one.name for one in fields(ModelSettings)],
    "data": ["weights", "shuffle_shards"],
    "optim": ["muon", "batch"],
    "run": ["seed"],
}


def refuse_other_run(before: TrainSettings, settings: TrainSettings) -> None:
    """Refuse to go on with settings that are those of another run.

    Raises:
        DataError: `unsupported`, naming the first such setting.
    """
    old, new = asdict(before), asdict(settings)
    for section, names in _KEPT.items():
        for name in names:
            if old[section][name] != new[section][name]:
                raise DataError(
                    "unsupported",
                    f"{section}.{name} = {new[section][name]!r}: the run was begun with "
                    f"{old[section][name]!r}; keep it, or begin another run",
                )


def load_state(folder: Path, model: Magma, optimisers: Optimisers, data: str) -> Progress:
    """Give the optimisers the moments that they had at the checkpoint; returns how far the run was.

    Args:
        data: digest of the samples at hand.

    Raises:
        DataError: `unreadable`: damaged, or of another model; `unsupported`: of other samples.
    """
    moments = _load(folder / MOMENTS)
    for name, weight in model.named_parameters():
        if not weight.requires_grad:
            continue
        kinds = [one for one in moments if one.rpartition(".")[0] == name]
        if any(moments[one].ndim and moments[one].shape != weight.shape for one in kinds) or not kinds:
            raise DataError("unreadable", f"{folder / MOMENTS}: holds nothing fitting for {name}")
        own = {one.rpartition(".")[2]: _like(moments[one], weight) for one in kinds}
        optimisers.restore(weight, own)
    values = _read(folder / STATE)
    try:
        progress = Progress(**values | {"position": Position(**values["position"])})
    except (KeyError, TypeError) as error:
        raise DataError("unreadable", f"{folder / STATE}: is of another version: {error}") from error
    if progress.data != data:
        raise DataError(
            "unsupported", f"{folder}: was trained on other shards than data.paths has; begin another run"
        )
    return progress


def _like(value: Tensor, weight: Tensor) -> Tensor:
    """The moment on the weight's device, in its layout; the count of steps is a single number."""
    if not value.ndim:
        return value.to(weight.device)
    return torch.empty_like(weight).copy_(value)
