"""What the tests share."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real inputs; skips where it is absent."""
    folder = (ROOT / os.environ.get("SOMTOM_TEST_DATA", "../shared/data")).resolve()
    if not folder.is_dir():
        pytest.skip(f"no test data at {folder} (set SOMTOM_TEST_DATA)")
    return folder
