"""Rules of one sample: its record and traces agree with each other and with the shard."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somtom.schemas.action_stats import ActionStats
from somtom.schemas.check_actions import action_faults
from somtom.schemas.check_pictures import picture_faults
from somtom.schemas.check_text import text_faults
from somtom.schemas.reasons import DataError
from somtom.schemas.record import Record, load_json, record_faults, record_json
from somtom.schemas.record_fields import RECORD, SCHEMA_VERSION, SPLITS, TASKS
from somtom.schemas.sample import FIRST_MEMBERS, JSON, TRACES, decode_traces


def check_sample(
    key: str, split: str, members: Mapping[str, bytes], stats: Mapping[str, ActionStats], faults: list[str]
) -> tuple[Record, NDArray[np.float32]] | None:
    """Check one sample of a shard of `split` and append its faults; None where it cannot be read.

    `stats` holds the statistics of each data set's actions.
    """
    missing = [name for name in FIRST_MEMBERS if name not in members]
    if missing:
        return None
    try:
        record = load_json(members[JSON])
    except DataError as error:
        faults.append(error.message)
        return None
    found = list(record_faults(record))
    faults += found
    try:
        traces = decode_traces(members[TRACES])
    except DataError as error:
        faults.append(error.message)
        return None
    if found or not isinstance(record, dict):
        return None
    if record_json(record) != members[JSON]:
        faults.append("the record must be written as somtom writes it (no spaces, UTF-8 as it is)")
    faults += identity_faults(record, key, split)
    faults += range_faults(record)
    faults += action_faults(record, stats.get(record["source"]["dataset"]))
    shape_faults = list(mark_faults(record, traces))
    faults += shape_faults
    faults += motion_faults(record, len(traces))
    faults += picture_faults(record, members)
    if not shape_faults:
        faults += text_faults(record, traces)
    return record, traces


def identity_faults(record: Record, key: str, split: str) -> Iterator[str]:
    """Who the sample is and where it comes from."""
    if record["id"] != key:
        yield f"id must be the key, got {record['id']!r}"
    if record["schema_version"] != SCHEMA_VERSION:
        yield f"schema_version must be {SCHEMA_VERSION}, got {record['schema_version']}"
    if record["split"] != split or split not in SPLITS:
        yield f"split must be the shard's, {split!r}, got {record['split']!r}"
    if record["task"] not in TASKS:
        yield f"task must be one of {', '.join(TASKS)}, got {record['task']!r}"
    source = record["source"]
    for name in ("kind", "dataset", "group"):
        if not source[name]:
            yield f"source.{name} must not be empty"
    if not is_safe_uri(source["uri"]):
        yield f"source.uri must be relative and stay in its folder, got {source['uri']!r:.80}"


def is_safe_uri(uri: str) -> bool:
    """Whether the path is relative and does not climb.

    >>> [is_safe_uri(uri) for uri in ("a/b.mp4", "/a", "a/../../b", "gs://x", "C:\\\\x", "")]
    [True, False, False, False, False, False]
    """
    parts = uri.replace("\\", "/").split("/")
    return bool(uri) and not re.match(r"/|\\|[A-Za-z][A-Za-z0-9+.-]*:(//|\\)", uri) and ".." not in parts


def range_faults(record: Record) -> Iterator[str]:
    """Numbers that must lie in a range."""
    for field in next(one for one in RECORD if one.name == "quality").fields:
        value = record["quality"][field.name]
        if field.unit == "0..1" and value != -1.0 and not 0.0 <= value <= 1.0:
            yield f"quality.{field.name} must be 0 to 1, or -1.0 where unknown, got {value}"
    if any(one["t_s"] >= 0 for one in record["history"]):
        yield "history.t_s must be negative"


def mark_faults(record: Record, traces: NDArray[np.float32]) -> Iterator[str]:
    """Marks are numbered from 1, lie in the picture, and are where the traces start."""
    marks, width, height = record["marks"], record["width"], record["height"]
    if [mark["id"] for mark in marks] != list(range(1, len(marks) + 1)):
        yield f"marks must be numbered from 1, got {[mark['id'] for mark in marks][:10]}"
    if traces.shape[0] < 1 or traces.shape[1] != len(marks):
        yield f"traces must be (T, {len(marks)}, 3), got {traces.shape}"
        return
    if not np.isfinite(traces).all():
        yield "traces must be finite"
        return
    if not np.isin(traces[..., 2], (0, 1)).all():
        yield "traces: visible must be 0 or 1"
    if record["target_mark"] != -1 and record["target_mark"] not in [mark["id"] for mark in marks]:
        yield f"target_mark must be -1 or a mark's id, got {record['target_mark']}"
    for index, mark in enumerate(marks):
        if tuple(traces[0, index, :2]) != (np.float32(mark["x"]), np.float32(mark["y"])):
            start = traces[0, index, :2].tolist()
            yield f"mark {mark['id']} at {(mark['x'], mark['y'])}, but its trace starts at {start}"
        if not (-0.5 <= mark["x"] <= width - 0.5 and -0.5 <= mark["y"] <= height - 0.5):
            yield f"mark {mark['id']} at {(mark['x'], mark['y'])} is outside of {width} x {height}"
        if not _is_box_or_point(mark, width, height):
            yield f"mark {mark['id']}: its box must be four -1.0, or lie in the picture around the point"


def _is_box_or_point(mark: dict[str, Any], width: int, height: int) -> bool:
    x0, y0, x1, y1 = (mark[name] for name in ("x0", "y0", "x1", "y1"))
    if (x0, y0, x1, y1) == (-1.0, -1.0, -1.0, -1.0):
        return True
    centred = abs((x0 + x1) / 2 - mark["x"]) <= 0.5 and abs((y0 + y1) / 2 - mark["y"]) <= 0.5
    return bool(centred and -0.5 <= x0 < x1 <= width and -0.5 <= y0 < y1 <= height)


def motion_faults(record: Record, frames: int) -> Iterator[str]:
    """Homographies and counts belong to as many frames as the traces have."""
    motion, source = record["motion"], record["source"]
    expected = frames if frames > 1 else 0
    if len(motion["homographies"]) != 9 * expected or len(motion["inlier_ratio"]) != expected:
        got = len(motion["homographies"]), len(motion["inlier_ratio"])
        yield f"motion: homographies must be {9 * expected} and inlier_ratio {expected} numbers, got {got}"
        return
    homographies = np.array(motion["homographies"]).reshape(-1, 3, 3)
    identity = np.isclose(homographies, np.eye(3), atol=1e-6).all(axis=(1, 2))
    if expected and (not identity[0] or not (homographies[:, 2, 2] == 1.0).all()):
        yield "motion.homographies must start with the identity and have 1.0 as their last number"
    if not motion["camera_moved"] and not identity.all():
        yield "motion.homographies must all be the identity where camera_moved is false"
    if any(not 0.0 <= ratio <= 1.0 for ratio in motion["inlier_ratio"]):
        yield "motion.inlier_ratio must be 0 to 1"
    for name in ("refused", "moving", "static", "dropped", "clamped"):
        if motion[name] < 0:
            yield f"motion.{name} must not be negative, got {motion[name]}"
    if expected and (
        motion["epsilon"] <= 0
        or source["fps"] <= 0
        or source["step_s"] <= 0
        or source["start_s"] >= source["end_s"]
    ):
        yield "a clip must have positive epsilon, fps and step_s, and start_s < end_s"
