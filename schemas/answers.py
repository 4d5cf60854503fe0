"""Coordinates in text and the answers that hold them, as written by `marks.text`."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

_MARK = re.compile(r"Mark (\d+) at \[(-?\d+),(-?\d+)\]")
_NAME = re.compile(r"Mark (\d+)")
_KIND = re.compile(r"\w+")
_ACTION = re.compile(r'(\w+)(?: (?:("(?:[^"\\]|\\.)*")|(\w+)))?(?: : (Mark \d+ at \[-?\d+,-?\d+\]))?')
_ALWAYS_QUOTED = ("type", "select", "open")  # their text is content, not a name such as "down"
_PICTURE_TOKEN = re.compile(r"<(?=\s*(?:image|video)\s*>)", re.IGNORECASE)

Point = tuple[int, int]


def quantise(
    xy: ArrayLike, width: int, height: int, bins: int = 256
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Cut the picture into `bins` columns and rows and say in which each point lies.

    Pixel centres are whole numbers, so the picture spans -0.5 to width - 0.5 and
    `bin = floor((x + 0.5) / width * bins)`, clamped to 0..bins - 1; likewise y with the height.

    Args:
        xy: (..., 2) finite, in pixels.

    Returns:
        (..., 2) integers, and (...) bool: the point lay outside the picture and was clamped.

    >>> quantise([[0, 0], [511, 383], [600, 10]], 512, 384)[0].tolist()
    [[0, 0], [255, 255], [255, 7]]
    """
    size = np.array([width, height], dtype=np.float64)
    cells = np.floor((np.asarray(xy, dtype=np.float64) + 0.5) / size * bins)
    clamped = np.clip(cells, 0, bins - 1)
    return clamped.astype(np.int64), np.any(cells != clamped, axis=-1)


def dequantise(cells: ArrayLike, width: int, height: int, bins: int = 256) -> NDArray[np.float64]:
    """Give the centre, in pixels, of each (..., 2) bin: at most half a bin from what `quantise` was given."""
    size = np.array([width, height], dtype=np.float64)
    centres: NDArray[np.float64] = (np.asarray(cells, dtype=np.float64) + 0.5) * size / bins - 0.5
    return centres


def format_som(points: Mapping[int, Point]) -> str:
    """Write where each mark is.

    >>> format_som({3: (121, 87), 4: (0, 255)})
    'Mark 3 at [121,87], Mark 4 at [0,255]'
    """
    return ", ".join(f"Mark {number} at [{x},{y}]" for number, (x, y) in points.items())


def parse_som(text: str) -> dict[int, Point]:
    """Read back what `format_som` wrote.

    Raises:
        ValueError: anything else stands in the text, or a mark stands in it twice.
    """
    points: dict[int, Point] = {}
    for part in text.split(", "):
        match = _MARK.fullmatch(part)
        if match is None:
            raise ValueError(f"not a located mark: {part!r}")
        number, x, y = map(int, match.groups())
        if number in points:
            raise ValueError(f"mark {number} is located twice")
        points[number] = (x, y)
    return points


def format_tom(traces: Mapping[int, Sequence[Point]]) -> str:
    """Write the traces as a JSON object whose values are lists written out as strings.

    >>> format_tom({3: [(124, 90), (129, 93)]})
    '{"Mark 3": "[[124,90],[129,93]]"}'
    """
    written = {
        f"Mark {number}": "[" + ",".join(f"[{x},{y}]" for x, y in trace) + "]"
        for number, trace in traces.items()
    }
    return json.dumps(written)


def parse_tom(text: str) -> dict[int, list[Point]]:
    """Read back what `format_tom` wrote.

    Raises:
        ValueError: the text is no such JSON, or a mark stands in it twice.
    """
    traces: dict[int, list[Point]] = {}
    pairs = _load(text)
    if not isinstance(pairs, list) or not text.lstrip().startswith("{"):
        raise ValueError(f"not an object of traces: {text[:80]!r}")
    for name, written in pairs:
        match = _NAME.fullmatch(name)
        if match is None or not isinstance(written, str):
            raise ValueError(f"not a mark's trace: {name!r}")
        number = int(match.group(1))
        if number in traces:
            raise ValueError(f"mark {number} has two traces")
        trace = _load(written)
        if not isinstance(trace, list) or not all(_is_point(point) for point in trace):
            raise ValueError(f"mark {number}: not a list of [x,y]: {written[:80]!r}")
        traces[number] = [(x, y) for x, y in trace]
    return traces


