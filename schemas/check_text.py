"""Rules of the conversations: what is said equals the marks and the traces."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from somtom.schemas.check_clip import clip_faults, located_faults
from somtom.schemas.check_pair import pair_faults
from somtom.schemas.check_screen import screen_faults
from somtom.schemas.record import Record

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
        yield from located_faults(record, turns)
        yield from screen_faults(record, traces)
    if record["task"] == "vl":
        yield from pair_faults(record, traces)
    if record["task"] in ("som", "tom"):
        yield from clip_faults(record, turns, traces)
    if record["task"] == "robot":
        if len(turns) < 4:
            yield f"a robot's clip must have 4 turns or more, got {len(turns)}"
            return
        yield from clip_faults(record, turns[:-2], traces)
