"""How marks and traces are drawn."""

import difflib
import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from somtom.marks.place import place_labels
from somtom.marks.sprites import Colour, Shape, blend, label_size, label_sprite
from somtom.schemas.marks import Mark, Marks

Image = NDArray[np.uint8]  # (H, W, 3) RGB
MarkStyle = Callable[[Image, Sequence[Mark]], None]  # paints the marks on the image, in place

_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)
# Plate and ink. Dark plates first come white digits, light plates black ones.
PLATES: tuple[tuple[Colour, Colour], ...] = (
    (_WHITE, _BLACK),
    (_BLACK, _WHITE),
    ((255, 224, 0), _BLACK),
    ((110, 0, 120), _WHITE),
    ((130, 255, 120), _BLACK),
    ((150, 0, 0), _WHITE),
    ((120, 235, 255), _BLACK),
    ((0, 40, 150), _WHITE),
)
_MIN_CONTRAST = 3.0  # WCAG's bound for what must be told from its surroundings
_CROWD_SHARE = 0.10  # share of the picture that all labels together may cover before they shrink
_MIN_CAP = 9  # pixels; smaller digits are lost to JPEG

_SHIFT = 4  # fractional bits of the coordinates given to OpenCV
_WARM = ((255, 236, 90), (230, 20, 0))  # first and last colour of a moving trace
_COOL = ((150, 235, 255), (0, 70, 220))


