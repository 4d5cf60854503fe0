"""What features.json says a record holds: the flat keys of its features, and the form of each.

The file is `tensorflow_datasets/core/proto/feature.proto` as JSON: dictionaries nest, and their names are
joined by slashes to the keys that an Example has.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from somtom.schemas.reasons import DataError

STEPS = "steps"
MAX_FEATURES = 4096
MAX_DEPTH = 32
MAX_WIDTH = 1 << 16  # numbers of one step of a feature
_FLOATS = ("float16", "float32", "float64", "bfloat16")
_INTS = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")


@dataclass(frozen=True)
class Feature:
    """One leaf of features.json.

    Args:
        kind: tensor, image, text, or another one that is not read.
        dtype: of a tensor or an image, as the file names it.
        shape: of one step; -1 for a size that varies.
        encoding: of a tensor "none" unless it is packed into bytes; of an image jpeg, png or "".
        depth: how many sequences it lies in; one that is in more than that of the steps is ragged.
    """

    kind: str
    dtype: str = ""
    shape: tuple[int, ...] = ()
    encoding: str = ""
    depth: int = 0

    @property
    def listed_as(self) -> str:
        """The kind of list that holds it in an Example: bytes, float or int64; "" for one that is not read.

        A bool and every integer become int64, every floating-point number float.
        """
        if self.kind in ("text", "image") or (self.kind == "tensor" and self.dtype in ("string", "object")):
            return "bytes"
        if self.kind != "tensor" or self.encoding not in ("", "none"):
            return ""
        return "float" if self.dtype in _FLOATS else "int64" if self.dtype in _INTS else ""

    @property
    def is_numeric(self) -> bool:
        """Whether each step holds the same count of numbers."""
        return self.listed_as in ("float", "int64") and self.depth == 1 and 0 < self.width <= MAX_WIDTH

    @property
    def width(self) -> int:
        """Numbers of one step; -1 where that varies."""
        return -1 if any(size < 0 for size in self.shape) else math.prod(self.shape)


def parse_features(tree: object) -> dict[str, Feature]:
    """Flatten what features.json holds, sorted by key.

    Raises:
        DataError: `bad_record`: it is of another form, or has no steps.
    """
    found: dict[str, Feature] = {}
    for key, feature in _leaves(tree, "", 0, 0):
        found[key] = feature
        if len(found) > MAX_FEATURES:
            raise DataError("bad_record", f"features.json has over {MAX_FEATURES} features")
    if not any(key.startswith(f"{STEPS}/") and feature.depth for key, feature in found.items()):
        raise DataError("bad_record", "features.json has no steps: it does not describe RLDS episodes")
    return dict(sorted(found.items()))


def _leaves(node: object, key: str, depth: int, level: int) -> Iterator[tuple[str, Feature]]:
    if not isinstance(node, Mapping) or level > MAX_DEPTH:
        raise DataError("bad_record", f"features.json: {key or 'the outermost value'!r} is no feature")
    children = _member(node, "featuresDict").get("features")
    sequence = node.get("sequence")
    if isinstance(children, Mapping):
        for name, child in children.items():
            yield from _leaves(child, f"{key}/{name}" if key else name, depth, level + 1)
    elif isinstance(sequence, Mapping):
        yield from _leaves(sequence.get("feature"), key, depth + 1, level + 1)
    else:
        yield key, _leaf(node, key, depth)


def _leaf(node: Mapping[str, object], key: str, depth: int) -> Feature:
    for kind in ("tensor", "image"):
        if isinstance(node.get(kind), Mapping):
            form = _member(node, kind)
            encoding = form.get("encodingFormat" if kind == "image" else "encoding", "")
            return Feature(kind, str(form.get("dtype", "")), _shape(form, key), str(encoding), depth)
    return Feature("text" if "text" in node else "other", depth=depth)


def _shape(form: Mapping[str, object], key: str) -> tuple[int, ...]:
    sizes = _member(form, "shape").get("dimensions", [])
    try:
        return tuple(int(size) for size in sizes)  # type: ignore[attr-defined]  # TypeError says the same
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError("bad_record", f"features.json: the shape of {key!r} is malformed: {error}") from error


def _member(node: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = node.get(name)
    return value if isinstance(value, Mapping) else {}
