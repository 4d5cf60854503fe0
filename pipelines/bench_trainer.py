"""How much of a training step the data costs: the model on shards against the same batches in memory."""

import importlib.util
import tempfile
import time
from itertools import islice
from pathlib import Path

from somtom.pipelines.bench_build import build_apart, config_tree
from somtom.pipelines.bench_figures import Figure, Findings
from somtom.pipelines.bench_process import run_apart

TITLE = "training nano on shards, reading and preparing in the same process, against batches in memory"
STEPS, BATCH = 4, 8
MOST_WAIT = 0.1  # of a step's time: what reading and preparing may cost


def bench_trainer(videos: Path, runs: int) -> Findings:
    """Hold the CPU time of steps that read their samples against the same steps on batches at hand."""
    if importlib.util.find_spec("torch") is None:
        return Findings("trainer", TITLE, (), ('torch is not installed: pip install "somtom[train]"',))
    with tempfile.TemporaryDirectory(prefix="somtom-bench-") as name:
        folder = Path(name) / "out"
        build_apart(config_tree(videos, "lk"), folder, 1)
        tokens, from_shards_s, in_memory_s = run_apart(time_steps, folder, runs).result
    return Findings(
        "trainer",
        TITLE,
        (
            Figure("tokens a step", tokens / STEPS),
            Figure("from shards", tokens / from_shards_s, "tokens/s CPU"),
            Figure("in memory", tokens / in_memory_s, "tokens/s CPU"),
            Figure("from shards / in memory", in_memory_s / from_shards_s, at_least=1 - MOST_WAIT),
        ),
    )


def time_steps(folder: Path, runs: int) -> tuple[int, float, float]:
    """Tokens of STEPS steps, and the least CPU seconds that they took from shards and in memory."""
    import torch

    from somtom.trainer.begin import begin
    from somtom.trainer.data import Position, Steps
    from somtom.trainer.letterbox import View
    from somtom.trainer.loop import update
    from somtom.trainer.model import stride_of
    from somtom.trainer.optimiser import make_optimisers
    from somtom.trainer.samples import Samples
    from somtom.trainer.settings import DataSettings, TrainSettings
    from somtom.trainer.world import World

    torch.set_num_threads(1)
    settings, samples = TrainSettings(data=DataSettings(workers=0)), Samples([folder], "train")
    model, vocabulary = begin(settings.model, samples, settings.run.seed)
    view = View(model.image_size, stride_of(model.encoder.config))
    optimisers = make_optimisers(model, settings.optim, fused=True)
    steps = Steps(samples, vocabulary, view, settings.data, settings.run.seed, BATCH, 1)
    at_hand = list(islice(steps.load(Position()), STEPS))
    times_s: tuple[list[float], list[float]] = ([], [])
    for _ in range(runs + 1):  # the first is for warming up
        for times, source in zip(times_s, (steps.load(Position()), at_hand), strict=True):
            begun = time.process_time()
            for step in islice(source, STEPS):
                update(model, optimisers, step, settings, World(), torch.device("cpu"))
            times.append(time.process_time() - begun)
    return sum(step.tokens for step in at_hand), min(times_s[0][1:]), min(times_s[1][1:])
