"""Exports of small data sets."""

from pathlib import Path
from typing import Any

from somtom.pipelines.export import export_data_set
from somtom.pipelines.export_selection import Selection
from somtom.pipelines.exporters import make_exporter


def export(
    folder: Path, form: str, out: Path, split: str = "", where: str = "", limit: int = 0, **settings: Any
) -> Path:
    """Export as the command does; returns `out`."""
    exporter = make_exporter(form, [f"{name}={value}" for name, value in settings.items()])
    export_data_set(Selection(folder, split, where, limit), form, exporter, out)
    return out