def format_points(points: Sequence[Point]) -> str:
    """Write points without numbers, as JSON.

    >>> format_points([(121, 87), (0, 255)])
    '[[121,87],[0,255]]'
    """
    return json.dumps([list(point) for point in points], separators=(",", ":"))


def parse_points(text: str) -> list[Point]:
    """Read back what `format_points` wrote.

    Raises:
        ValueError: the text is no such JSON.
    """
    points = _load(text)
    if not isinstance(points, list) or not text.startswith("[") or not all(map(_is_point, points)):
        raise ValueError(f"not a list of [x,y]: {text[:80]!r}")
    return [(x, y) for x, y in points]


def format_paths(paths: Sequence[Sequence[Point]]) -> str:
    """Write traces without numbers, as JSON.

    >>> format_paths([[(124, 90), (129, 93)]])
    '[[[124,90],[129,93]]]'
    """
    return "[" + ",".join(format_points(path) for path in paths) + "]"


def parse_paths(text: str) -> list[list[Point]]:
    """Read back what `format_paths` wrote.

    Raises:
        ValueError: the text is no such JSON, or a trace has no point.
    """
    paths = _load(text)
    if not isinstance(paths, list) or not text.startswith("["):
        raise ValueError(f"not a list of traces: {text[:80]!r}")
    for path in paths:
        if not isinstance(path, list) or not path or not all(map(_is_point, path)):
            raise ValueError(f"not a list of [x,y]: {path!s:.80}")
    return [[(x, y) for x, y in path] for path in paths]


def _load(text: str) -> object:
    """Read JSON, with objects as lists of pairs so that a name given twice is seen."""
    try:
        return json.loads(text, object_pairs_hook=list)
    except RecursionError as error:
        raise ValueError(f"nested too deeply: {text[:80]!r}") from error


def _is_point(value: object) -> bool:
    """Whether the JSON value is [integer, integer]."""
    return isinstance(value, list) and len(value) == 2 and all(type(number) is int for number in value)


@dataclass(frozen=True)
class Action:
    """What is done on a screen, as an answer says it.

    Args:
        kind: one word of letters, digits and underscores, such as click or scroll.
        argument: what is typed or selected, the direction, the key; "" where there is none.
        mark: number of the mark that it is done to; None where to none.
        point: where that mark is, in bins.
    """

    kind: str
    argument: str = ""
    mark: int | None = None
    point: Point = (0, 0)


def format_action(action: Action) -> str:
    """Write an action: `kind`, then its argument, then ` : ` and the mark.

    An argument that is one word is written as it is; any other, and whatever is typed, selected or opened,
    as a JSON string, in which the "<" of LLaVA's picture tokens is escaped.

    Raises:
        ValueError: the kind is no word.

    >>> format_action(Action("click", mark=5, point=(121, 87)))
    'click : Mark 5 at [121,87]'
    >>> print(format_action(Action("type", "hello", 3, (10, 20))))
    type "hello" : Mark 3 at [10,20]
    >>> format_action(Action("scroll", "down")), format_action(Action("complete"))
    ('scroll down', 'complete')
    """
    if not _KIND.fullmatch(action.kind):
        raise ValueError(f"an action's kind must be one word, got {action.kind!r:.80}")
    text = action.kind
    if action.argument or action.kind in _ALWAYS_QUOTED:
        bare = action.kind not in _ALWAYS_QUOTED and _KIND.fullmatch(action.argument)
        quoted = _PICTURE_TOKEN.sub(r"\\u003c", json.dumps(action.argument, ensure_ascii=False))
        text += f" {action.argument if bare else quoted}"
    return text if action.mark is None else f"{text} : {format_som({action.mark: action.point})}"


def parse_action(text: str) -> Action:
    """Read back what `format_action` wrote.

    Raises:
        ValueError: it could not have written that.
    """
    match = _ACTION.fullmatch(text)
    if match is None:
        raise ValueError(f"not an action: {text[:80]!r}")
    kind, quoted, bare, place = match.groups()
    argument = json.loads(quoted) if quoted else bare or ""
    action = Action(kind, argument)
    if place:
        ((mark, point),) = parse_som(place).items()
        action = Action(kind, argument, mark, point)
    if format_action(action) != text:
        raise ValueError(f"an action written in another way than ours: {text[:80]!r}")
    return action
