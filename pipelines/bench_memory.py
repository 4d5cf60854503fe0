"""Peak memory of a build: over the number of clips, and for a long video."""

import shutil
import tempfile
from pathlib import Path

import av
import numpy as np

from somtom.pipelines.bench_build import build_apart, config_tree
from somtom.pipelines.bench_figures import Figure, Findings
from somtom.pipelines.bench_process import Cost
from somtom.pipelines.samples_videos import encode_video

WIDTH, HEIGHT, FPS = 160, 120, 25
CLIPS_A_VIDEO = 10
SECONDS_A_VIDEO = 12.0  # ten clips of 17 frames 0.0667 s apart
FLAT = 1.15  # what still counts as flat


def bench_memory(few: int, many: int, long_minutes: int) -> Findings:
    """Build from `few` and from `many` clips of short videos, and from some of a video of so many minutes."""
    with tempfile.TemporaryDirectory(prefix="somtom-bench-") as name:
        folder = Path(name)
        write_loop(folder / "short.mp4", SECONDS_A_VIDEO)
        costs = [_build_copies(folder, clips) for clips in (few, many)]
        (folder / "long").mkdir()
        write_loop(folder / "long" / "long.mp4", 60.0 * long_minutes)
        tree = {**config_tree(folder / "long", "lk"), "clips": {"max_per_video": few}}
        costs.append(build_apart(tree, folder / "out", 1))
    first, second, long = costs
    names = (
        f"{int(first.result)} clips",
        f"{int(second.result)} clips",
        f"{int(long.result)} clips of a {long_minutes}-minute video",
    )
    figures = []
    for label, cost in zip(names, costs, strict=True):
        figures.append(Figure(f"{label}: largest process", cost.peak_mb, "MB"))
        figures.append(Figure(f"{label}: all processes together", cost.together_mb, "MB"))
    figures += [
        Figure(f"{names[1]} / {names[0]}", _ratio(second, first), at_most=FLAT),
        Figure(f"long video / {names[0]}", _ratio(long, first), at_most=FLAT),
    ]
    note = f"one worker; pictures of {WIDTH} x {HEIGHT}; the ratios are the larger of the two figures'"
    return Findings("memory", "peak memory of a build", tuple(figures), (note,))


def _ratio(cost: Cost, other: Cost) -> float:
    return max(cost.peak_mb / other.peak_mb, cost.together_mb / other.together_mb)


def _build_copies(folder: Path, clips: int) -> Cost:
    """Build from copies of the short video that hold `clips` clips together."""
    videos = folder / f"copies-{clips}"
    videos.mkdir()
    for number in range(-(-clips // CLIPS_A_VIDEO)):
        shutil.copyfile(folder / "short.mp4", videos / f"{number:06d}.mp4")
    tree = {**config_tree(videos, "lk"), "clips": {"max_per_video": CLIPS_A_VIDEO}}
    return build_apart(tree, folder / "out", 1)


def write_loop(path: Path, seconds: float) -> None:
    """Write a video of a texture that drifts round and round: one turn is encoded, its packets repeated."""
    draw = np.random.default_rng(0)
    texture = np.kron(draw.integers(0, 255, (HEIGHT // 4, WIDTH // 4, 3)), np.ones((4, 4, 1))).astype(
        np.uint8
    )
    turn = path.with_name(f"{path.stem}-turn.mp4")
    encode_video(turn, np.stack([np.roll(texture, shift, axis=1) for shift in range(WIDTH)]), FPS)
    left = round(seconds * FPS)
    with av.open(str(turn)) as container, av.open(str(path), "w") as output:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        stream = output.add_stream_from_template(container.streams.video[0])
        frame = round(1 / (FPS * packets[0].time_base))  # in the time base
        data = [(bytes(packet), packet.pts, packet.dts, packet.is_keyframe) for packet in packets]
        time_base, offset = packets[0].time_base, 0
        while left > 0:
            for content, pts, dts, key in data:
                packet = av.Packet(content)
                packet.stream, packet.time_base = stream, time_base
                packet.pts, packet.dts, packet.is_keyframe = pts + offset, dts + offset, key
                packet.duration = frame
                output.mux(packet)
            offset += frame * len(data)
            left -= len(data)
    turn.unlink()
