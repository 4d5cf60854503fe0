"""Rules of the conversations: what is said equals the marks and the traces."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somtom.schemas.answers import parse_som, parse_tom, quantise
from somtom.schemas.check_pair import pair_faults
from somtom.schemas.check_screen import screen_faults
from somtom.schemas.record import Record

BINS = 256
_IMAGE = "<image>"


def text_faults(record: Record, traces: NDArray[np.float32]) -> Iterator[str]:
    """Hold the conversations of a well-formed record against its marks and traces."""
    turns = record["conversations"]
    speakers = [turn["from"] for turn in turns]
    if not turns or speakers != ["human", "gpt"] * (len(turns) // 2):
        yield f"conversations must alternate human, gpt, got {speakers[:6]}"
        return
    if any(not turn["value"].strip() for turn in turns):
        yield "conversations must not hold an empty turn"
    counts = [turn["value"].count(_IMAGE) for turn in turns]
    wanted = len(record["history"]) + 1
    if counts[0] != wanted or any(counts[1:]):
        yield f"{_IMAGE} must stand {wanted} times in the first turn and nowhere else, got {counts}"
    if record["task"] == "ui":
        yield from _som_faults(record, turns)
        yield from screen_faults(record, traces)
    if record["task"] == "vl":
        yield from pair_faults(record, traces)
    if record["task"] in ("som", "tom", "robot"):
        yield from _som_faults(record, turns)
        yield from _tom_faults(record, turns, traces)


def _som_faults(record: Record, turns: list[dict[str, str]]) -> Iterator[str]:
    starts = np.array([(mark["x"], mark["y"]) for mark in record["marks"]]).reshape(-1, 2)
    bins, _ = quantise(starts, record["width"], record["height"], BINS)
    expected = {mark["id"]: (int(x), int(y)) for mark, (x, y) in zip(record["marks"], bins, strict=True)}
    try:
        said = parse_som(turns[1]["value"])
    except ValueError as error:
        yield f"the first answer must locate the marks: {error}"
        return
    yield from _different("the first answer locates", said, expected)


def _tom_faults(record: Record, turns: list[dict[str, str]], traces: NDArray[np.float32]) -> Iterator[str]:
    moving = [index for index, mark in enumerate(record["marks"]) if mark["foreground"]]
    bins, outside = quantise(traces[1:, moving, :2], record["width"], record["height"], BINS)
    if record["motion"]["clamped"] != int(outside.sum()):
        yield f"motion.clamped must be {int(outside.sum())}, got {record['motion']['clamped']}"
    wants_tom = bool(moving) and len(traces) > 1
    if record["task"] != "robot" and wants_tom != (record["task"] == "tom"):
        yield f"task {record['task']!r} with {len(moving)} foreground marks in {len(traces)} frames"
        return
    # A robot's action is asked for last.
    wanted = (4 if wants_tom else 2) + (2 if record["task"] == "robot" else 0)
    if len(turns) != wanted:
        yield f"task {record['task']!r} must have {wanted} turns, got {len(turns)}"
        return
    if not wants_tom:
        return
    expected = {
        record["marks"][index]["id"]: [(int(x), int(y)) for x, y in bins[:, column]]
        for column, index in enumerate(moving)
    }
    try:
        said = parse_tom(turns[3]["value"])
    except (ValueError, RecursionError) as error:
        yield f"the second answer must hold the moving marks' traces: {error}"
        return
    yield from _different("the second answer traces", said, expected)


def _different(what: str, said: dict[int, Any], expected: dict[int, Any]) -> Iterator[str]:
    if set(said) != set(expected):
        yield f"{what} marks {sorted(said)}, but it must be {sorted(expected)}"
        return
    for number, value in expected.items():
        if said[number] != value:
            yield f"{what} mark {number} at {said[number]!s:.60}, but it is at {value!s:.60}"
            return
