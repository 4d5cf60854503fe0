"""How fast a whole build is: against its kernels alone, and with two processes against one."""

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from somtom.pipelines.bench_figures import Figure, Findings
from somtom.pipelines.bench_kernels import run_kernels
from somtom.pipelines.bench_process import Cost, run_apart
from somtom.pipelines.build import build_data_set
from somtom.pipelines.config import parse_config
from somtom.pipelines.plan import list_items
from somtom.pipelines.runners import RunOptions
from somtom.schemas.folder import plan_path
from somtom.schemas.plan_table import read_plan
from somtom.schemas.refs import Ref

# Share of its kernels' throughput that a build shall reach. No aim for lk: it is so fast that decoding for
# shots before the clips are known, which no single pass can avoid, is a fifth of the work.
AIMS = {"dis": 0.85}
BUSY = 0.15  # processors taken by other work from which on wall-clock figures mean little


def config_tree(videos: Path, tracker: str, clips_per_shard: int = 128) -> dict[str, object]:
    """A plain configuration that builds from a folder of videos with everything else at its default."""
    return {
        "source": [{"kind": "video", "path": str(videos), "dataset": "bench"}],
        "tracking": {"tracker": tracker},
        "output": {"clips_per_shard": clips_per_shard, "val_fraction": 0.0},
    }


def build_apart(tree: dict[str, object], folder: Path, workers: int) -> Cost:
    """Build into the folder, anew, in a process of its own; its result is the number of clips."""
    shutil.rmtree(folder, ignore_errors=True)
    return run_apart(_build, tree, folder, workers)


def _build(tree: dict[str, object], folder: Path, workers: int) -> int:
    options = RunOptions(workers=workers, progress=False)
    totals = build_data_set(parse_config(tree), folder, options)
    return sum(books.inputs for books in totals.books if books.stage == "label")


def bench_build(videos: Path, trackers: Sequence[str], runs: int) -> Findings:
    """Hold the CPU time of a build with one process against that of its kernels in a plain loop."""
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="somtom-bench-") as name:
        folder = Path(name)
        start_up_s = _start_up_s(config_tree(videos, "lk"), folder, runs)
        figures.append(Figure("start-up of a build", start_up_s, "s CPU"))
        for tracker in trackers:
            tree = config_tree(videos, tracker)
            whole, kernels = [], []
            clips = 0
            for _ in range(runs):
                cost = build_apart(tree, folder / "out", 1)
                clips = int(cost.result)
                whole.append(cost.cpu_s)
                kernels.append(float(run_apart(_kernels, tree, folder / "out", folder).result[0]))
            started = min(kernels) / max(min(whole) - start_up_s, 1e-9)
            aim = AIMS.get(tracker)
            figures += [
                Figure(f"{tracker}: clips", clips),
                Figure(f"{tracker}: build", min(whole), "s CPU"),
                Figure(f"{tracker}: kernels alone", min(kernels), "s CPU"),
                Figure(f"{tracker}: kernels / build", min(kernels) / min(whole)),
                Figure(f"{tracker}: kernels / (build - start-up)", started, at_least=aim),
            ]
    return Findings(
        "build",
        "a build with one process against its kernels in a plain loop that decodes each file once",
        tuple(figures),
        (
            f"CPU time of all processes, the least of {runs} interleaved runs",
            "start-up (the driver and a worker for each of two stages) is paid once, whatever the input",
        ),
    )


def _kernels(tree: dict[str, object], built: Path, folder: Path) -> tuple[float, int]:
    """Run the kernels on the inputs and clips of a build."""
    config = parse_config(tree)
    clips: dict[str, list[Ref]] = {item.locator: [] for item in list_items(config)}
    for spec in read_plan(plan_path(built)):
        for ref in spec.refs:
            clips[ref.locator].append(ref)
    ordered = [(locator, sorted(refs, key=lambda ref: ref.position)) for locator, refs in clips.items()]
    return run_kernels(ordered, config.settings, folder)


def _start_up_s(tree: dict[str, object], folder: Path, runs: int) -> float:
    """CPU seconds of a build of one video less its kernels: interpreters, imports, Beam, meta/."""
    first = list_items(parse_config(tree))[0].locator
    small = {**tree, "source": [{"kind": "video", "path": first, "dataset": "bench"}]}
    whole = min(build_apart(small, folder / "small", 1).cpu_s for _ in range(runs))
    return whole - float(run_apart(_kernels, small, folder / "small", folder).result[0])


def bench_workers(videos: Path, tracker: str, runs: int, overlap: float) -> Findings:
    """Hold the wall-clock time of a build with two processes against one.

    `overlap` of the clips makes many of few videos, so that start-up weighs as little as in a real build.
    """
    processors = len(os.sched_getaffinity(0))
    alone: list[Cost] = []
    two: list[Cost] = []
    with tempfile.TemporaryDirectory(prefix="somtom-bench-") as name:
        tree = {**config_tree(videos, tracker, clips_per_shard=4), "clips": {"overlap": overlap}}
        for _ in range(runs):
            for workers, costs in ((1, alone), (2, two)):
                costs.append(build_apart(tree, Path(name) / "out", workers))
    notes = [
        f"wall-clock time, the least of {runs} interleaved runs; shards of 4 clips; {processors} processors"
    ]
    others = max(one.others for one in (*alone, *two))
    if others > BUSY or processors < 2:
        notes.append(
            f"this ratio says little: other work kept up to {others:.1f} of {processors} processors busy"
        )
    clips = int(alone[0].result)
    wall_s = [min(one.wall_s for one in costs) for costs in (alone, two)]
    cpu_s = [min(one.cpu_s for one in costs) for costs in (alone, two)]
    return Findings(
        "workers",
        f"a build of {clips} clips with two processes against one",
        (
            Figure("one process", clips / wall_s[0], "clips/s"),
            Figure("two processes", clips / wall_s[1], "clips/s"),
            Figure("two / one", wall_s[0] / wall_s[1], at_least=1.8),
            Figure("CPU time of two / of one", cpu_s[1] / cpu_s[0]),
        ),
        tuple(notes),
    )
