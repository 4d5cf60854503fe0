"""How far answers about made-up moves are from what happens, for models with and without marks.

A model is asked what moves, and where to; some name marks, others give places alone. So the first thing that
it names is held against the truth of the clip, not against marks or tracks: does it lie on what moves, and
where does what is there really go, without the camera's motion?
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somtom.pipelines.samples_moves import travelled
from somtom.schemas.answers import dequantise
from somtom.schemas.reasons import DataError
from somtom.schemas.record import Record

SIDE = 512  # distances are given in pixels of a picture whose shorter side is this long
STRAIGHT = np.cos(np.pi / 4)  # a direction is right within 45 degrees: one in four by chance

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Mover:
    """What moves in a clip: its middle and radius in pixels of the first frame, its way until the last."""

    x: float
    y: float
    radius: float
    goes: tuple[float, float]


Truth = Mapping[str, tuple[Mover, ...]]


def read_truth(path: Path) -> Truth:
    """Read DIR/truth/moves/SPLIT.jsonl as `somtom samples` writes it: what moves, by the video's name.

    Raises:
        DataError: `missing`, `unreadable`.
    """
    try:
        clips = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return {f"{clip['name']}.mp4": tuple(map(_mover, filter(_goes, clip["things"]))) for clip in clips}
    except FileNotFoundError as error:
        raise DataError("missing", f"{path}: is not there; `somtom samples` writes it") from error
    except (ValueError, KeyError, TypeError) as error:
        raise DataError("unreadable", f"{path}: is no truth of the sample moves: {error}") from error


def _goes(thing: Mapping[str, Any]) -> bool:
    return bool(thing["goes_x"] or thing["goes_y"])


def _mover(thing: Mapping[str, Any]) -> Mover:
    return Mover(thing["x"], thing["y"], thing["radius"], (thing["goes_x"], thing["goes_y"]))


def movers_of(record: Record, truth: Truth) -> tuple[Mover, ...]:
    """What moves in the record's clip; nothing where the truth does not know the clip."""
    return truth.get(record["source"]["uri"].split("#")[0], ())


def first_named(record: Record, said: Any) -> tuple[Points | None, Points | None]:
    """Where the first thing that an answer names is, (2,), and its path from there, (T, 2), in pixels.

    Args:
        said: marks with or without their places or traces, or a list of points or of traces that begin
            where the point is now; None where it could not be read.

    Returns:
        None where the answer has no such thing. A mark is where it is drawn, whatever place is said.
    """
    size = record["width"], record["height"]
    if isinstance(said, Mapping):
        marks = {mark["id"]: (mark["x"], mark["y"]) for mark in record["marks"]}
        number = next((one for one in said if one in marks), None)
        if number is None:
            return None, None
        start = np.array(marks[number], np.float64)
        later = said[number]
        if not isinstance(later, Sequence) or not later or not isinstance(later[0], Sequence):
            return start, None
        return start, np.concatenate([start[None], dequantise(later, *size)])
    if not said:
        return None, None
    if isinstance(said[0][0], Sequence):
        path = dequantise(said[0], *size)
        return path[0], path if len(path) > 1 else None
    return dequantise(said[0], *size), None


def score_answer(record: Record, said: Any, movers: Sequence[Mover], steps: int) -> dict[str, float]:
    """Measure one answer about a clip in which something moves.

    Args:
        said: as for `first_named`.
        steps: that the clip has after its first picture.

    Returns:
        `hit`: 1 where what is named first lies on a mover, else 0. Of answers with a trace also `direction`,
        1 where it ends within 45 degrees of where the mover next to it goes, and `ade` and `fde`, the mean
        and last distance from where that point really goes, in pixels at `SIDE`. A point off the mover
        counts from the mover's nearest one on.
    """
    start, path = first_named(record, said)
    if start is None:
        return {"hit": 0.0}
    middles = np.array([(one.x, one.y) for one in movers])
    away = np.linalg.norm(middles - start, axis=1)
    beyond = np.maximum(away - [one.radius for one in movers], 0)
    nearest = int(np.argmin(beyond))
    scores = {"hit": float(beyond[nearest] == 0)}
    if path is None:
        return scores
    goes = np.array(movers[nearest].goes)
    origin = start + (middles[nearest] - start) * (beyond[nearest] / max(float(away[nearest]), 1e-9))
    true_path = origin + travelled(steps + 1)[1:, None] * goes
    own = path[1 : steps + 1]
    own = np.concatenate([own, np.repeat(own[-1:], steps - len(own), axis=0)])
    distance = np.linalg.norm(own - true_path, axis=1) * SIDE / min(record["width"], record["height"])
    end = own[-1] - start
    length = float(np.linalg.norm(end) * np.linalg.norm(goes))
    scores["direction"] = float(length > 0 and float(end @ goes) >= STRAIGHT * length)
    scores["ade"], scores["fde"] = float(distance.mean()), float(distance[-1])
    return scores


def score_standing(record: Record, movers: Sequence[Mover], steps: int) -> dict[str, float]:
    """What an answer without any trace would have: nothing moves, which is off by the mover's whole way."""
    way = float(np.linalg.norm(movers[0].goes)) * SIDE / min(record["width"], record["height"])
    return {"direction": 0.0, "ade": way * float(travelled(steps + 1)[1:].mean()), "fde": way}


def score_chance(record: Record, movers: Sequence[Mover]) -> dict[str, float]:
    """What a mark and a point drawn at random would hit."""
    marks = np.array([(mark["x"], mark["y"]) for mark in record["marks"]]).reshape(-1, 2)
    on = np.zeros(len(marks), bool)
    for one in movers:
        on |= np.linalg.norm(marks - [one.x, one.y], axis=1) <= one.radius
    covered = sum(np.pi * one.radius**2 for one in movers) / (record["width"] * record["height"])
    return {"random mark": float(on.mean()) if len(on) else 0.0, "random point": float(covered)}
