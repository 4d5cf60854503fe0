"""Actions and states of a LeRobot data set: several keys as one vector, with a name for each number."""

import difflib
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from somtom.schemas.reasons import DataError
from somtom.sources.lerobot_layout import MAX_WIDTH, Layout
from somtom.sources.parquet_rows import Column, as_matrix


def read_vector(
    layout: Layout, columns: dict[str, Column], keys: Sequence[str], reason: str
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Lay the columns `keys` side by side: (T, D) float64, and D names.

    Raises:
        DataError: `reason`: one is missing, holds no numbers or is not as wide as info.json declares.
    """
    matrices = []
    for key in keys:
        if key not in columns:
            near = difflib.get_close_matches(key, layout.features, n=1, cutoff=0.0)
            raise DataError(reason, f"there is no column {key!r}" + (f"; is it {near[0]!r}?" if near else ""))
        matrix = as_matrix(columns[key], key, reason)
        shape = layout.features[key].shape if key in layout.features else ()
        if shape and math.prod(shape) != matrix.shape[1]:
            declared = "x".join(map(str, shape))
            raise DataError(reason, f"{key} is {matrix.shape[1]} wide, but info.json declares {declared}")
        if not 0 < matrix.shape[1] <= MAX_WIDTH:
            raise DataError(reason, f"{key} is {matrix.shape[1]} wide: must be 1 to {MAX_WIDTH}")
        matrices.append(matrix)
    return np.concatenate(matrices, axis=1), name_vector(layout, keys, [one.shape[1] for one in matrices])


def name_vector(layout: Layout, keys: Sequence[str], widths: Sequence[int]) -> tuple[str, ...]:
    """Name every number: by meta/modality.json, else by info.json, else by key and place.

    With several keys each name is led by its key.
    """
    names: list[str] = []
    for key, width in zip(keys, widths, strict=True):
        declared = layout.features[key].names if key in layout.features else ()
        own = _names_of_parts(layout, key, width)
        if not own:
            stem = key.rpartition(".")[2] or "value"
            own = (
                list(declared) if len(declared) == width else [f"{stem}_{number}" for number in range(width)]
            )
        names += own if len(keys) == 1 else [f"{key}.{name}" for name in own]
    return tuple(names)


def _names_of_parts(layout: Layout, key: str, width: int) -> list[str]:
    """Names by the parts of meta/modality.json, empty unless these cover the whole vector once."""
    parts = sorted(layout.parts.get(key, {}).items(), key=lambda part: part[1])
    names: list[str] = []
    for name, (first, end) in parts:
        if first != len(names):
            return []
        names += [name] if end - first == 1 else [f"{name}_{number}" for number in range(end - first)]
    return names if len(names) == width == len(set(names)) else []
