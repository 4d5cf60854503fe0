"""The training run, from top to bottom: data, model, optimiser, then step after step."""

import contextlib
import json
import math
import os
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from somtom.schemas.keys import seed_of
from somtom.schemas.reasons import DataError
from somtom.trainer.begin import begin
from somtom.trainer.checkpoint import (
    Progress,
    find_checkpoint,
    load_model,
    load_state,
    refuse_other_run,
    save_checkpoint,
)
from somtom.trainer.data import Step, Steps
from somtom.trainer.evaluate import HeldOut, evaluate
from somtom.trainer.letterbox import View
from somtom.trainer.log import Log
from somtom.trainer.model import Magma, stride_of
from somtom.trainer.optimiser import Optimisers, make_optimisers, set_rates
from somtom.trainer.samples import Samples
from somtom.trainer.settings import TrainSettings
from somtom.trainer.tokens import Vocabulary
from somtom.trainer.world import World, find_device, in_bfloat16

EVALUATIONS = "eval.jsonl"  # a line for each evaluation while training


def train(settings: TrainSettings, resume: bool = False) -> Path:
    """Train, or go on with the newest checkpoint in `run.out`; gives the folder of the last checkpoint.

    Raises:
        DataError: what it needs is not there, is damaged, or does not fit together.
    """
    world, out = World.of_environment(), Path(settings.run.out)
    device = find_device(settings.run.device, world)
    if device.type == "cpu":
        # Kernels are kept for every shape of a batch, 1024 by default: that grew by a GB in 300 steps.
        os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")
        there = len(os.sched_getaffinity(0)) // world.local_ranks
        torch.set_num_threads(settings.run.threads or max(1, there))
    samples = Samples(settings.data.paths, "train", settings.data.weights)
    held_out = HeldOut.of(settings.data.paths, "val") if settings.run.eval_every else None

    found, progress = find_checkpoint(out), Progress(data=samples.digest())
    if found is None:
        model, vocabulary = begin(settings.model, samples, settings.run.seed)
    elif resume:
        model, vocabulary, before = load_model(found)
        refuse_other_run(before, settings)
    else:
        raise DataError(
            "unsupported", f"{out}: holds a run; go on with it by --resume, or name another --out"
        )
    model.to(device).train()
    optimisers = make_optimisers(model, settings.optim, fused=device.type in ("cpu", "cuda"))
    if found is not None:
        progress = load_state(found, model, optimisers, progress.data)

    steps = Steps(
        samples,
        vocabulary,
        View(model.image_size, stride_of(model.encoder.config)),
        settings.data,
        settings.run.seed,
        settings.optim.batch,
        settings.optim.accumulation,
        world.rank,
        world.ranks,
    )
    last = settings.optim.steps or max(1, round(settings.optim.epochs * samples.weights.sum() / steps.batch))
    world.join(device)
    wrapped = wrap(model, settings, world)
    log = Log(out, settings.run, progress, last, device) if world.rank == 0 else None
    loaded = steps.load(progress.position, pin=device.type == "cuda")
    try:
        while progress.step < last:
            asked = time.perf_counter()
            step = next(loaded)
            waited_s = time.perf_counter() - asked
            # Drawn anew for each step, so that going on needs no state of it.
            torch.manual_seed(seed_of(f"{settings.run.seed}-{progress.step}-{world.rank}", "trainer.step"))
            share = set_rates(optimisers, settings.optim, progress.step, last)
            done = update(wrapped, optimisers, step, settings, world, device)
            progress = progress.after(step.after, done.samples, done.tokens, done.skipped, done.loss)
            if not progress.samples and progress.skipped >= len(samples):
                raise DataError(
                    "unsupported",
                    f"none of {progress.skipped} samples has anything to learn: "
                    "see data.answers and data.max_tokens",
                )
            if log:
                log.add(waited_s)
            if progress.step % settings.run.log_every == 0 or progress.step == last:
                if log:
                    log.write(progress, share, done.gradient)
                progress = progress.logged()
            if held_out and (progress.step % settings.run.eval_every == 0 or progress.step == last):
                if log:
                    note_evaluation(out, log, progress.step, model, vocabulary, settings, held_out)
                world.wait()
            if progress.step % settings.run.save_every == 0 or progress.step == last:
                if log:
                    found = save_checkpoint(out, model, optimisers, vocabulary, settings, progress)
                world.wait()
    finally:
        if log:
            log.close()
        world.leave()
    return found or out


def wrap(model: Magma, settings: TrainSettings, world: World) -> nn.Module:
    """Compile the two halves where that is asked for, and let the ranks share their gradients."""
    if settings.run.compile:
        model.encoder.compile()
        model.decoder.model.compile(dynamic=True)
    if world.ranks == 1:
        return model
    return DistributedDataParallel(model, broadcast_buffers=False, gradient_as_bucket_view=True)


@dataclass(frozen=True)
class Done:
    """What one step did, over all ranks: loss in nats a token learnt, norm of the gradient, counts."""

    loss: float
    gradient: float
    samples: int
    tokens: int
    skipped: int


def update(
    wrapped: nn.Module,
    optimisers: Optimisers,
    step: Step,
    settings: TrainSettings,
    world: World,
    device: torch.device,
) -> Done:
    """Learn from one step: the mean loss over all its tokens learnt, of all ranks and micro-batches."""
    own = [sum(batch.learnt for batch in step.batches), step.samples, step.tokens, step.skipped]
    learnt, samples, tokens, skipped = world.sum(torch.tensor(own, device=device)).tolist()
    total = torch.zeros((), dtype=torch.float64, device=device)
    for number, batch in enumerate(step.batches):
        more = number < len(step.batches) - 1
        with (
            wrapped.no_sync()
            if more and isinstance(wrapped, DistributedDataParallel)
            else contextlib.nullcontext()
        ):  # exchange gradients once a step
            with torch.autocast(device.type, torch.bfloat16, in_bfloat16(settings.run.precision, device)):
                loss: Tensor = wrapped(batch.to(device))
            # The exchange takes the mean over the ranks.
            (loss * (world.ranks / max(1, learnt))).backward()
        total += loss.detach()
    weights = [weight for group in optimisers.groups for weight in group["params"]]
    gradient = nn.utils.clip_grad_norm_(weights, settings.optim.clip or math.inf)
    mean = float(world.sum(total)) / max(1, learnt)
    if not math.isfinite(mean):
        raise DataError("unsupported", f"the loss became {mean}: lower optim.lr, or raise optim.warmup")
    optimisers.step()
    optimisers.zero_grad()
    return Done(mean, float(gradient), samples, tokens, skipped)


def note_evaluation(
    out: Path,
    log: Log,
    step: int,
    model: Magma,
    vocabulary: Vocabulary,
    settings: TrainSettings,
    held_out: HeldOut,
) -> None:
    """Evaluate the model as it is on some held-out samples, and write what is found."""
    found = evaluate(model, vocabulary, settings.data, held_out, settings.run.eval_limit)
    with (out / EVALUATIONS).open("a", encoding="utf-8") as file:
        file.write(json.dumps({"step": step, **found.as_dict()}) + "\n")
    log.write_scalars({f"val/{score.metric}": score.value for score in found.scores}, step)
