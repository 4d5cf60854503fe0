"""What listens, and for whom."""

import re
import subprocess
from pathlib import Path

import pytest
from builds import build, quick_config
from commands import ENVIRONMENT, SOMTOM
from drawn_videos import draw_video

from somtom.pipelines.runners import RunOptions, complete_options

# 127.0.0.1, the same as an address of IPv6, and ::1
LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}


def test_the_pool_of_workers_listens_to_this_machine_alone() -> None:
    pool = subprocess.Popen([SOMTOM, "worker-pool", "--port", "0"], env=ENVIRONMENT, stdout=subprocess.PIPE)
    try:
        assert pool.stdout is not None and pool.stdout.readline()
        addresses = _listening(pool.pid)
        while not addresses and pool.poll() is None:
            addresses = _listening(pool.pid)
    finally:
        pool.terminate()
        assert pool.wait(30) == 0
    assert addresses and addresses <= LOOPBACK, addresses


def _listening(pid: int) -> set[str]:
    """Addresses that a process listens on, in the kernel's hexadecimal."""
    links = (str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir())
    sockets = {found[1] for found in map(re.compile(r"socket:\[(\d+)\]").match, links) if found}
    rows = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
    ]
    return {row[1].partition(":")[0] for row in rows if row[3] == "0A" and row[9] in sockets}


def test_keys_of_a_store_are_written_nowhere(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    key, session = "AKIA4711EXAMPLE", "5ecret/With+Signs"
    given = (f"--s3_access_key_id={key}", f"--s3_secret_access_key={session}")
    options = complete_options(RunOptions(workers=1, progress=False, runner="direct", beam=given))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "bad.mp4").write_bytes(b"no video")
    draw_video(tmp_path / "in" / "a.mp4", frames=12)
    build(quick_config(tmp_path / "in"), tmp_path / "out", options)
    said = "".join(capfd.readouterr())
    assert key not in said and session not in said
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert not [path for path in files if key.encode() in path.read_bytes()]
    assert not [path for path in files if session.encode() in path.read_bytes()]
