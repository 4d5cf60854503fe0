"""What a trained model can do: eval, predict."""

import argparse
import json
from pathlib import Path

from somtom.pipelines.commands import Subcommands, add_command, complain, data_set_folder, say

DEVICES = ("auto", "cuda", "mps", "cpu")
# Of pipelines.question.TASKS, without importing torch for it.
TASKS = ("locate", "click", "act", "trace", "robot", "describe")


def add_commands(commands: Subcommands) -> None:
    """Add this file's commands."""
    evaluate = add_command(
        commands, "eval", _eval, "measure a trained model on held-out samples, beside trivial answers"
    )
    # Not `folder` and `out`: errors themselves name the folder that they are about, data's or model's.
    evaluate.add_argument("data", type=data_set_folder, metavar="DIR", help="a data set")
    _add_model_options(evaluate)
    evaluate.add_argument("--split", default="val", help="train, val or test (default val)")
    evaluate.add_argument(
        "--limit", type=int, default=0, metavar="N", help="samples, taken evenly (default 0: every one)"
    )
    evaluate.add_argument(
        "--pictures", type=int, default=0, metavar="N", help="samples drawn with truth and answer (default 0)"
    )
    evaluate.add_argument(
        "--out",
        dest="figures",
        type=Path,
        default=None,
        metavar="FOLDER",
        help="of figures and pictures (default: RUN/eval)",
    )
    evaluate.add_argument("--json", action="store_true", help="print the figures as JSON, not as a table")

    predict = add_command(commands, "predict", _predict, "ask a trained model about a picture")
    predict.add_argument("image", type=Path, metavar="IMAGE")
    predict.add_argument(
        "--task",
        choices=TASKS,
        required=True,
        help="locate: where each mark is; click: which mark is meant; act: the next action on a screen; "
        "trace: what moves, and where to; robot: its next action; describe: anything else",
    )
    _add_model_options(predict)
    predict.add_argument("--instruction", default="", metavar="TEXT", help="what it is about")
    predict.add_argument(
        "--marks",
        nargs="+",
        default=[],
        metavar="X,Y",
        help="pixels of the picture (default: found on screens, a grid in scenes)",
    )
    predict.add_argument("--grid", type=int, default=0, metavar="N", help="N x N marks instead")
    predict.add_argument(
        "--history", nargs="+", type=Path, default=[], metavar="IMAGE", help="earlier pictures, oldest first"
    )
    predict.add_argument(
        "--steps", type=int, default=16, metavar="N", help="of a trace, as the model learnt them (default 16)"
    )
    predict.add_argument(
        "--style",
        default="",
        metavar="NAME",
        help="of the marks, as the model learnt them (default: a build's)",
    )
    predict.add_argument(
        "-o", "--output", type=Path, default=None, metavar="PICTURE", help="draw the answer there"
    )


def _add_model_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--checkpoint",
        type=Path,
        required=True,
        metavar="RUN",
        help="a run's folder, or one of its checkpoints",
    )
    parser.add_argument("--device", choices=DEVICES, default="auto", help="default: the best there is")


def _eval(options: argparse.Namespace) -> int:
    if missing := _missing():
        return missing
    from somtom.pipelines.evaluation import EvalRequest, evaluation_lines, run_evaluation

    request = EvalRequest(
        folder=options.data,
        checkpoint=options.checkpoint,
        split=options.split,
        limit=options.limit,
        pictures=options.pictures,
        out=options.figures,
        device=options.device,
    )
    found, files = run_evaluation(request)
    if options.json:
        print(json.dumps(found.as_dict(), indent=1))
        return 0
    say(*evaluation_lines(found))
    for path in files:
        print(f"look at {path}")
    return 0


def _predict(options: argparse.Namespace) -> int:
    if missing := _missing():
        return missing
    from somtom.pipelines.predict import predict
    from somtom.pipelines.question import PredictRequest

    request = PredictRequest(
        image=options.image,
        task=options.task,
        instruction=options.instruction,
        marks=tuple(options.marks),
        grid=options.grid,
        history=tuple(options.history),
        steps=options.steps,
        style=options.style,
    )
    said = predict(request, options.checkpoint, options.device, options.output)
    # All that a terminal must not see is escaped here as JSON has it (DEL counts as ASCII).
    say(*said.text.split("\n"), json.dumps(said.as_dict()).replace("\x7f", "\\u007f"))
    return 0


def _missing() -> int:
    """Complain, in one line, of a package of the extra [train] that is not installed; 0 where all are."""
    try:
        import torch  # noqa: F401
        import transformers  # noqa: F401
    except ModuleNotFoundError as error:
        return complain(f'{error.name} is not installed: pip install "somtom[train]"', 1)
    return 0
