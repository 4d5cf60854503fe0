"""The forms that a data set can be exported to, by name, and what each of them must be able to do."""

import dataclasses
import difflib
import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from somtom.pipelines.config import apply_overrides, parse_sections
from somtom.pipelines.config_rules import ConfigError
from somtom.pipelines.export_energon import Energon
from somtom.pipelines.export_lerobot import LerobotAnnotations
from somtom.pipelines.export_litdata import Litdata
from somtom.pipelines.export_llama_factory import LlamaFactory
from somtom.pipelines.export_llava import Llava
from somtom.pipelines.export_magma import Magma
from somtom.pipelines.export_mds import Mds
from somtom.pipelines.export_parquet import Parquet
from somtom.pipelines.export_selection import Selection, Written
from somtom.pipelines.export_swift import Swift
from somtom.pipelines.export_tar import Tar


class Exporter(Protocol):
    """A form; a dataclass whose fields are its settings, each with a default."""

    def export(self, chosen: Selection, out: Path) -> Written:
        """Write the samples chosen to `out`, a new folder, and to nothing else.

        Raises:
            ConfigError: the form cannot hold what is asked for.
            DataError: a sample cannot be read.
        """
        ...


EXPORTERS: dict[str, type[Any]] = {
    "tar": Tar,
    "llava": Llava,
    "ms-swift": Swift,
    "llama-factory": LlamaFactory,
    "parquet": Parquet,
    "mds": Mds,
    "litdata": Litdata,
    "energon": Energon,
    "lerobot-annotations": LerobotAnnotations,
    "magma": Magma,
}


def make_exporter(name: str, overrides: Sequence[str] = ()) -> Exporter:
    """Make the exporter of a form, or a user's own, "module:Class"; `overrides` are "setting=value".

    Raises:
        ConfigError: there is no such form or setting; the nearest one is named.
    """
    cls = EXPORTERS.get(name) or _own(name)
    settings: Any = dataclasses.make_dataclass("Settings", [("export", cls)])
    tree: dict[str, object] = {"export": {}}
    apply_overrides(tree, [f"export.{one.strip()}" for one in overrides])
    exporter: Exporter = parse_sections(tree, settings).export
    return exporter


def _own(name: str) -> type[Any]:
    module, colon, attribute = name.partition(":")
    if not colon:
        near = difflib.get_close_matches(name, EXPORTERS, n=1, cutoff=0.0)[0]
        raise ConfigError(
            f"--to {name}: unknown; did you mean {near}? It is one of {', '.join(EXPORTERS)}, or module:Class"
        )
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"--to {name}: cannot be imported: {error}") from error
    if not dataclasses.is_dataclass(found) or not isinstance(found, type) or not hasattr(found, "export"):
        raise ConfigError(f"--to {name}: must be a dataclass with a method export(chosen, out)")
    return found
