"""Words and lines of a screenshot, found from the shapes of their letters, in any script."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

MAX_PIECES = 30_000  # letters and other shapes that are looked at, the topmost; bounds the time
MAX_WORDS = 6000
WORD_GAP = 0.16  # heights of a letter between letters of one word, each side
LINE_GAP = 1.1  # heights of a word between words of one line
COLOUR_GAP = 60  # levels between the colours of two words from which on they are two things
CAPITAL = 0.73  # of the font's size that a capital is high; common to most Latin fonts
SMALL = 0.52  # of the font's size that a letter such as x is high
ABOVE, BELOW = 0.93, 0.23  # font sizes that a browser's line reaches above and below the baseline


@dataclass(frozen=True)
class Run:
    """Words on one line, or one shape that stands alone.

    `x0` to `y1` is the box of what is drawn, `pieces` the number of its letters, `surface` the flat area
    that it stands on, `colour` what it is drawn in, `back` what it is drawn on (RGB), `is_compact` whether it
    is one shape about as wide as high: an icon, if it stands alone.
    """

    x0: int
    y0: int
    x1: int
    y1: int
    pieces: int
    baseline: int
    capital: int
    density: float
    surface: int
    colour: tuple[int, int, int]
    back: tuple[int, int, int]
    is_compact: bool
    words: int = 1

    @property
    def height(self) -> int:
        """Of what is drawn, in pixels."""
        return self.y1 - self.y0

    @property
    def width(self) -> int:
        """Of what is drawn, in pixels."""
        return self.x1 - self.x0


def find_pieces(ink: NDArray[np.bool_]) -> NDArray[np.int32]:
    """(N, 5) int32 x0, y0, x1, y1, pixels of each connected shape, from top to bottom."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink.astype(np.uint8), connectivity=8, ltype=cv2.CV_32S)
    pieces = stats[1:].astype(np.int32)
    pieces[:, 2:4] += pieces[:, :2]
    order: NDArray[np.int64] = np.lexsort((pieces[:, 0], pieces[:, 1]))
    return np.asarray(pieces[order][:MAX_PIECES], np.int32)


def letter_height(pieces: NDArray[np.int32]) -> float:
    """Typical height of a letter in pixels, 8 where there are none."""
    width, height = pieces[:, 2] - pieces[:, 0], pieces[:, 3] - pieces[:, 1]
    letters = height[(height >= 5) & (height <= 60) & (width <= 2 * height) & (width >= 2)]
    return float(np.median(letters)) if len(letters) else 8.0


def find_runs(
    picture: NDArray[np.uint8], pieces: NDArray[np.int32], labels: NDArray[np.int32], unit: float
) -> list[Run]:
    """Group shapes into words and those into lines; a line is cut where its colour changes.

    Args:
        picture: (H, W, 3) uint8 RGB.
        pieces: what `find_pieces` gives.
        labels: (H, W) int32 number of the flat area of each pixel, 0 in none.
        unit: what `letter_height` gives.
    """
    width, height = pieces[:, 2] - pieces[:, 0], pieces[:, 3] - pieces[:, 1]
    rule = (np.minimum(width, height) <= 0.25 * unit) & (np.maximum(width, height) > 2.5 * unit)
    frame = (width > 2.5 * unit) & (height > 1.6 * unit) & (pieces[:, 4] < 0.35 * width * height)
    shape = (height <= 5 * unit) & (width <= 60 * unit) & ((width <= 6 * unit) | (height <= 3 * unit))
    bars = _stacks(pieces, unit)
    pieces = np.concatenate([pieces[shape & ~rule & ~frame & (bars[1] < 0)], bars[0]])
    if not len(pieces):
        return []
    words = _words(pieces, labels.shape, unit)[:MAX_WORDS]
    found = [_describe(picture, labels, pieces[word], unit) for word in words]
    return list(_lines([run for run in found if run.height >= 3 and run.width >= 2], unit))


