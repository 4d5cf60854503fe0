"""Sheets of what a model says about samples: the truth and its answer drawn on the marked picture."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from somtom.pipelines.sheet import (
    ANSWER,
    CELL,
    FONT,
    INK,
    PALE,
    SMALL,
    Line,
    draw_page,
    fitted_size,
    wrap,
    write_sheet,
)
from somtom.schemas.answers import Action, Point, dequantise
from somtom.schemas.pictures import decode_jpeg
from somtom.schemas.record import Record
from somtom.schemas.sample import Sample
from somtom.trainer.answer_kinds import MARKS, MOVING, TARGET, TRACES, Said
from somtom.trainer.judge import Answer
from somtom.trainer.metrics import METRICS, shown_value

Picture = NDArray[np.uint8]
TRUTH, SAID = (0, 200, 80), (255, 0, 200)
_BLACK = (0, 0, 0)
_SHIFT = 4  # fractional bits of the coordinates given to OpenCV
_PER_SHEET = 9


class Canvas:
    """A sample's picture at another size (width, height); places are given in pixels of the sample's own."""

    def __init__(self, picture: Picture, size: tuple[int, int]) -> None:
        height, width = picture.shape[:2]
        how = cv2.INTER_AREA if size[0] < width else cv2.INTER_CUBIC
        self.image: Picture = np.array(cv2.resize(picture, size, interpolation=how))
        self._scale = np.array(size) / (width, height)

    def path(self, points: Sequence[Sequence[float]], colour: tuple[int, int, int], thick: int = 2) -> None:
        """Draw a line through the points, edged in black."""
        fixed = self._fixed(points)[:, None]
        for paint, wide in ((_BLACK, thick + 2), (colour, thick)):
            cv2.polylines(self.image, [fixed], False, paint, wide, cv2.LINE_AA, _SHIFT)

    def ring(self, point: Sequence[float], colour: tuple[int, int, int], radius: int) -> None:
        """Draw a ring around the point, edged in black."""
        at = tuple(self._fixed([point])[0].tolist())
        for paint, wide in ((_BLACK, 4), (colour, 2)):
            cv2.circle(self.image, at, radius << _SHIFT, paint, wide, cv2.LINE_AA, _SHIFT)

    def box(self, mark: Record, colour: tuple[int, int, int], thick: int) -> None:
        """Draw a mark's box; a bare point has none."""
        if mark["x1"] > mark["x0"]:
            x0, y0, x1, y1 = (mark[name] - 0.5 for name in ("x0", "y0", "x1", "y1"))
            self.path([(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)], colour, thick)

    def _fixed(self, points: Sequence[Sequence[float]]) -> NDArray[np.int32]:
        places = (np.array(points, np.float64) + 0.5) * self._scale - 0.5
        limit = 4.0 * max(self.image.shape)
        return np.rint(np.clip(places, -limit, limit) * (1 << _SHIFT)).astype(np.int32)


def draw_answer(sample: Sample, answer: Answer, cell: int = CELL) -> Picture:
    """Draw one answer: truth in green and what is said in pink, question and both answers below."""
    record = sample.record
    canvas = Canvas(decode_jpeg(sample.marked_jpeg), fitted_size(record["width"], record["height"], cell))
    _draw_truth(canvas, sample, answer.turn.kind)
    if answer.said is not None:
        draw_said(canvas, record, answer.turn.kind, answer.said)
    question = record["conversations"][answer.turn.index - 1]["value"].replace("<image>", "").strip()
    lines: list[Line] = wrap(f"{sample.key} · {answer.turn.kind}", SMALL, PALE, cell)
    lines += wrap(question, FONT, INK, cell)
    lines += wrap(f"true: {answer.turn.text}", SMALL, (0, 110, 40), cell)
    unread = "" if answer.said is not None else " (not readable)"
    lines += wrap(f"said{unread}: {answer.text}", SMALL, (170, 0, 130), cell)
    lines += wrap(" · ".join(_measured(answer)), SMALL, ANSWER, cell)
    return draw_page([canvas.image], lines, cell)


def _draw_truth(canvas: Canvas, sample: Sample, kind: str) -> None:
    for index, mark in enumerate(sample.record["marks"]):
        if kind == MARKS:
            canvas.ring((mark["x"], mark["y"]), TRUTH, 7)
        elif kind == TRACES and mark["foreground"]:
            canvas.path(sample.traces[:, index, :2].tolist(), TRUTH, 6)
        elif kind == MOVING and mark["foreground"]:
            canvas.ring((mark["x"], mark["y"]), TRUTH, 9)
        elif kind == TARGET and mark["id"] == sample.record["target_mark"]:
            canvas.box(mark, TRUTH, 3)


def draw_said(canvas: Canvas, record: Record, kind: str, said: Said) -> None:
    """Draw what an answer of that kind says; text and robot actions have no place."""
    marks = {mark["id"]: mark for mark in record["marks"]}

    def placed(point: Point) -> Sequence[float]:
        where: list[float] = dequantise(point, record["width"], record["height"]).tolist()
        return where

    if isinstance(said, Action):
        if said.mark in marks:
            canvas.box(marks[said.mark], SAID, 1)
        if said.mark is not None:
            canvas.ring(placed(said.point), SAID, 7)
    elif isinstance(said, dict | list) and kind in (MARKS, MOVING, TRACES):
        several: Iterable[tuple[int, Any]] = said.items() if isinstance(said, dict) else enumerate(said)
        for number, points in several:
            some = [placed(point) for point in ([points] if isinstance(points, tuple) else points)]
            numbered = isinstance(said, dict) and number in marks
            start = [(marks[number]["x"], marks[number]["y"])] if numbered else some[:1]
            canvas.path([*start, *some], SAID, 1 if kind == MARKS else 2)
            for last in some[-1:]:
                canvas.ring(last, SAID, 3)


def _measured(answer: Answer) -> list[str]:
    """What the answer scores, with the trivial answers beside it."""
    return [
        f"{METRICS[one.metric].text} {shown_value(one.metric, one.total / one.count)}"
        + "".join(
            f", {name} {shown_value(one.metric, total / one.count)}" for name, total in one.others.items()
        )
        for one in answer.measures
        if one.metric in METRICS
    ]


def write_answer_sheets(answers: Sequence[tuple[Sample, Answer]], out: Path, cell: int = CELL) -> list[Path]:
    """Write PNG sheets, sheet-000.png and on, with a cell for each answer; gives their paths."""
    out.mkdir(parents=True, exist_ok=True)
    cells = [draw_answer(sample, answer, cell) for sample, answer in answers]
    return [
        write_sheet(out, number, cells[start : start + _PER_SHEET])
        for number, start in enumerate(range(0, len(cells), _PER_SHEET))
    ]
