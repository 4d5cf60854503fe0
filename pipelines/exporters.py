"""The forms that a data set can be exported to, by name."""

from collections.abc import Callable
from pathlib import Path

from somtom.pipelines.export_energon import export_energon

# form -> writer(data set, folder to write), which returns the number of samples
EXPORTERS: dict[str, Callable[[Path, Path], int]] = {"energon": export_energon}
