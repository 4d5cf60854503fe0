"""One pass over the shards: numbers of the records, and the samples whose pictures the report carries."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from somtom.pipelines.report_facts import Facts
from somtom.schemas.folder import shard_path
from somtom.schemas.keys import seed_of
from somtom.schemas.reasons import DataError
from somtom.schemas.record import Record, parse_record
from somtom.schemas.sample import JSON, MARKED, TRACES, Sample, decode_traces
from somtom.schemas.tar import read_shard

MOST_RECORDS = 20_000  # samples whose records are read; of a larger data set, a seeded choice of shards
CELLS = 24  # a picture is cut into CELLS x CELLS to count where marks lie

Floats = NDArray[np.float64]


@dataclass
class RecordSums:
    """What the records say, value by value.

    Args:
        records: how many were read.
        values: figure -> (task, values), a chunk a sample.
        places: task -> (CELLS, CELLS) int64: marks by row and column of the picture.
        bins: data set -> (D, 32) int64: how often each 32nd of q01..q99 was chosen, a row a dimension.
    """

    records: int = 0
    values: dict[str, list[tuple[str, Floats]]] = field(default_factory=dict)
    places: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    bins: dict[str, NDArray[np.int64]] = field(default_factory=dict)

    def add(self, record: Record, traces: NDArray[np.float32]) -> None:
        """Take in one sample; `traces` (T, K, 3) are its marks'."""
        self.records += 1
        task = record["task"]
        for name, values in _numbers(record, traces):
            if len(values):
                self.values.setdefault(name, []).append((task, values))
        if len(traces) and traces.shape[1]:
            size = np.array([record["width"], record["height"]])
            cells = np.clip((traces[0, :, :2] + 0.5) / size * CELLS, 0, CELLS - 1).astype(np.int64)
            grid = self.places.setdefault(task, np.zeros((CELLS, CELLS), np.int64))
            np.add.at(grid, (cells[:, 1], cells[:, 0]), 1)
        action = record["action"]
        width = len(action["names"])
        if width and len(action["bins"]) and len(action["bins"]) % width == 0:
            counts = self.bins.setdefault(record["source"]["dataset"], np.zeros((width, 32), np.int64))
            if len(counts) == width:
                steps = np.clip(np.array(action["bins"]).reshape(-1, width), 0, 255) // 8
                np.add.at(counts, (np.arange(width)[None], steps), 1)

    def of(self, name: str) -> dict[str, Floats]:
        """The values of a figure by task."""
        found: dict[str, list[Floats]] = {}
        for task, values in self.values.get(name, ()):
            found.setdefault(task, []).append(values)
        return {task: np.concatenate(parts) for task, parts in found.items()}


def _numbers(record: Record, traces: NDArray[np.float32]) -> Iterator[tuple[str, Floats]]:
    """Give the values of each figure: lengths in percent of the picture's shorter side, sides in pixels."""
    side = min(record["width"], record["height"])
    moving = np.array([bool(mark["foreground"]) for mark in record["marks"]], dtype=bool)
    if len(traces) > 1:
        steps = np.linalg.norm(np.diff(traces[..., :2].astype(np.float64), axis=0), axis=2)
        both = traces[1:, :, 2] * traces[:-1, :, 2] > 0
        lengths = 100.0 * (steps * both).sum(axis=0) / side
        yield "trace_moving", lengths[moving]
        yield "trace_static", lengths[~moving]
        yield "camera", _camera(record)
    boxes = np.array([[mark[name] for name in ("x0", "y0", "x1", "y1")] for mark in record["marks"]])
    if len(boxes):
        wide, high = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
        real = (wide > 0) & (high > 0)
        yield "box_side", np.sqrt(wide[real] * high[real])
    turns = record["conversations"]
    for name, who in (("asked", "human"), ("answered", "gpt")):
        said = sum(len(turn["value"].replace("<image>", "").strip()) for turn in turns if turn["from"] == who)
        yield name, np.array([float(said)])
    if record["instruction"]:
        yield "instruction", np.array([float(len(record["instruction"]))])


def _camera(record: Record) -> Floats:
    """How far the picture's middle goes a step, in percent of its shorter side; nothing where it stands."""
    motion = record["motion"]
    flat = np.array(motion["homographies"], dtype=np.float64)
    if not motion["camera_moved"] or len(flat) < 18 or len(flat) % 9:
        return np.empty(0)
    width, height = record["width"], record["height"]
    middle = np.array([(width - 1) / 2, (height - 1) / 2, 1.0])
    seen = flat.reshape(-1, 3, 3) @ middle
    if not (np.abs(seen[:, 2]) > 1e-9).all():
        return np.empty(0)
    steps = np.linalg.norm(np.diff(seen[:, :2] / seen[:, 2:], axis=0), axis=1)
    return np.array([100.0 * steps.mean() / min(width, height)])


def read_records(facts: Facts, pictured: Collection[str]) -> tuple[RecordSums, dict[str, Sample]]:
    """Read the records of the data set, and whole those of the keys `pictured`.

    Raises:
        DataError: a shard or a record is damaged.
    """
    sums, samples = RecordSums(), dict[str, Sample]()
    shards, counts = np.unique(facts.columns["shard"].astype(str), return_counts=True)
    summed = _shards_summed(dict(zip(shards.tolist(), counts.tolist(), strict=True)))
    keys, wanted = facts.columns["key"], set(pictured)
    of_pictures = {
        str(shard) for shard, key in zip(facts.columns["shard"], keys, strict=True) if key in wanted
    }
    for shard in sorted(summed | of_pictures):
        path = shard_path(facts.folder, shard)

        def is_wanted(key: str, suffix: str, whole: bool = shard in summed) -> bool:
            return key in wanted or (whole and suffix in (JSON, TRACES))

        for key, members in read_shard(path, is_wanted):
            try:
                record, traces = parse_record(members[JSON]), decode_traces(members[TRACES])
                if traces.shape[1] != len(record["marks"]) or record["id"] != key:
                    raise DataError("bad_record", "record and traces do not belong together")
                if key in wanted:
                    samples[key] = _whole(key, record, traces, members)
            except KeyError as error:
                raise DataError("bad_record", f"{path.name}: {key} lacks its member {error}") from error
            except DataError as error:
                raise DataError(error.reason, f"{path.name}: {key}: {error.message}") from error
            if shard in summed:
                sums.add(record, traces)
    return sums, samples


def _whole(key: str, record: Record, traces: NDArray[np.float32], members: Mapping[str, bytes]) -> Sample:
    further = [(name, data) for name, data in members.items() if name[0] in "hc" and name != "clean.jpg"]
    return Sample(key, record, members[MARKED], b"", traces, tuple(further))


def _shards_summed(counts: Mapping[str, int]) -> set[str]:
    """Choose shards until they hold `MOST_RECORDS` samples: all of them where there are not more."""
    chosen, held = set[str](), 0
    for shard in sorted(counts, key=lambda name: (seed_of(name, "report"), name)):
        if held >= MOST_RECORDS:
            break
        chosen.add(shard)
        held += counts[shard]
    return chosen
