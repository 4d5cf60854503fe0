"""What marks, traces and the camera's compensation are worth: one model and budget, four ways to label.

Every data set is labelled again from one build (`somtom relabel`), so that clips, tracks and held-out split
are the same. Every model is asked about the same held-out clips, by the labels of `ASKED_AS`.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from somtom.pipelines.ablation_score import Truth, movers_of, score_answer, score_chance, score_standing
from somtom.pipelines.relabel import relabel_data_set
from somtom.pipelines.runners import RunOptions
from somtom.pipelines.train_config import load_train_settings
from somtom.schemas.files import write_whole
from somtom.schemas.folder import META

# name -> what `somtom relabel --set` changes
VARIANTS: dict[str, tuple[str, ...]] = {
    "raw": ("marks.style=none", "text.numbers=false"),
    "som": ("text.future=marks",),
    "som-tom": (),
    "no-compensation": ("motion.camera=never",),
}
TITLES = {
    "raw": "raw coordinates",
    "som": "SoM",
    "som-tom": "SoM + ToM",
    "no-compensation": "SoM + ToM, camera left in",
}
REFERENCE = "som-tom"
# Whose held-out questions a variant is asked: the camera's motion is no part of what is to be told.
ASKED_AS = {"raw": "raw", "som": "som", "som-tom": "som-tom", "no-compensation": "som-tom"}
# metric -> unit, factor and decimals; those of "label" are as `somtom eval` has them, others of the truth.
# What "label" is of the first data set, "set 2" and so on are of further ones.
COLUMNS: dict[str, tuple[str, float, int]] = {
    "hit": ("%", 100, 1),
    "direction": ("%", 100, 1),
    "ade": ("px", 1, 1),
    "fde": ("px", 1, 1),
    "ade still": ("px", 1, 1),
    "ade moving": ("px", 1, 1),
    "label f1": ("%", 100, 1),
    "label ade": ("px", 1, 1),
}


@dataclass(frozen=True)
class AblationRequest:
    """What is asked for.

    Args:
        config: TOML of the training's settings; its data.paths and run.out are set here.
        built: finished data sets that are labelled again and learnt from together.
        out: gets data/, runs/ and results/; what is there already is not done again.
        seeds: runs of each variant.
        variants: some of `VARIANTS`.
        truth: of the held-out made-up moves, by the video's name; empty for other inputs.
        overrides: further settings of the training.
    """

    config: Path
    built: tuple[Path, ...]
    out: Path
    seeds: int = 3
    variants: tuple[str, ...] = tuple(VARIANTS)
    truth: Truth | None = None
    overrides: tuple[str, ...] = ()


def run_ablation(request: AblationRequest) -> Iterator[str]:
    """Label, train and evaluate; yields a line for each run, then the table."""
    wanted = dict.fromkeys([*request.variants, *(ASKED_AS[one] for one in request.variants)])
    for variant in wanted:
        for number, built in enumerate(request.built):
            _relabel(built, _data(request.out, variant, number), VARIANTS[variant])
    for seed in range(request.seeds):
        for variant in request.variants:
            result = request.out / "results" / f"{variant}-{seed}.json"
            if not result.is_file():
                found = _run(request, variant, seed)
                result.parent.mkdir(parents=True, exist_ok=True)
                write_whole(result, json.dumps(found, indent=1).encode() + b"\n")
            values = json.loads(result.read_text())
            yield f"{variant} seed {seed}: " + ", ".join(f"{k} {v:.3f}" for k, v in values.items())
    yield ""
    yield from table_lines(read_results(request.out))


def _data(out: Path, variant: str, number: int) -> Path:
    return out / "data" / f"{variant}-{number}"


def _relabel(built: Path, new: Path, overrides: Sequence[str]) -> None:
    if not (new / META / "counts.json").is_file():
        relabel_data_set(built, new, overrides, RunOptions(progress=False), overwrite=False)


def _run(request: AblationRequest, variant: str, seed: int) -> dict[str, float]:
    """Train one model and measure it on the held-out clips."""
    from somtom.trainer.checkpoint import load_model
    from somtom.trainer.evaluate import HeldOut, evaluate
    from somtom.trainer.loop import train

    out = request.out / "runs" / f"{variant}-{seed}"
    numbers = range(len(request.built))
    settings = load_train_settings(
        request.config,
        (
            *request.overrides,
            f"data.paths={[str(_data(request.out, variant, number)) for number in numbers]}",
            f"run.out={str(out)!r}",
            f"run.seed={seed}",
        ),
    )
    checkpoint = train(settings, resume=out.exists())
    model, vocabulary, _ = load_model(checkpoint)
    found: dict[str, float] = {}
    for number in numbers:
        held_out = HeldOut.of([_data(request.out, ASKED_AS[variant], number)], "val")
        evaluation = evaluate(model, vocabulary, settings.data, held_out, show=len(held_out.samples))
        whose = f"set {number + 1}" if number else "label"
        for name, metric in (("f1", "moving_f1"), ("ade", "ade"), ("fde", "fde")):
            found[f"{whose} {name}"] = evaluation.value(metric)
            for score in evaluation.scores:
                for other in score.baselines:
                    if score.metric == metric:
                        found[f"{whose} {name} {other.name}"] = other.value
        if request.truth is not None and not number:
            found |= truth_scores(evaluation.shown, request.truth)
    return {name: value for name, value in found.items() if np.isfinite(value)}


def truth_scores(shown: Sequence[tuple[Any, Any]], truth: Truth) -> dict[str, float]:
    """Mean of `score_answer` over the clips in which something moves, by the truth and by the labels.

    An answer without a readable trace counts as one that says that nothing moves, wherever some answer of the
    model has one.
    """
    rows: list[tuple[bool, dict[str, float]]] = []
    standing, chance = [], []
    for sample, answer in shown:
        movers = movers_of(sample.record, truth)
        moves = any(mark["foreground"] for mark in sample.record["marks"])
        if not movers or not moves or answer.turn.kind not in ("traces", "moving"):
            continue
        steps = len(sample.traces) - 1
        rows.append(
            (sample.record["motion"]["camera_moved"], score_answer(sample.record, answer.said, movers, steps))
        )
        standing.append(score_standing(sample.record, movers, steps))
        chance.append(score_chance(sample.record, movers))
    found = {"clips": float(len(rows)), "hit": _mean([row["hit"] for _, row in rows])}
    if any("ade" in row for _, row in rows):
        full = [(camera, {**still, **row}) for (camera, row), still in zip(rows, standing, strict=True)]
        for name in ("direction", "ade", "fde"):
            found[name] = _mean([row[name] for _, row in full])
        for name, moved in (("ade still", False), ("ade moving", True)):
            found[name] = _mean([row["ade"] for camera, row in full if camera == moved])
    for name in ("ade", "fde"):
        found[f"{name} no motion"] = _mean([row[name] for row in standing])
    for name in ("random mark", "random point"):
        found[f"hit {name}"] = _mean([row[name] for row in chance])
    return found


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


def read_results(out: Path) -> dict[str, list[dict[str, float]]]:
    """The results of each variant's runs that there are."""
    return {
        variant: [
            json.loads(path.read_text()) for path in sorted((out / "results").glob(f"{variant}-[0-9]*.json"))
        ]
        for variant in VARIANTS
    }


