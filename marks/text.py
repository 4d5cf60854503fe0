"""What the conversations about a marked picture say."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from somtom.marks.phrasings import (
    EARLIER_LINE,
    MOVING_QUESTIONS,
    NO_EARLIER_LINE,
    POINT_QUESTIONS,
    POINT_TRACE_QUESTIONS,
    SOM_QUESTIONS,
    TASK_LINE,
    TOM_QUESTIONS,
)
from somtom.schemas.annotation import PastStep
from somtom.schemas.answers import format_paths, format_points, format_som, format_tom, quantise
from somtom.schemas.keys import generator_of
from somtom.schemas.marks import Marks
from somtom.schemas.settings import TextSettings

__all__ = ["Conversation", "quantise", "write_conversations"]

IMAGE_TOKEN = "<image>"  # noqa: S105 - LLaVA's placeholder, no secret
_ANY_IMAGE_TOKEN = re.compile(r"<\s*(image|video)\s*>", re.IGNORECASE)


@dataclass(frozen=True)
class Conversation:
    """The turns about one marked picture.

    Args:
        turns: `{"from": "human" | "gpt", "value": text}`, alternating; all `<image>` in the first.
        task: "tom" when a trace is asked for, else "som".
        clamped: points of the traces in the text that lay outside the picture.
    """

    turns: list[dict[str, str]]
    task: str
    clamped: int


def write_conversations(
    marks: Marks,
    width: int,
    height: int,
    instruction: str,
    settings: TextSettings,
    key: str,
    past: Sequence[PastStep] = (),
) -> Conversation:
    """Ask where the marks are and, when some of them move, which ones and where to.

    The first turn begins with `<image>` for each picture of `past` and for the marked one.

    The first answer locates every mark. The second, only where something moves, gives the foreground
    marks' positions in each of the frames after the first, also in frames where they are not seen, so that
    the list has one point a frame. Points that leave the picture are clamped to it and counted.
    `settings.future` can ask less of what moves. Without `settings.numbers` there is one question, about
    what moves, and its answer is a list of points or traces (from the first frame on): empty where
    nothing does.
    """
    random = generator_of(key, "marks.text")
    # All are drawn always, so that the first question does not depend on whether anything moves.
    som_question, tom_question = random.choice(SOM_QUESTIONS), random.choice(TOM_QUESTIONS)
    other = int(random.integers(2**31))
    steps = len(marks.traces) - 1

    starts = np.array([(mark.x, mark.y) for mark in marks.marks], dtype=np.float64).reshape(-1, 2)
    places, _ = quantise(starts, width, height)
    located = {mark.id: (int(x), int(y)) for mark, (x, y) in zip(marks.marks, places, strict=True)}
    moving = [index for index, mark in enumerate(marks.marks) if mark.foreground and steps > 0]
    paths, outside = quantise(marks.traces[1:, moving, :2], width, height)
    traces = {
        marks.marks[index].id: [(int(x), int(y)) for x, y in paths[:, column]]
        for column, index in enumerate(moving)
    }
    asked: list[tuple[str, str]] = []  # questions with their answers
    if settings.numbers:
        asked.append((som_question.format(count=len(located)), format_som(located)))
    if settings.future == "traces":
        if not settings.numbers:
            answer = format_paths([[located[number], *trace] for number, trace in traces.items()])
            asked.append((_picked(POINT_TRACE_QUESTIONS, other, steps), answer))
        elif traces:
            asked.append((tom_question.format(steps=steps), format_tom(traces)))
    else:
        points = {number: located[number] for number in traces}
        if not settings.numbers:
            asked.append((_picked(POINT_QUESTIONS, other, steps), format_points([*points.values()])))
        elif traces:
            asked.append((_picked(MOVING_QUESTIONS, other, steps), format_som(points)))

    told = plain_text(instruction) if settings.use_instruction else ""
    head = [*picture_lines(past), *([TASK_LINE.format(instruction=told)] if told else [])]
    turns = []
    for number, (question, answer) in enumerate(asked):
        value = question if number else "\n".join([*head, question])
        turns += [{"from": "human", "value": value}, {"from": "gpt", "value": answer}]
    has_traces = bool(traces) and settings.future == "traces"
    return Conversation(turns, "tom" if has_traces else "som", int(outside.sum()) if has_traces else 0)


def _picked(phrasings: Sequence[str], number: int, steps: int) -> str:
    return phrasings[number % len(phrasings)].format(steps=steps)


def picture_lines(past: Sequence[PastStep]) -> list[str]:
    """Begin a first turn: `<image>` for each earlier picture and the marked one, and which is which."""
    tokens = [IMAGE_TOKEN] * (len(past) + 1)
    if not past:
        return tokens
    return [*tokens, EARLIER_LINE if any(step.known for step in past) else NO_EARLIER_LINE]


def plain_text(instruction: str) -> str:
    """Put the text on one line, and take the brackets off what a model would read as another picture.

    >>> plain_text("look at  <image> and <<Video>>")
    'look at image and Video'
    """
    text = " ".join(instruction.split())
    while (bare := _ANY_IMAGE_TOKEN.sub(r"\1", text)) != text:  # brackets may lie around brackets
        text = bare
    return text
