"""Planning as many clips as somebody may ever have: simulated ones are ordered, cut and written."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from somtom.pipelines.bench_figures import Figure, Findings
from somtom.pipelines.bench_process import run_apart
from somtom.pipelines.order import cut_shards, order_refs
from somtom.schemas.keys import digest, sample_key
from somtom.schemas.plan_table import read_plan_index, write_plan
from somtom.schemas.refs import Ref
from somtom.schemas.settings import OutputSettings

CLIPS_PER_VIDEO = 12
FRAMES, STEP_S = 17, 0.1
COPIES = 100  # one video in so many has the bytes of the one before


def bench_plan(refs: int) -> Findings:
    """Plan so many simulated clips in a fresh process."""
    with tempfile.TemporaryDirectory(prefix="somtom-bench-") as name:
        path = Path(name) / "plan.parquet"
        written = run_apart(_write, refs, path)
        size = path.stat().st_size
        read = run_apart(_count_shards, path)
    return Findings(
        "plan",
        f"{refs} simulated clips, {CLIPS_PER_VIDEO} a video, ordered, cut into shards and written",
        (
            Figure("shards", read.result, ""),
            Figure("wall clock", written.wall_s, "s"),
            Figure("CPU time", 1e6 * written.cpu_s / refs, "us/clip"),
            Figure("of it for making up the clips, twice", 1e6 * written.result[0] / refs, "us/clip"),
            Figure("peak memory", written.peak_mb, "MB"),
            Figure("plan.parquet", size / 1e6, "MB"),
            Figure("put aside on disk meanwhile", written.result[1] / 1e6, "MB"),
            Figure("reading which shards there are", read.wall_s, "s"),
            Figure("reading which shards there are, peak memory", read.peak_mb, "MB"),
        ),
        (f"other work kept {written.others:.2f} processors busy meanwhile",),
    )


def _write(count: int, path: Path) -> tuple[float, int]:
    """Plan; returns the seconds that making up the refs took, and the bytes that were put aside."""
    output = OutputSettings()
    begun = time.process_time()
    for _ in simulated_refs(min(count, 100_000)):
        pass
    making_s = 2 * (time.process_time() - begun) * count / min(count, 100_000)
    scratch = path.parent / "scratch"
    aside = 0

    def ordered() -> Iterator[Ref]:
        nonlocal aside
        for number, ref in enumerate(order_refs(lambda: simulated_refs(count), output.val_fraction, scratch)):
            if number == 0:
                aside = sum(one.stat().st_size for one in scratch.rglob("*") if one.is_file())
            yield ref

    write_plan(path, cut_shards(ordered(), output.clips_per_shard, {}, {}))
    return making_s, aside


def _count_shards(path: Path) -> int:
    return len(read_plan_index(path))


def simulated_refs(count: int) -> Iterator[Ref]:
    """Refs as a scan of videos would give them, in the order of the videos."""
    uri = fingerprint = ""
    for number in range(count):
        video, position = divmod(number, CLIPS_PER_VIDEO)
        if position == 0:
            uri = f"part-{video // 1000:05d}/{digest('video', video)[:11]}.mp4"
            fingerprint = digest("bytes", video - (video % COPIES == 1))
        start_s = position * FRAMES * STEP_S
        yield Ref(
            key=sample_key("video", "simulated", uri, "", start_s),
            source=0,
            kind="video",
            dataset="simulated",
            uri=uri,
            locator=f"/data/simulated/{uri}",
            fingerprint=fingerprint,
            licence="CC-BY-4.0",
            group=f"simulated/{uri}",
            run=0,
            position=position,
            start_s=start_s,
            end_s=start_s + (FRAMES - 1) * STEP_S,
            step_s=STEP_S,
            fps=30.0,
            frames=tuple(range(1001 * 51 * position, 1001 * (51 * position + 3 * FRAMES), 3003)),
        )
