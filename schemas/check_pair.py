"""Rules of an image-text pair's record: one picture, nothing done, and each mark said in the text."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from somtom.schemas.answers import format_som, quantise
from somtom.schemas.record import Record


def pair_faults(record: Record, traces: NDArray[np.float32]) -> Iterator[str]:
    """Hold a well-formed record of task vl against its marks and traces."""
    if len(traces) != 1:
        yield f"task 'vl' must have traces of 1 frame, got {len(traces)}"
    if record["target_mark"] != -1 or record["action"]["kind"] or record["tracker"]["name"]:
        yield "task 'vl' must have no target_mark, action or tracker"
    if not record["marks"]:
        return
    text = "\n".join(turn["value"] for turn in record["conversations"])
    points = np.array([(mark["x"], mark["y"]) for mark in record["marks"]])
    bins, _ = quantise(points, record["width"], record["height"])
    for mark, (x, y) in zip(record["marks"], bins.tolist(), strict=True):
        if format_som({mark["id"]: (x, y)}) not in text:
            yield f"no turn says where mark {mark['id']} is: it must be at [{x},{y}]"
