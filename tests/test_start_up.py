import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("somtom.pipelines.build", ["apache_beam", "pandas", "torch", "webdataset", "datasets"]),
        ("somtom.pipelines.cli", ["apache_beam", "cv2", "av", "pyarrow", "scenedetect"]),
    ],
)
def test_what_starts_a_build_loads_nothing_that_only_its_workers_need(module: str, heavy: list[str]) -> None:
    loaded = f"import sys, {module}; print(*sys.modules)"

    modules = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)

    assert not set(heavy) & set(modules.stdout.split())