def _stacks(pieces: NDArray[np.int32], unit: float) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Three or more bars or dots right below each other are one shape: the sign of a menu.

    Gives the joined shapes, and for each piece the number of its stack, -1 for none.
    """
    low = (pieces[:, 3] - pieces[:, 1] <= 0.7 * unit) & (pieces[:, 2] - pieces[:, 0] <= 4 * unit)
    columns: dict[tuple[int, int], list[int]] = {}
    for index in np.flatnonzero(low).tolist():
        columns.setdefault((int(pieces[index, 0]), int(pieces[index, 2])), []).append(index)
    number = np.full(len(pieces), -1, np.int32)
    joined: list[list[int]] = []
    for column in columns.values():
        for stack in _close_by(column, pieces, unit):
            if len(stack) == 3:
                number[stack] = len(joined)
                x0, y0, x1, _, _ = pieces[stack[0]].tolist()
                joined.append([x0, y0, x1, int(pieces[stack[-1], 3]), int(pieces[stack, 4].sum())])
    return np.array(joined, np.int32).reshape(-1, 5), number


def _close_by(column: list[int], pieces: NDArray[np.int32], unit: float) -> list[list[int]]:
    stacks = [[column[0]]]
    for index in column[1:]:
        if pieces[index, 1] - pieces[stacks[-1][-1], 3] <= unit:
            stacks[-1].append(index)
        else:
            stacks.append([index])
    return stacks


def _words(pieces: NDArray[np.int32], shape: tuple[int, ...], unit: float) -> list[NDArray[np.int64]]:
    """Indexes of the shapes of each word: those whose boxes, made a little wider, touch."""
    canvas = np.zeros(shape, np.uint8)
    for x0, y0, x1, y1, _ in pieces.tolist():
        reach = int(WORD_GAP * min(max(y1 - y0, unit), 4 * unit))
        lift = max(1, round(0.12 * unit))
        cv2.rectangle(canvas, (x0 - reach, y0 - lift), (x1 - 1 + reach, y1 - 1 + lift), 1, -1)
    _, labels = cv2.connectedComponents(canvas, connectivity=4, ltype=cv2.CV_32S)
    word = labels[(pieces[:, 1] + pieces[:, 3]) // 2, (pieces[:, 0] + pieces[:, 2]) // 2]
    order = np.argsort(word, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(word[order])) + 1)


def _describe(
    picture: NDArray[np.uint8], labels: NDArray[np.int32], pieces: NDArray[np.int32], unit: float
) -> Run:
    height, width = labels.shape
    x0, y0 = (int(value) for value in pieces[:, :2].min(axis=0))
    x1, y1 = (int(value) for value in pieces[:, 2:4].max(axis=0))
    top, bottom = max(y0 - 2, 0), min(y1 + 2, height)
    left, right = max(x0 - 2, 0), min(x1 + 2, width)
    ring = np.concatenate(
        [
            labels[top, left:right],
            labels[bottom - 1, left:right],
            labels[top:bottom, left],
            labels[top:bottom, right - 1],
        ]
    )
    colours = np.concatenate(
        [
            picture[top, left:right],
            picture[bottom - 1, left:right],
            picture[top:bottom, left],
            picture[top:bottom, right - 1],
        ]
    )
    known = ring[ring > 0]
    back = np.median(colours, axis=0)
    drawn = picture[y0:y1, x0:x1].reshape(-1, 3)
    far = np.abs(drawn - back).max(axis=1)
    colour = drawn[far >= 0.75 * far.max()].mean(axis=0)
    tall = pieces[pieces[:, 3] - pieces[:, 1] >= 0.5 * (y1 - y0)]
    baseline = int(np.median(tall[:, 3])) if len(tall) else y1
    red, green, blue = (int(value) for value in colour)
    back_red, back_green, back_blue = (int(value) for value in back)
    wide = (x1 - x0) / max(y1 - y0, 1)
    compact = 0.4 <= wide <= 2.2 if len(pieces) == 1 else 0.6 <= wide <= 1.4 and y1 - y0 >= 1.3 * unit
    return Run(
        x0,
        y0,
        x1,
        y1,
        len(pieces),
        baseline,
        max(baseline - y0, 1),
        float(np.count_nonzero(far > 40)) / max(len(far), 1),
        int(np.bincount(known).argmax()) if len(known) else 0,
        (red, green, blue),
        (back_red, back_green, back_blue),
        compact,
    )


def _lines(words: list[Run], unit: float) -> Iterator[Run]:
    """Join neighbours of one height, surface and colour, from left to right."""
    waiting = sorted(words, key=lambda run: (run.x0, run.y0))
    rows: dict[int, list[list[Run]]] = {}
    lines: list[list[Run]] = []
    band = max(1, round(4 * unit))
    for run in waiting:
        line = None
        for row in range(run.y0 // band - 1, run.y1 // band + 1):
            for candidate in rows.get(row, ()):
                if _continues(candidate[-1], run, unit) and (line is None or candidate[-1].x1 > line[-1].x1):
                    line = candidate
        if line is None:
            line = []
            lines.append(line)
            rows.setdefault(run.y0 // band, []).append(line)
        line.append(run)
    for line in lines:
        yield _joined(line)


def _continues(last: Run, run: Run, unit: float) -> bool:
    overlap = min(last.y1, run.y1) - max(last.y0, run.y0)
    low, high = sorted((last.height, run.height))
    gap = run.x0 - last.x1
    if (_is_bar(last, unit) or _is_bar(run, unit)) and gap > 0.25 * unit:
        return False
    if last.is_compact and run.is_compact and gap > 0.5 * unit:
        return False  # icons beside each other
    return (
        -0.5 * unit <= gap <= LINE_GAP * max(min(high, 3 * unit), 0.8 * unit)
        and overlap >= 0.5 * low
        and high <= 2.2 * max(low, 0.7 * unit)
        and (run.surface == last.surface or (_alike(run.back, last.back, 16) and gap <= 0.75 * unit))
        and _alike(last.colour, run.colour, COLOUR_GAP)
    )


def _alike(one: tuple[int, ...], other: tuple[int, ...], levels: int) -> bool:
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) <= levels


def _is_bar(run: Run, unit: float) -> bool:
    """Whether it is a line that separates: higher than any letter, and thin."""
    return run.pieces == 1 and run.height >= 1.4 * unit and run.width <= 0.2 * run.height


def _joined(line: list[Run]) -> Run:
    if len(line) > 1 and line[0].pieces == 1 and line[0].height < 0.5 * line[1].height:
        line = line[1:]  # a bullet
    first = line[0]
    baseline = int(np.median([run.baseline for run in line]))
    top = min(run.y0 for run in line)
    return replace(
        first,
        x0=min(run.x0 for run in line),
        y0=top,
        x1=max(run.x1 for run in line),
        y1=max(run.y1 for run in line),
        pieces=sum(run.pieces for run in line),
        baseline=baseline,
        capital=max(baseline - top, 1),
        density=sum(run.density * run.width for run in line) / max(1, sum(run.width for run in line)),
        is_compact=first.is_compact and len(line) == 1,
        words=len(line),
    )


def line_box(run: Run, unit: float) -> tuple[float, float, float, float]:
    """The box that a browser gives the text: as high as its font, whichever letters it has."""
    small = run.pieces >= 2 and run.capital < 0.8 * unit
    size = run.capital / (SMALL if small else CAPITAL)
    top = min(run.baseline - ABOVE * size, float(run.y0))
    bottom = max(run.baseline + BELOW * size, float(run.y1))
    return float(run.x0), top, float(run.x1), bottom
