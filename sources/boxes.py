"""How the boxes of a data set are written, and a box brought to pixels or refused.

A box is four numbers in one of four conventions. Which one is a setting with a documented default; it is
held against the picture's size for each box, and never guessed.
"""

import math

from somtom.schemas.reasons import DataError

# convention -> (the last two numbers are the far corner, the numbers are shares of the picture's sides)
CONVENTIONS: dict[str, tuple[bool, bool]] = {
    "xyxy_px": (True, False),
    "xywh_px": (False, False),
    "xyxy_ratio": (True, True),
    "xywh_ratio": (False, True),
}
# A box may reach this share of the picture's longer side outside, by rounding or scrolling, undoubted.
SLACK = 0.02

Box = tuple[float, float, float, float]


def box_in_pixels(value: object, convention: str, width: int, height: int) -> Box:
    """Read a stored box as (x0, y0, x1, y1) in pixels of the picture, cut at its edges.

    Edges lie between pixels: the picture spans 0 to its width and height.

    >>> box_in_pixels([0.5, 0.5, 0.75, 1.01], "xyxy_ratio", 200, 100)
    (100.0, 50.0, 150.0, 100.0)

    Raises:
        DataError: `bad_box`: it is no box, lies outside of the picture, or fits it only in another
            convention, which the message names.
    """
    numbers = four_numbers(value)
    box = _corners(numbers, convention, width, height)
    if box is not None and _is_inside(box, SLACK * max(width, height), width, height):
        return _cut(box, width, height)
    shown = [float(f"{number:.6g}") for number in numbers]
    others = [name for name in CONVENTIONS if name != convention and _fits(numbers, name, width, height)]
    if others:
        raise DataError(
            "bad_box",
            f"{shown} is no {convention} in a picture of {width}x{height}, but would be as "
            f"{' or '.join(others)}: if all are written so, set boxes",
        )
    if box is None:
        raise DataError("bad_box", f"{shown} has no area as {convention} (the setting boxes)")
    if box[0] >= width or box[1] >= height or box[2] <= 0 or box[3] <= 0:
        raise DataError(
            "bad_box", f"{shown} as {convention} (the setting boxes) lies outside of {width}x{height}"
        )
    return _cut(box, width, height)


def four_numbers(value: object) -> Box:
    """Read four finite numbers.

    Raises:
        DataError: `bad_box`.
    """
    if not isinstance(value, list | tuple) or len(value) != 4:
        raise DataError("bad_box", f"a box must be four numbers, is {str(value)[:60]!r}")
    if any(isinstance(one, bool) or not isinstance(one, int | float) or not _is_sane(one) for one in value):
        raise DataError("bad_box", f"a box must be four finite numbers, is {str(value)[:60]!r}")
    x, y, third, fourth = (float(one) for one in value)
    return x, y, third, fourth


def _is_sane(number: float) -> bool:
    """Whether a number is finite and so small that sums of it are too."""
    return -1e9 < number < 1e9


def _corners(numbers: Box, convention: str, width: int, height: int) -> Box | None:
    """The box's corners in pixels, None where it has no area or its numbers are of the other unit."""
    has_corner, is_ratio = CONVENTIONS[convention]
    if not is_ratio and max(map(abs, numbers)) <= 1:
        return None  # a box of at most one pixel in the very corner: shares of the picture, if anything
    x0, y0, x1, y1 = numbers
    if not has_corner:
        x1, y1 = x0 + x1, y0 + y1
    if is_ratio:
        x0, y0, x1, y1 = x0 * width, y0 * height, x1 * width, y1 * height
    return (x0, y0, x1, y1) if x1 > x0 and y1 > y0 and math.isfinite(x0 + y0 + x1 + y1) else None


def _is_inside(box: Box, slack: float, width: int, height: int) -> bool:
    """Whether the box shows in the picture and reaches no further than `slack` outside of it."""
    x0, y0, x1, y1 = box
    shows = x0 < width and y0 < height and x1 > 0 and y1 > 0
    return shows and x0 >= -slack and y0 >= -slack and x1 <= width + slack and y1 <= height + slack


def _fits(numbers: Box, convention: str, width: int, height: int) -> bool:
    box = _corners(numbers, convention, width, height)
    # A pixel may be rounded away at the edge; shares that cover less than a pixel were meant otherwise.
    return (
        box is not None
        and _is_inside(box, 1.0, width, height)
        and box[2] - box[0] >= 1
        and box[3] - box[1] >= 1
    )


def _cut(box: Box, width: int, height: int) -> Box:
    x0, y0, x1, y1 = box
    return max(x0, 0.0), max(y0, 0.0), min(x1, float(width)), min(y1, float(height))
