"""Writing shards: ours against webdataset's own writer, on the same samples."""

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from somtom.pipelines.bench_figures import Figure, Findings
from somtom.schemas.keys import generator_of, sample_key
from somtom.schemas.record import complete_record
from somtom.schemas.sample import CLEAN, JSON, MARKED, TRACES, Sample
from somtom.schemas.tar import ShardWriter

PER_SHARD = 1000
JPEG_BYTES = 20_000  # twice that, a record and traces: about 50 KB a sample
MARKS, FRAMES = 12, 17


def bench_writer(count: int, runs: int) -> Findings:
    """Write `count` samples of 50 KB in interleaved runs with both writers."""
    ours: list[tuple[float, float]] = []
    theirs: list[tuple[float, float]] = []
    size = 0
    for _ in range(runs):
        for write, times in ((_write_ours, ours), (_write_theirs, theirs)):
            with tempfile.TemporaryDirectory(prefix="somtom-bench-") as name:
                wall_s, cpu_s = time.perf_counter(), time.process_time()
                write(Path(name), count)
                times.append((time.perf_counter() - wall_s, time.process_time() - cpu_s))
                size = sum(path.stat().st_size for path in Path(name).iterdir())
    making = time.process_time()
    for _ in _samples(count):
        pass
    making_s = time.process_time() - making
    wall = [min(one[0] for one in times) for times in (ours, theirs)]
    cpu = [min(one[1] for one in times) - making_s for times in (ours, theirs)]
    return Findings(
        "writer",
        f"{count} samples of {size / count / 1000:.0f} KB, {PER_SHARD} a shard: ours against webdataset's",
        (
            Figure("ours", 1e6 * cpu[0] / count, "us CPU/sample"),
            Figure("webdataset", 1e6 * cpu[1] / count, "us CPU/sample"),
            Figure("ours / webdataset, CPU", cpu[0] / cpu[1], at_most=1.25),
            Figure("ours / webdataset, wall clock", wall[0] / wall[1], at_most=1.25),
        ),
        (
            f"the least of {runs} interleaved runs; both encode the record and the traces; "
            "ours also hashes twice, syncs to the disk and renames",
        ),
    )


def _samples(count: int) -> Iterator[Sample]:
    """Samples whose pictures are noise: writers do not look into them."""
    draw = generator_of("bench", "writer")
    pictures = [draw.bytes(JPEG_BYTES) for _ in range(64)]
    traces = draw.uniform(0, 500, (FRAMES, MARKS, 3)).astype(np.float32)
    marks = [{"id": k + 1, "x": float(traces[0, k, 0]), "y": float(traces[0, k, 1])} for k in range(MARKS)]
    for number in range(count):
        key = sample_key("video", "bench", f"{number}.mp4", "", 0.0)
        record = complete_record(
            {
                "id": key,
                "split": "train",
                "task": "som",
                "conversations": [
                    {"from": "human", "value": "<image>\nLocate all the marks."},
                    {"from": "gpt", "value": ", ".join(f"Mark {k + 1} at [1,2]" for k in range(MARKS))},
                ],
                "marks": marks,
                "width": 512,
                "height": 384,
                "source": {"kind": "video", "dataset": "bench", "uri": f"{number}.mp4", "group": "bench"},
                "motion": {"homographies": [1.0] * (9 * FRAMES), "inlier_ratio": [1.0] * FRAMES},
                "tracker": {"name": "none", "version": "1"},
            }
        )
        yield Sample(key, record, pictures[number % 64], pictures[-1 - number % 64], traces)


def _write_ours(folder: Path, count: int) -> None:
    samples = _samples(count)
    for shard in range(-(-count // PER_SHARD)):
        with ShardWriter(folder / f"train-{shard:06d}.tar") as writer:
            for _, sample in zip(range(min(PER_SHARD, count - shard * PER_SHARD)), samples, strict=False):
                writer.write(sample)


def _write_theirs(folder: Path, count: int) -> None:
    import webdataset

    make_writer: Callable[..., object] = webdataset.ShardWriter
    with make_writer(str(folder / "train-%06d.tar"), maxcount=PER_SHARD, maxsize=1e12, verbose=0) as writer:  # type: ignore[attr-defined]
        for sample in _samples(count):
            writer.write(
                {
                    "__key__": sample.key,
                    JSON: sample.record,
                    MARKED: sample.marked_jpeg,
                    CLEAN: sample.clean_jpeg,
                    TRACES: sample.traces,
                }
            )
