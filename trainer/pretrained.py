"""Halves of the model from local folders, as `transformers` saves them; nothing is ever downloaded."""

from pathlib import Path
from typing import Any

import torch
from transformers.utils import logging

from somtom.schemas.reasons import DataError
from somtom.schemas.record import load_json

CONFIG = "config.json"


def load_part(kind: Any, folder: str | Path, setting: str) -> Any:
    """Load a model of the `transformers` class `kind` from a folder with safetensors, in float32.

    Args:
        setting: the one that names the folder, for messages.

    Raises:
        DataError: `missing`, `unsupported`, `unreadable`.
    """
    path = Path(folder).expanduser()
    found, wanted = model_config(path, setting).get("model_type"), kind.config_class.model_type
    if found != wanted:
        raise DataError("unsupported", f"{setting} = {str(path)!r}: is a {found} model, not a {wanted} one")
    logging.disable_progress_bar()
    try:
        return kind.from_pretrained(path, local_files_only=True, use_safetensors=True, dtype=torch.float32)
    except (OSError, ValueError, RuntimeError) as error:
        raise DataError("unreadable", f"{setting} = {str(path)!r}: cannot be loaded: {error}") from error


def model_config(folder: Path, setting: str) -> dict[str, Any]:
    """Read the config.json of a folder that holds a model.

    Raises:
        DataError: `missing`, `unreadable`.
    """
    if not str(folder) or not (folder / CONFIG).is_file():
        raise DataError(
            "missing",
            f"{setting} = {str(folder)!r}: is no local folder with a {CONFIG}; "
            "download the model beforehand and name its folder",
        )
    values = load_json((folder / CONFIG).read_bytes())
    if not isinstance(values, dict):
        raise DataError("unreadable", f"{folder / CONFIG}: holds no object")
    return values
