"""Rules of what is said of a clip: the marks' places, and which of them move and where to."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somtom.schemas.answers import Point, parse_paths, parse_points, parse_som, parse_tom, quantise
from somtom.schemas.record import Record

Turns = list[dict[str, str]]
Places = dict[int, Point]
Paths = dict[int, list[Point]]  # of the marks that move, without where they start


def clip_faults(record: Record, turns: Turns, traces: NDArray[np.float32]) -> Iterator[str]:
    """Hold a clip's turns (a robot's action aside, which is asked for last) against its marks and traces.

    The first answer locates the marks; a second one, where something moves, traces what moves or, where no
    traces are asked for, locates it. Points without numbers have one answer: a list of traces or of points.
    Task "tom" says that traces are asked for.
    """
    moving = [index for index, mark in enumerate(record["marks"]) if mark["foreground"]]
    bins, outside = quantise(traces[1:, moving, :2], record["width"], record["height"])
    paths: Paths = {
        record["marks"][index]["id"]: [(int(x), int(y)) for x, y in bins[:, column]]
        for column, index in enumerate(moving)
        if len(traces) > 1
    }
    has_numbers = not turns[1]["value"].startswith("[")
    if has_numbers:
        yield from located_faults(record, turns)
    if record["task"] == "tom" and not paths:
        yield f"task 'tom' with 0 foreground marks in {len(traces)} frames"
        return
    wanted = 4 if has_numbers and paths else 2
    if len(turns) != wanted:
        about = f"a clip with {len(paths)} foreground marks in {len(traces)} frames"
        yield f"{about} must have {wanted} turns, got {len(turns)}"
        return
    answer = turns[-1]["value"]
    form = "{" if has_numbers else "[[["
    traced = bool(paths) and (
        answer.startswith(form) if record["task"] == "robot" else record["task"] == "tom"
    )
    clamped = int(outside.sum()) if traced else 0
    if record["motion"]["clamped"] != clamped:
        yield f"motion.clamped must be {clamped}, got {record['motion']['clamped']}"
    if has_numbers and paths:
        yield from _moving_faults(answer, traced, places_of(record), paths)
    elif not has_numbers:
        yield from _point_faults(answer, traced, places_of(record), paths)


def places_of(record: Record) -> Places:
    """Where each mark is, in bins."""
    starts = np.array([(mark["x"], mark["y"]) for mark in record["marks"]]).reshape(-1, 2)
    bins, _ = quantise(starts, record["width"], record["height"])
    return {mark["id"]: (int(x), int(y)) for mark, (x, y) in zip(record["marks"], bins, strict=True)}


def located_faults(record: Record, turns: Turns) -> Iterator[str]:
    """The first answer must locate every mark."""
    try:
        said = parse_som(turns[1]["value"])
    except ValueError as error:
        yield f"the first answer must locate the marks: {error}"
        return
    yield from _different("the first answer locates", said, places_of(record))


def _moving_faults(answer: str, traced: bool, places: Places, paths: Paths) -> Iterator[str]:
    what = "traces" if traced else "locates"
    expected: dict[int, Any] = dict(paths) if traced else {number: places[number] for number in paths}
    try:
        said: dict[int, Any] = dict(parse_tom(answer) if traced else parse_som(answer))
    except (ValueError, RecursionError) as error:
        yield f"the second answer must hold the moving marks' {'traces' if traced else 'places'}: {error}"
        return
    yield from _different(f"the second answer {what}", said, expected)


def _point_faults(answer: str, traced: bool, places: Places, paths: Paths) -> Iterator[str]:
    expected: list[Any] = [
        [places[number], *path] if traced else places[number] for number, path in paths.items()
    ]
    try:
        said: list[Any] = [*(parse_paths(answer) if traced else parse_points(answer))]
    except (ValueError, RecursionError) as error:
        yield f"the answer must hold the moving points: {error}"
        return
    if said != expected:
        yield f"the answer gives {said!s:.60}, but it must be {expected!s:.60}"


def _different(what: str, said: dict[int, Any], expected: dict[int, Any]) -> Iterator[str]:
    if set(said) != set(expected):
        yield f"{what} marks {sorted(said)}, but it must be {sorted(expected)}"
        return
    for number, value in expected.items():
        if said[number] != value:
            yield f"{what} mark {number} at {said[number]!s:.60}, but it is at {value!s:.60}"
            return
