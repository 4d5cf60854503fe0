"""Standing by for a cluster: somtom worker-pool."""

import argparse

from somtom.pipelines.commands import Subcommands, add_command


def add_commands(commands: Subcommands) -> None:
    """Add this file's commands."""
    pool = add_command(
        commands,
        "worker-pool",
        _worker_pool,
        "start Python workers when an executor of Spark on this machine asks for them",
    )
    pool.add_argument("--port", type=int, default=50000, help="where to listen (default 50000)")


def _worker_pool(options: argparse.Namespace) -> int:
    from somtom.pipelines.worker_pool import serve_workers

    print(f"listening on port {options.port}; end with Ctrl-C", flush=True)
    serve_workers(options.port)
    return 0
