"""`somtom eval`: a checkpoint's scores on held-out samples as a table, as JSON and as pictures."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from somtom.pipelines.config_rules import ConfigError
from somtom.pipelines.show_answers import write_answer_sheets
from somtom.schemas.files import write_whole
from somtom.schemas.record_fields import SPLITS
from somtom.trainer.checkpoint import find_checkpoint, load_model
from somtom.trainer.evaluate import Evaluation, HeldOut, evaluate
from somtom.trainer.metrics import FLOOR, METRICS, Score, shown_value
from somtom.trainer.world import World, find_device


@dataclass(frozen=True)
class EvalRequest:
    """What is evaluated.

    Args:
        folder: a data set.
        checkpoint: a run, of which the newest checkpoint is taken, or a checkpoint.
        split: of the data set.
        limit: samples, taken evenly from the split; 0 = every one.
        pictures: samples whose answers are drawn.
        out: folder of the figures and pictures; None: `eval` in the checkpoint's folder.
        device: auto | cuda | mps | cpu.
    """

    folder: Path
    checkpoint: Path
    split: str = "val"
    limit: int = 0
    pictures: int = 0
    out: Path | None = None
    device: str = "auto"


def run_evaluation(request: EvalRequest) -> tuple[Evaluation, list[Path]]:
    """Evaluate, write SPLIT.json and, if asked, sheets of pictures; gives the scores and the files.

    Raises:
        ConfigError: a number or name is none that can be.
        DataError: the data set or the checkpoint cannot be read.
    """
    if request.split not in SPLITS:
        raise ConfigError(f"--split {request.split}: must be one of {', '.join(SPLITS)}")
    if request.limit < 0 or request.pictures < 0:
        raise ConfigError("--limit and --pictures must be 0 or more")
    held_out = HeldOut.of([request.folder], request.split)
    model, vocabulary, settings = load_model(request.checkpoint)
    model.to(device_of(request.device))
    found = evaluate(model, vocabulary, settings.data, held_out, request.limit, show=request.pictures)
    out = request.checkpoint / "eval" if request.out is None else request.out
    out.mkdir(parents=True, exist_ok=True)
    tree = {
        "data": request.folder.resolve().name,
        "split": request.split,
        "checkpoint": (find_checkpoint(request.checkpoint) or request.checkpoint).name,
        **found.as_dict(),
    }
    figures = out / f"{request.split}.json"
    write_whole(figures, json.dumps(tree, indent=1, allow_nan=False).encode() + b"\n")
    return found, [figures, *(write_answer_sheets(found.shown, out) if found.shown else [])]


def evaluation_lines(found: Evaluation) -> Iterator[str]:
    """Write the scores as a table: ours with its interval, then each trivial answer and whether it is beaten.

    Scores of one dimension of an action are in the JSON alone.
    """
    groups = max((score.groups for score in found.scores), default=0)
    yield (
        f"{found.samples} samples of {groups} groups; intervals hold 95 % of draws of whole groups; beside "
        "them trivial answers, and whether they are beaten; n counts marks, traces, tokens or answers, of so "
        "many samples"
    )
    scores = [score for score in found.scores if score.metric in METRICS]
    rows = [_row(score) for score in scores]
    widths = [max(map(len, column), default=0) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()
    for kind, count in found.asked.items():
        yield f"{kind}: {count} asked, {found.unread.get(kind, 0)} answers could not be read"
    if found.unasked:
        yield f"{found.unasked} samples have no question of a kind that the model learns"


def _row(score: Score) -> tuple[str, str, str, str, str]:
    unit = METRICS[score.metric].unit
    low, high = (shown_value(score.metric, one).removesuffix(unit).strip() for one in (score.low, score.high))
    beside = [
        f"{one.name} {shown_value(score.metric, one.value)}{f' ({one.beaten})' if one.name != FLOOR else ''}"
        for one in score.baselines
    ]
    return (
        METRICS[score.metric].text,
        shown_value(score.metric, score.value),
        f"{low} .. {high}",
        f"n = {score.count}" + (f" of {score.samples}" if score.samples != score.count else ""),
        ", ".join(beside),
    )


def device_of(name: str) -> torch.device:
    """The device of that name.

    Raises:
        ConfigError: there is none here.
    """
    try:
        return find_device(name, World())
    except ValueError as error:
        raise ConfigError(f"--device {name}: there is none here") from error
