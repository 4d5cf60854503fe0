"""The user's own filter of pictures (faces, number plates), before anything of them is written."""

import dataclasses
import importlib
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from somtom.schemas.clips import Clip
from somtom.schemas.reasons import DataError

Picture = NDArray[np.uint8]  # (H, W, 3) RGB
ImageFilter = Callable[[Picture], Picture | None]


@lru_cache(maxsize=8)
def image_filter(name: str) -> ImageFilter:
    """Import the filter, `"module:function"`, or `"module:Class"` for an object that is made once a process.

    Raises:
        ValueError: it cannot be imported or called.
    """
    module, _, attribute = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"cannot be imported: {error}") from error
    made = found() if isinstance(found, type) else found
    if not callable(made):
        raise ValueError("must be callable as image_filter(picture)")
    checked: ImageFilter = made
    return checked


def filter_pictures(clip: Clip, name: str) -> Clip:
    """Put every picture of the clip that will be written through the filter called `name`; "" for none.

    These are its first frame, the history and the further cameras. The other frames are never written, and
    points were followed through them as they were.

    Raises:
        DataError: `image_filter`: the filter gave None for one of them.
        ValueError: it gave something else than a picture of the same size.
    """
    if not name:
        return clip
    pictures = (clip.frames[0], *clip.history, *clip.cameras)
    first, *others = (_filtered(picture, name) for picture in pictures)
    return dataclasses.replace(
        clip,
        frames=np.concatenate([first[None], clip.frames[1:]]),
        history=tuple(others[: len(clip.history)]),
        cameras=tuple(others[len(clip.history) :]),
    )


def _filtered(picture: Picture, name: str) -> Picture:
    given = image_filter(name)(picture.copy())
    if given is None:
        raise DataError("image_filter", f"{name} drops its picture, or one that comes along with it")
    if not isinstance(given, np.ndarray) or given.shape != picture.shape or given.dtype != np.uint8:
        got = f"{getattr(given, 'shape', type(given).__name__)} {getattr(given, 'dtype', '')}"
        raise ValueError(f"{name} must give back None or {picture.shape} uint8, got {got}")
    return given
