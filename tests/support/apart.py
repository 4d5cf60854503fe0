"""Readers that run apart: a program of tests/readers/ in an environment of its own reads a data set to files.

A program makes a folder a sample and puts into it, for each member, `<member>` (its bytes as they came),
`<member>.npy` (what a decoder made of it) or `json.parsed` (the record as it was parsed, as JSON again).
"""

import io
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from somtom.schemas.record import parse_record
from somtom.schemas.sample import decode_traces
from somtom.schemas.tar import read_shard

ROOT = Path(__file__).resolve().parent.parent.parent
ENVIRONMENTS = ROOT / "build" / "envs"


def python_of(environment: str) -> str:
    """The Python of an environment that `make reader-envs` makes; skips where it is not there."""
    path = ENVIRONMENTS / environment / "bin" / "python"
    if not path.exists() or not (ENVIRONMENTS / f"{environment}.stamp").exists():
        pytest.skip(f"needs build/envs/{environment}: run `make reader-envs`")
    return str(path)


def run_apart(
    environment: str, program: str, *arguments: object, variables: dict[str, str] | None = None
) -> str:
    """Run a program of tests/readers/ (or code, with "-c") and return what it printed.

    The environment "" is that of the tests themselves.
    """
    python = python_of(environment) if environment else sys.executable
    what = ["-c", program] if "\n" in program else [str(ROOT / "tests" / "readers" / program)]
    done = subprocess.run(
        [python, *what, *map(str, arguments)],
        env=os.environ | {"HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""} | (variables or {}),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def written(folder: Path, split: str) -> dict[str, dict[str, bytes]]:
    """What the tars of a split hold: key -> member -> bytes."""
    shards = sorted((folder / "shards").glob(f"{split}-*.tar"))
    return {key: members for path in shards for key, members in read_shard(path)}


def pixels(jpeg: bytes) -> NDArray[np.uint8]:
    """The picture as Pillow decodes it."""
    return np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB"))


def assert_is_the_tar(out: Path, truth: dict[str, dict[str, bytes]], forms: str) -> Counter[str]:
    """Hold every file of `out` against the tars; returns how many values were compared, by member.

    `forms` says what must be there of each member: "bytes", "decoded" or "any".
    """
    assert {path.name for path in out.iterdir() if path.is_dir()} == set(truth)
    compared: Counter[str] = Counter()
    for key, members in truth.items():
        found = {path.name: path for path in (out / key).iterdir()}
        for member, data in members.items():
            raw, array, parsed = (found.pop(f"{member}{end}", None) for end in ("", ".npy", ".parsed"))
            if raw is not None:
                assert raw.read_bytes() == data
            if array is not None:
                wanted = decode_traces(data) if member == "traces.npy" else pixels(data)
                read: Any = np.load(array)
                assert read.dtype == wanted.dtype
                np.testing.assert_array_equal(read, wanted)
            if parsed is not None:
                # As text: Python says 1 == 1.0 == True.
                record = json.dumps(parse_record(data), sort_keys=True)
                assert json.dumps(json.loads(parsed.read_text()), sort_keys=True) == record
            assert forms != "bytes" or raw is not None
            assert forms != "decoded" or array is not None or parsed is not None
            compared[member] += (raw or array or parsed) is not None
        assert not found, f"{key}: read what the tar has not: {sorted(found)}"
    return compared
