"""The configuration that lies in a data set: it may be a stranger's, and a configuration can name code."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from somtom.pipelines.config_rules import ConfigError

# Settings that may import a module: "module:name".
_CODE = (("tracking", "tracker"), ("marks", "style"), ("clips", "image_filter"))
_SAFE_SOURCE = {"kind": "video", "path": "."}


def refuse_code(folder: Path, tree: Mapping[str, object], overrides: Sequence[str]) -> None:
    """Refuse a configuration that names code which nobody has named here, on the command line.

    Raises:
        ConfigError: it does.
    """
    named_here = {one.replace('"', "").replace("'", "").replace(" ", "") for one in overrides}
    for key, value in _code_in(tree):
        if f"{key}={value}" not in named_here:
            raise ConfigError(
                f"{folder}: its configuration would run code here, {key} = {value!r}; "
                f"if that code is yours, say so: --set {key}={value}"
            )


def _code_in(tree: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for section, name in _CODE:
        values = tree.get(section)
        value = values.get(name) if isinstance(values, dict) else None
        if isinstance(value, str) and ":" in value:
            yield f"{section}.{name}", value
    blocks = tree.get("source")
    for number, block in enumerate(blocks if isinstance(blocks, list) else ()):
        kind = block.get("kind") if isinstance(block, dict) else None
        if isinstance(kind, str) and ":" in kind:
            yield f"source.{number}.kind", kind


def forget_lists(tree: Mapping[str, object]) -> None:
    """Take out the name of a file of this machine; what it once listed is in meta/removals.txt."""
    output = tree.get("output")
    if isinstance(output, dict):
        output.pop("removals", None)


def without_code(tree: Mapping[str, object]) -> dict[str, object]:
    """The tree without sources, and without settings that would import a module."""
    plain = copy.deepcopy(dict(tree))
    for section, name in _CODE:
        values = plain.get(section)
        if isinstance(values, dict) and ":" in str(values.get(name)):
            del values[name]
    return {**plain, "source": [_SAFE_SOURCE]}