def table_lines(results: Mapping[str, Sequence[Mapping[str, float]]]) -> Iterator[str]:
    """A Markdown table: mean and deviation over the seeds, and the trivial answers below."""
    measured = {name for runs in results.values() for run in runs for name in run}
    further = sorted(name for name in measured if re.fullmatch(r"set \d+ (f1|ade)", name))
    known = [*(name for name in COLUMNS if name in measured), *further]
    yield "| | seeds | " + " | ".join(f"{name}, {_form(name)[0]}" for name in known) + " |"
    yield "|---" * (len(known) + 2) + "|"
    for variant, runs in results.items():
        if runs:
            cells = [_cell([run[name] for run in runs if name in run], name) for name in known]
            yield f"| {TITLES[variant]} | {len(runs)} | " + " | ".join(cells) + " |"
    rivals: dict[str, dict[str, list[float]]] = {}  # trivial answer, metric, values
    for run in (run for runs in results.values() for run in runs):
        for name in known:
            for key in (key for key in run if key.startswith(f"{name} ") and key not in COLUMNS):
                rivals.setdefault(key.removeprefix(f"{name} "), {}).setdefault(name, []).append(run[key])
    for rival, values in rivals.items():
        cells = [_cell(sorted({*values.get(name, ())})[:1], name) for name in known]
        yield f"| {rival} | | " + " | ".join(cells) + " |"


def _cell(values: Sequence[float], name: str) -> str:
    """Mean and, of several runs, deviation."""
    _, factor, decimals = _form(name)
    if not values:
        return "-"
    mean = f"{factor * float(np.mean(values)):.{decimals}f}"
    return mean if len(values) < 2 else f"{mean} ± {factor * float(np.std(values, ddof=1)):.{decimals}f}"


def _form(name: str) -> tuple[str, float, int]:
    """Unit, factor and decimals of a metric."""
    return COLUMNS[re.sub(r"^set \d+", "label", name)]
