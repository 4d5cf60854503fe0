"""What listens, and for whom."""

import re
import subprocess
from pathlib import Path

from commands import ENVIRONMENT, SOMTOM

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
