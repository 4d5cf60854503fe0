"""A build that is killed at random moments: the short form of `make kills`."""

import subprocess
import sys
from pathlib import Path

import kills
from commands import ENVIRONMENT


def test_a_build_that_is_killed_again_and_again_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    """In a process of its own, which forks."""
    command = [sys.executable, kills.__file__, "--ways", "threads", "--kills", "8", "--videos", "2"]
    ended = subprocess.run(
        command, env={**ENVIRONMENT, "TMPDIR": str(tmp_path)}, capture_output=True, text=True, timeout=300
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "threads: 8 kills" in ended.stdout and "bytes equal, nothing left" in ended.stdout
