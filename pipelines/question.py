"""A question about one picture, as a data set would hold it: marks are found and drawn as in a build."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from somtom.marks.detect import detect_elements
from somtom.marks.draw import draw_marks
from somtom.marks.elements import mark_elements, select_elements
from somtom.marks.phrasings import (
    ACTION_QUESTIONS,
    FREE_ROBOT_QUESTIONS,
    REFERENCE_QUESTIONS,
    ROBOT_QUESTIONS,
    SOM_QUESTIONS,
    TASK_LINE,
    TOM_QUESTIONS,
)
from somtom.marks.robot_text import within_sentence
from somtom.marks.text import picture_lines, plain_text
from somtom.pipelines.config_rules import ConfigError
from somtom.schemas.annotation import PastStep, ScreenAction
from somtom.schemas.answers import format_som, quantise
from somtom.schemas.marks import Mark
from somtom.schemas.pictures import decode_jpeg, encode_jpeg
from somtom.schemas.reasons import DataError
from somtom.schemas.record import complete_record
from somtom.schemas.sample import Sample, extra_names
from somtom.schemas.settings import BuildSettings
from somtom.sources.images import decode_image, read_image
from somtom.tracking.grid import grid_queries
from somtom.trainer.answer_kinds import MARKS, ROBOT, TARGET, TEXT, TRACES

Picture = NDArray[np.uint8]

CLIPS = ("som", "tom", "robot")  # tasks of records that come from videos
KEY = "predict"
GRID = 4  # marks a side where a clip's task is given none
MOST_GRID = 17  # 289 marks: no data set has more on a picture
_SETTINGS = BuildSettings()  # pictures are scaled, marked and written as in a build of default settings


@dataclass(frozen=True)
class Task:
    """One thing that can be asked.

    Args:
        kind: of the answer (`answer_kinds`).
        of_record: the task of such samples in a data set.
        questions: how it is asked, with an instruction; `free` without one, "" where there must be one.
        finds: marks are found in the picture's pixels where none are given; else they stand in a grid.
    """

    kind: str
    of_record: str
    questions: str
    free: str = ""
    finds: bool = False


TASKS: dict[str, Task] = {
    "locate": Task(MARKS, "som", "", SOM_QUESTIONS[0], finds=True),
    "click": Task(TARGET, "ui", REFERENCE_QUESTIONS[0], finds=True),
    "act": Task(TARGET, "ui", ACTION_QUESTIONS[0], finds=True),
    "trace": Task(TRACES, "tom", TOM_QUESTIONS[1], TOM_QUESTIONS[1]),
    "robot": Task(ROBOT, "robot", ROBOT_QUESTIONS[0], FREE_ROBOT_QUESTIONS[0]),
    "describe": Task(TEXT, "vl", "{instruction}", "Describe the image."),
}


@dataclass(frozen=True)
class PredictRequest:
    """What is asked.

    Args:
        image: path of a picture.
        task: a name of `TASKS`.
        instruction: what it is about, in words.
        marks: "x,y" in pixels of the picture, numbered in this order.
        grid: marks a side of a grid; 0 = the task's own way.
        history: paths of earlier pictures, oldest first.
        steps: future frames of a trace.
        style: how marks are drawn, as `marks.style` of a build; "" = its default.
    """

    image: Path
    task: str
    instruction: str = ""
    marks: tuple[str, ...] = ()
    grid: int = 0
    history: tuple[Path, ...] = ()
    steps: int = 16
    style: str = ""


def ask(request: PredictRequest) -> tuple[Sample, tuple[int, int]]:
    """Put the question as a sample whose last answer is empty; also width and height of the picture."""
    task = TASKS[request.task]
    instruction = plain_text(request.instruction)
    if not instruction and not task.free:
        raise ConfigError(f"--task {request.task} needs an --instruction")
    if not 1 <= request.steps <= 1000:
        raise ConfigError(f"--steps {request.steps}: must be 1 to 1000")
    screen = task.of_record == "ui"
    if not 0 <= request.grid <= MOST_GRID:
        raise ConfigError(f"--grid {request.grid}: must be 1 to {MOST_GRID}")
    clips = _SETTINGS.clips
    short_side = clips.screen_short_side if screen else clips.short_side
    picture, source_size = _read_picture(request.image, short_side)
    height, width = picture.shape[:2]
    marks = () if task.kind == TEXT else _marks_on(picture, source_size, request, task)
    clean = encode_jpeg(picture, clips.jpeg_quality)
    marked = _drawn(decode_jpeg(clean), marks, request.style or _SETTINGS.marks.style)
    earlier = [_read_picture(path, short_side)[0] for path in request.history]
    past = tuple(PastStep(float(number - len(earlier))) for number in range(len(earlier)))
    record = {
        "id": KEY,
        "split": "test",
        "task": task.of_record,
        "instruction": instruction,
        "history": [{"t_s": step.t_s, "action_text": "", "known": True} for step in past],
        "conversations": _turns(task, instruction, request.steps, marks, (width, height), past),
        "marks": [vars(mark) for mark in marks],
        "width": width,
        "height": height,
        "source": {"kind": KEY, "dataset": KEY, "uri": request.image.name, "group": KEY},
    }
    traces = np.array([[(mark.x, mark.y, 1.0) for mark in marks]], np.float32).reshape(1, len(marks), 3)
    quality = clips.jpeg_quality
    pictures = [encode_jpeg(one, quality) for one in earlier]
    extra = tuple(zip(extra_names(len(earlier), 0), pictures, strict=True))
    marked_jpeg = encode_jpeg(marked, quality) if marks else clean
    return Sample(KEY, complete_record(record), marked_jpeg, clean, traces, extra), source_size


def _read_picture(path: Path, short_side: int) -> tuple[Picture, tuple[int, int]]:
    data = read_image(str(path))
    try:
        return decode_image(data, _SETTINGS.clips, short_side)
    except DataError as error:
        raise DataError(error.reason, f"{path}: {error.message}") from error


def _drawn(picture: Picture, marks: Sequence[Mark], style: str) -> Picture:
    try:
        return draw_marks(picture, marks, style)
    except ValueError as error:
        raise ConfigError(f"--style: {error}") from error


def _marks_on(
    picture: Picture, source_size: tuple[int, int], request: PredictRequest, task: Task
) -> tuple[Mark, ...]:
    """Number what is asked for, or what is found; points stand in the order given or row by row."""
    height, width = picture.shape[:2]
    if request.marks and request.grid:
        raise ConfigError("--marks and --grid: give one of them")
    if request.marks:
        shrunk = np.array([width, height]) / source_size
        points = [(np.array(_point(text, source_size)) + 0.5) * shrunk - 0.5 for text in request.marks]
    elif request.grid or not task.finds:
        points = list(grid_queries(width, height, request.grid or GRID)[:, 1:])
    else:
        chosen = select_elements(detect_elements(picture), ScreenAction(), width, height, _SETTINGS.ui, KEY)
        return mark_elements(chosen, KEY).marks
    return tuple(Mark(number, float(x), float(y)) for number, (x, y) in enumerate(points, start=1))


def _point(text: str, size: tuple[int, int]) -> tuple[float, float]:
    try:
        x, y = map(float, text.split(","))
    except ValueError as error:
        raise ConfigError(f"--marks {text}: must be x,y in pixels, such as 120,87.5") from error
    if not (-0.5 <= x <= size[0] - 0.5 and -0.5 <= y <= size[1] - 0.5):
        raise ConfigError(f"--marks {text}: lies outside of the picture's {size[0]} x {size[1]} pixels")
    return x, y


def _turns(
    task: Task,
    instruction: str,
    steps: int,
    marks: Sequence[Mark],
    size: tuple[int, int],
    past: Sequence[PastStep],
) -> list[dict[str, str]]:
    """Ask as a data set does: where the marks are, which is known, and then for what is wanted."""
    told = within_sentence(instruction) if task.kind == ROBOT else instruction
    words = {"instruction": told, "task": told, "steps": steps, "count": len(marks)}
    question = (task.questions if told and task.questions else task.free).format(**words)
    if task.kind in (TEXT, MARKS):
        asked = [(question, "")]
    else:
        centres = np.array([(mark.x, mark.y) for mark in marks], np.float64).reshape(-1, 2)
        places = {
            mark.id: (int(x), int(y)) for mark, (x, y) in zip(marks, quantise(centres, *size)[0], strict=True)
        }
        asked = [(SOM_QUESTIONS[0], format_som(places)), (question, "")]
    # In clips the instruction comes first of all, on screens in its question.
    first = [TASK_LINE.format(instruction=instruction)] if instruction and task.of_record in CLIPS else []
    turns = []
    for number, (human, answer) in enumerate(asked):
        value = human if number else "\n".join([*picture_lines(past), *first, human])
        turns += [{"from": "human", "value": value}, {"from": "gpt", "value": answer}]
    return turns
