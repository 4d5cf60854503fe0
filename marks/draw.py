"""How marks and traces are drawn."""

import difflib
import importlib
import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from somtom.marks.colours import BLACK, Paint, choose_paint, frame_colour
from somtom.marks.place import place_labels
from somtom.marks.sprites import Shape, blend, label_size, label_sprite
from somtom.schemas.marks import Mark, Marks

Image = NDArray[np.uint8]  # (H, W, 3) RGB
MarkStyle = Callable[[Image, Sequence[Mark]], None]  # paints the marks on the image, in place

_CROWD_SHARE = 0.10  # share of the picture that all labels together may cover before they shrink
_MIN_CAP = 9  # pixels; smaller digits are lost to JPEG

_SHIFT = 4  # fractional bits of the coordinates given to OpenCV
_WARM = ((255, 236, 90), (230, 20, 0))  # first and last colour of a moving trace
_COOL = ((150, 235, 255), (0, 70, 220))


@dataclass(frozen=True)
class Labels:
    """Where the labels of a picture were drawn.

    Args:
        rects: (K, 4) int64 x0, y0, x1, y1, the last two just outside; may reach off a tiny picture.
        digits_px: height of their digits in pixels.
    """

    rects: NDArray[np.int64]
    digits_px: int


@dataclass(frozen=True)
class LabelStyle:
    """Numbers on plates (disc, box) or bare with a contrasting edge (outline); boxes get a frame."""

    shape: Shape

    def __call__(self, image: Image, marks: Sequence[Mark]) -> None:
        """Paint the marks on the (H, W, 3) image, in place."""
        self.paint(image, marks)

    def paint(self, image: Image, marks: Sequence[Mark]) -> NDArray[np.int64]:
        """Paint frames and lines first, numbers on top; gives the (K, 4) rectangles of the labels."""
        height, width = image.shape[:2]
        cap = digit_height(width, height, marks)
        rects, moved = self.layout(width, height, marks, image)
        paints = [choose_paint(image, rect, mark.id) for rect, mark in zip(rects, marks, strict=True)]
        for mark, paint in zip(marks, paints, strict=True):
            if mark.is_box:
                _frame(image, mark, paint, max(1, round(cap / 9)))
        for mark, rect, away, paint in zip(marks, rects, moved, paints, strict=True):
            if away:
                _lead(image, mark, rect, paint, cap)
        for mark, (left, top, _, _), paint in zip(marks, rects.tolist(), paints, strict=True):
            blend(image, label_sprite(str(mark.id), cap, self.shape, paint), left, top)
        return rects

    def layout(
        self, width: int, height: int, marks: Sequence[Mark], image: Image | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Give what `place_labels` chooses for this style: (K, 4) rectangles and (K,) moved away."""
        cap = digit_height(width, height, marks)
        sizes = np.array([label_size(str(mark.id), cap, self.shape) for mark in marks], dtype=np.int64)
        return place_labels(width, height, marks, sizes.reshape(-1, 2), _dot_radius(cap), image)


STYLES: dict[str, MarkStyle] = {
    "disc": LabelStyle("disc"),
    "box": LabelStyle("box"),
    "outline": LabelStyle("outline"),
}


def draw_nothing(image: Image, marks: Sequence[Mark]) -> None:
    """Leave the picture as it is: the style "none", for models that are to do without marks."""


_ALL_STYLES: dict[str, MarkStyle] = {**STYLES, "none": draw_nothing}


def mark_style(name: str) -> MarkStyle:
    """Look a style up by its name, or import the user's own, `"module:function"` or `"module:Class"`.

    A class is made without arguments and its object must be callable like a function of `MarkStyle`.

    Raises:
        ValueError: there is no such style; the message names the nearest one.
    """
    if name in _ALL_STYLES:
        return _ALL_STYLES[name]
    module, colon, attribute = name.partition(":")
    if not colon:
        near = difflib.get_close_matches(name, _ALL_STYLES, n=1, cutoff=0.0)[0]
        raise ValueError(f'unknown mark style {name!r}: did you mean {near!r}? (or "module:function")')
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"mark style {name!r} cannot be imported: {error}") from error
    style = found() if isinstance(found, type) else found
    if not callable(style):
        raise ValueError(f"mark style {name!r} must be callable as style(image, marks)")
    checked: MarkStyle = style
    return checked


def draw_marks(image: Image, marks: Sequence[Mark], style: str) -> Image:
    """Return a copy of the (H, W, 3) uint8 RGB image with the marks drawn on it in the style named."""
    canvas = np.array(image, dtype=np.uint8, order="C", copy=True)
    mark_style(style)(canvas, marks)
    return canvas


def draw_measured(image: Image, marks: Sequence[Mark], style: str) -> tuple[Image, Labels | None]:
    """Like `draw_marks`, and where the labels are: None for a user's own style, which does not say."""
    canvas = np.array(image, dtype=np.uint8, order="C", copy=True)
    chosen = mark_style(style)
    if not isinstance(chosen, LabelStyle):
        chosen(canvas, marks)
        return canvas, None
    height, width = canvas.shape[:2]
    return canvas, Labels(chosen.paint(canvas, marks), digit_height(width, height, marks))


def digit_height(width: int, height: int, marks: Sequence[Mark]) -> int:
    """Choose how high the digits of these marks are, in pixels, on a picture of this size.

    10 px at 224 x 224, 14 at 512 x 384, 63 at 3840 x 2160; smaller where the marks are so many that
    they would cover the picture, or their boxes so small that labels would hide them; never below 9. A
    picture of elements counts as at most 2.25 times as long as wide: a full page is read part by part.
    """
    side = math.sqrt(width * height)
    if any(mark.is_box for mark in marks):
        side = min(side, 1.5 * min(width, height))
    # A label of two digits covers about five squares of its digits' height.
    heights = [5.5 + 0.02 * side, side * math.sqrt(_CROWD_SHARE / (5.0 * max(len(marks), 1)))]
    short_sides = [min(mark.x1 - mark.x0, mark.y1 - mark.y0) for mark in marks if mark.is_box]
    if short_sides:
        heights.append(0.5 * statistics.median(short_sides))
    return max(_MIN_CAP, round(min(heights)))


def draw_traces(image: Image, marks: Marks) -> Image:
    """Return a copy of the image with every mark's trace: for people, never for training.

    Moving traces run from yellow to red, static ones from pale to deep blue; steps whose ends are not
    both seen are thin.
    """
    canvas = np.array(image, dtype=np.uint8, order="C", copy=True)
    height, width = canvas.shape[:2]
    steps = len(marks.traces) - 1
    thick = max(1, round(digit_height(width, height, ()) / 6))
    for index in sorted(range(len(marks.marks)), key=lambda i: marks.marks[i].foreground):
        path = np.clip(marks.traces[:, index, :2], -2 * max(width, height), 3 * max(width, height))
        fixed = np.rint(path * (1 << _SHIFT)).astype(np.int32)
        seen = marks.traces[:, index, 2] >= 0.5
        first, last = _WARM if marks.marks[index].foreground else _COOL
        widths = [thick if seen[step] and seen[step + 1] else max(1, thick // 2) for step in range(steps)]
        for step in range(steps):
            segment = [fixed[step : step + 2, None]]
            cv2.polylines(canvas, segment, False, BLACK, widths[step] + 2, cv2.LINE_AA, _SHIFT)
        for step in range(steps):
            share = step / max(steps - 1, 1)
            colour = tuple(round(a + (b - a) * share) for a, b in zip(first, last, strict=True))
            segment = [fixed[step : step + 2, None]]
            cv2.polylines(canvas, segment, False, colour, widths[step], cv2.LINE_AA, _SHIFT)
    return canvas


def _dot_radius(cap: int) -> int:
    """Radius in pixels of the dot at a point whose label moved away."""
    return max(2, round(cap / 5))


def _frame(image: Image, mark: Mark, paint: Paint, line: int) -> None:
    """Draw the box's frame, `line` pixels wide where it is large enough, inside the box and the picture."""
    height, width = image.shape[:2]
    x0, y0 = max(round(mark.x0), 0), max(round(mark.y0), 0)
    x1, y1 = min(round(mark.x1), width), min(round(mark.y1), height)
    colour = frame_colour(image[y0:y1, x0:x1], paint)
    for inset in range(min(line, (x1 - x0 + 1) // 2, (y1 - y0 + 1) // 2)):
        cv2.rectangle(image, (x0 + inset, y0 + inset), (x1 - 1 - inset, y1 - 1 - inset), colour, 1)


def _lead(image: Image, mark: Mark, rect: NDArray[np.int64], paint: Paint, cap: int) -> None:
    """Draw a line from the label's middle to the point (or the nearest place of the box), and a dot there."""
    middle = (rect[:2] + rect[2:] - 1) / 2
    end = np.array([mark.x, mark.y])
    if mark.is_box:
        end = np.clip(middle, [mark.x0, mark.y0], [mark.x1 - 1, mark.y1 - 1])
    start, stop = (tuple(np.rint(spot * (1 << _SHIFT)).astype(int).tolist()) for spot in (middle, end))
    line, radius = max(1, round(cap / 10)), _dot_radius(cap)
    cv2.line(image, start, stop, BLACK, line + 2, cv2.LINE_AA, _SHIFT)
    cv2.line(image, start, stop, paint.light, line, cv2.LINE_AA, _SHIFT)
    cv2.circle(image, stop, (radius + 1) << _SHIFT, BLACK, -1, cv2.LINE_AA, _SHIFT)
    cv2.circle(image, stop, radius << _SHIFT, paint.light, -1, cv2.LINE_AA, _SHIFT)
