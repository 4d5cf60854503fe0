"""Image-text pairs: where their picture tokens stand, and boxes in the text made into numbered marks."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from somtom.marks.text import IMAGE_TOKEN
from somtom.schemas.answers import format_som, quantise
from somtom.schemas.keys import generator_of
from somtom.schemas.marks import Mark, Marks
from somtom.schemas.settings import PairSettings

Turns = tuple[tuple[str, str], ...]  # (speaker, text)
Extent = tuple[float, float, float, float]  # x0, y0, x1, y1 in pixels; a point has no width and height

MAX_MARKS = 100  # a text with more places than this is left as it is
MIN_SIDE_PX = 1.0
MIN_INSIDE = 0.5  # share of a box that must lie in the picture: less tells of another convention

_NUMBER = r"(?:[01](?:\.[0-9]{1,17})?|\.[0-9]{1,17})"
_PLACE = re.compile(rf"\[ ?({_NUMBER}), ?({_NUMBER})(?:, ?({_NUMBER}), ?({_NUMBER}))? ?\]")
# What a model could read as a picture; only the first one asks for one.
_TOKEN = re.compile(r"<\s*(image|video)\s*>", re.IGNORECASE)
_ASKS_FOR_BOX = re.compile(r"\bbounding box coordinates?\b", re.IGNORECASE)


def _of_picture(x: float, y: float, width: int, height: int) -> tuple[float, float]:
    return x * width, y * height


def _of_square(x: float, y: float, width: int, height: int) -> tuple[float, float]:
    side = max(width, height)
    return x * side - (side - width) / 2, y * side - (side - height) / 2


# What the ratios are of, by the name of the setting: to pixels counted from the picture's top-left corner.
FRAMES: dict[str, Callable[[float, float, int, int], tuple[float, float]]] = {
    "square": _of_square,
    "picture": _of_picture,
}


@dataclass(frozen=True)
class PairConversation:
    """The turns of a pair as its record has them, and the marks that they name."""

    turns: list[dict[str, str]]
    marks: Marks


def write_pair(
    turns: Turns, history: int, width: int, height: int, settings: PairSettings, key: str
) -> PairConversation:
    """Bring a pair's turns to the form that every sample has.

    `<image>` stands once for each of `history` pictures and once for the picture itself, in the first turn:
    where the author put it, or at the start. With `boxes = "marks"`, boxes and points become marks.
    """
    marks: tuple[Mark, ...] = ()
    if settings.boxes == "marks":
        turns, marks = name_marks(turns, width, height, settings.box_frame, key)
    starts = np.array([(mark.x, mark.y, 1.0) for mark in marks], dtype=np.float32)
    return PairConversation(place_tokens(turns, history), Marks(marks, starts.reshape(1, len(marks), 3)))


def place_tokens(turns: Turns, history: int) -> list[dict[str, str]]:
    """Put the picture tokens into the first turn, and take the brackets off all others.

    >>> place_tokens((("human", "What is it?\\n<image>"), ("gpt", "An <image>.")), 0)[1]["value"]
    'An [image].'
    """
    first = turns[0][1]
    found = first.find(IMAGE_TOKEN)
    before, after = (first[:found], first[found + len(IMAGE_TOKEN) :]) if found >= 0 else ("", "\n" + first)
    lead = f"{IMAGE_TOKEN}\n" * history
    values = [f"{lead}{_plain(before)}{IMAGE_TOKEN}{_plain(after)}", *(_plain(text) for _, text in turns[1:])]
    return [{"from": speaker, "value": value} for (speaker, _), value in zip(turns, values, strict=True)]


def name_marks(turns: Turns, width: int, height: int, frame: str, key: str) -> tuple[Turns, tuple[Mark, ...]]:
    """Number the boxes and points in the turns, and say the mark instead of each.

    A place is `[x0, y0, x1, y1]` or `[x, y]`, ratios 0 to 1 of which one at least has a point in it. What is
    no such thing, or lies outside of the picture, stays as it is. Equal places are one mark; numbers are
    shuffled, so that they say nothing of the order in the text.

    Args:
        frame: what the ratios are of, a name of `FRAMES`.
    """
    extents = {found[0]: _extent(found, width, height, frame) for _, text in turns for found in _places(text)}
    distinct = sorted({extent for extent in extents.values() if extent is not None})
    if not distinct or len(distinct) > MAX_MARKS:
        return turns, ()
    order = generator_of(key, "marks.pairs").permutation(len(distinct))
    marks = tuple(_mark(number, distinct[index]) for number, index in enumerate(order, start=1))
    number_of = {distinct[index]: number for number, index in enumerate(order, start=1)}
    bins, _ = quantise([(mark.x, mark.y) for mark in marks], width, height)
    said = {
        mark.id: format_som({mark.id: (int(x), int(y))}) for mark, (x, y) in zip(marks, bins, strict=True)
    }

    def name(found: re.Match[str]) -> str:
        extent = extents.get(found[0])
        return found[0] if extent is None else said[number_of[extent]]

    named = [(speaker, _PLACE.sub(name, text)) for speaker, text in turns]
    # Who is answered with a mark must not have asked for a box.
    return tuple(
        (speaker, _ASKS_FOR_BOX.sub("mark", text) if speaker == "human" else text) for speaker, text in named
    ), marks


def _plain(text: str) -> str:
    return _TOKEN.sub(r"[\1]", text)


def _places(text: str) -> Sequence[re.Match[str]]:
    return [found for found in _PLACE.finditer(text) if "." in found[0]]


def _extent(found: re.Match[str], width: int, height: int, frame: str) -> Extent | None:
    """Pixels of a place that lies in the picture; None for any other."""
    x0, y0, x1, y1 = (None if number is None else float(number) for number in found.groups())
    assert x0 is not None and y0 is not None  # noqa: S101 - groups that always match
    left, top = FRAMES[frame](x0, y0, width, height)
    if x1 is None or y1 is None:
        inside = 0 <= left <= width and 0 <= top <= height and max(x0, y0) <= 1
        return (left, top, left, top) if inside else None
    right, bottom = FRAMES[frame](x1, y1, width, height)
    whole = (right - left) * (bottom - top)
    left, top, right, bottom = max(left, 0.0), max(top, 0.0), min(right, width), min(bottom, height)
    if min(right - left, bottom - top) < MIN_SIDE_PX or max(x0, y0, x1, y1) > 1:
        return None
    return (left, top, right, bottom) if (right - left) * (bottom - top) >= MIN_INSIDE * whole else None


def _mark(number: int, extent: Extent) -> Mark:
    """Pixel (0, 0) is the centre of the top-left one, so a corner lies half a pixel before it."""
    x0, y0, x1, y1 = (float(np.float32(round(value * 64) / 64)) for value in extent)
    x, y = (x0 + x1 - 1) / 2, (y0 + y1 - 1) / 2
    return Mark(number, x, y, foreground=True) if x0 == x1 else Mark(number, x, y, x0, y0, x1, y1, True)