@dataclass(frozen=True)
class LabelStyle:
    """Numbers on plates (disc, box) or bare with a contrasting edge (outline); boxes get a frame."""

    shape: Shape

    def __call__(self, image: Image, marks: Sequence[Mark]) -> None:
        """Paint the marks on the (H, W, 3) image, in place: frames and lines first, numbers on top."""
        height, width = image.shape[:2]
        cap = digit_height(width, height, len(marks))
        rects, moved = self.layout(width, height, marks)
        colours = [_contrasting(image, rect, mark.id) for rect, mark in zip(rects, marks, strict=True)]
        line = max(1, round(cap / 9))
        for mark, (plate, ink) in zip(marks, colours, strict=True):
            if mark.is_box:
                _frame(image, mark, plate, ink, line)
        for mark, rect, away, (plate, ink) in zip(marks, rects, moved, colours, strict=True):
            if away:
                _lead(image, mark, rect, plate, ink, cap)
        for mark, rect, (plate, ink) in zip(marks, rects, colours, strict=True):
            sprite = label_sprite(str(mark.id), cap, self.shape, plate, ink)
            blend(image, sprite, int(rect[0]), int(rect[1]))

    def layout(
        self, width: int, height: int, marks: Sequence[Mark]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Give what `place_labels` chooses for this style: (K, 4) rectangles and (K,) moved away."""
        cap = digit_height(width, height, len(marks))
        sizes = np.array([label_size(str(mark.id), cap, self.shape) for mark in marks], dtype=np.int64)
        return place_labels(width, height, marks, sizes.reshape(-1, 2), _dot_radius(cap))


STYLES: dict[str, MarkStyle] = {
    "disc": LabelStyle("disc"),
    "box": LabelStyle("box"),
    "outline": LabelStyle("outline"),
}


def mark_style(name: str) -> MarkStyle:
    """Look a style up in `STYLES`, or import the user's own, `"module:function"` or `"module:Class"`.

    A class is made without arguments and its object must be callable like a function of `MarkStyle`.

    Raises:
        ValueError: there is no such style; the message names the nearest one.
    """
    if name in STYLES:
        return STYLES[name]
    module, colon, attribute = name.partition(":")
    if not colon:
        near = difflib.get_close_matches(name, STYLES, n=1, cutoff=0.0)[0]
        raise ValueError(f"unknown mark style {name!r}: did you mean {near!r}? ({', '.join(STYLES)})")
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


def digit_height(width: int, height: int, count: int) -> int:
    """Choose how high digits are, in pixels, for `count` marks on a picture of this size.

    10 px at 224 x 224, 12 at 512 x 384, 50 at 3840 x 2160; smaller where so many would cover the picture,
    but never below 9.
    """
    side = float(np.sqrt(width * height))
    alone = 5.0 + 0.0155 * side
    # A label of two digits covers about five squares of its digits' height.
    crowded = side * np.sqrt(_CROWD_SHARE / (5.0 * max(count, 1)))
    return max(_MIN_CAP, round(float(min(alone, crowded))))


def draw_traces(image: Image, marks: Marks) -> Image:
    """Return a copy of the image with every mark's trace: for people, never for training.

    Moving traces run from yellow to red, static ones from pale to deep blue; steps whose ends are not
    both seen are thin.
    """
    canvas = np.array(image, dtype=np.uint8, order="C", copy=True)
    height, width = canvas.shape[:2]
    steps = len(marks.traces) - 1
    thick = max(1, round(digit_height(width, height, 1) / 6))
    for index in sorted(range(len(marks.marks)), key=lambda i: marks.marks[i].foreground):
        path = np.clip(marks.traces[:, index, :2], -2 * max(width, height), 3 * max(width, height))
        fixed = np.rint(path * (1 << _SHIFT)).astype(np.int32)
        seen = marks.traces[:, index, 2] >= 0.5
        first, last = _WARM if marks.marks[index].foreground else _COOL
        widths = [thick if seen[step] and seen[step + 1] else max(1, thick // 2) for step in range(steps)]
        for step in range(steps):
            segment = [fixed[step : step + 2, None]]
            cv2.polylines(canvas, segment, False, _BLACK, widths[step] + 2, cv2.LINE_AA, _SHIFT)
        for step in range(steps):
            share = step / max(steps - 1, 1)
            colour = tuple(round(a + (b - a) * share) for a, b in zip(first, last, strict=True))
            segment = [fixed[step : step + 2, None]]
            cv2.polylines(canvas, segment, False, colour, widths[step], cv2.LINE_AA, _SHIFT)
    return canvas


def _dot_radius(cap: int) -> int:
    """Radius in pixels of the dot at a point whose label moved away."""
    return max(2, round(cap / 5))


def _contrasting(image: Image, rect: NDArray[np.int64], number: int) -> tuple[Colour, Colour]:
    """Choose plate and ink for a label that lies on `rect`: told well from the picture, varied by number."""
    height, width = image.shape[:2]
    x0, y0, x1, y1 = (int(v) for v in rect)
    edge = max(2, (y1 - y0) // 3)
    patch = image[max(y0 - edge, 0) : min(y1 + edge, height), max(x0 - edge, 0) : min(x1 + edge, width)]
    under = _luminance(cv2.mean(patch)[:3]) if patch.size else 0.0
    strong = [pair for pair in PLATES if _contrast(_luminance(pair[0]), under) >= _MIN_CONTRAST]
    return strong[number % len(strong)]


def _luminance(colour: Sequence[float]) -> float:
    """Relative luminance of an sRGB colour, 0 to 1 (WCAG 2, with the exponent 2.2 for the curve)."""
    red, green, blue = ((value / 255) ** 2.2 for value in colour)
    return float(0.2126 * red + 0.7152 * green + 0.0722 * blue)


def _contrast(first: float, second: float) -> float:
    """Contrast ratio of two luminances, 1 to 21 (WCAG 2)."""
    return (max(first, second) + 0.05) / (min(first, second) + 0.05)


def _frame(image: Image, mark: Mark, plate: Colour, ink: Colour, line: int) -> None:
    """Draw the box's frame in the label's colour, with a thin edge of the ink on its inner side."""
    x0, y0 = round(mark.x0), round(mark.y0)
    x1, y1 = max(round(mark.x1) - 1, x0), max(round(mark.y1) - 1, y0)
    for inset in range(line):
        cv2.rectangle(image, (x0 + inset, y0 + inset), (x1 - inset, y1 - inset), plate, 1)
    if min(x1 - x0, y1 - y0) > 4 * line:
        cv2.rectangle(image, (x0 + line, y0 + line), (x1 - line, y1 - line), ink, 1)


def _lead(image: Image, mark: Mark, rect: NDArray[np.int64], plate: Colour, ink: Colour, cap: int) -> None:
    """Draw a line from the label's middle to the point (or the nearest place of the box), and a dot there."""
    middle = (rect[:2] + rect[2:] - 1) / 2
    if mark.is_box:
        end = np.clip(middle, [mark.x0, mark.y0], [mark.x1 - 1, mark.y1 - 1])
    else:
        end = np.array([mark.x, mark.y])
    ends = [tuple(int(v) for v in np.rint(spot * (1 << _SHIFT))) for spot in (middle, end)]
    line, radius = max(1, round(cap / 10)), _dot_radius(cap)
    cv2.line(image, ends[0], ends[1], ink, line + 2, cv2.LINE_AA, _SHIFT)
    cv2.line(image, ends[0], ends[1], plate, line, cv2.LINE_AA, _SHIFT)
    cv2.circle(image, ends[1], (radius + 1) << _SHIFT, ink, -1, cv2.LINE_AA, _SHIFT)
    cv2.circle(image, ends[1], radius << _SHIFT, plate, -1, cv2.LINE_AA, _SHIFT)
