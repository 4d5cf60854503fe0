"""Small videos drawn in code: a textured ground on which a textured square moves."""

from collections.abc import Container
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT, FPS = 160, 120, 30


def draw_frames(seed: int, frames: int = 24, marked: Container[int] = ()) -> NDArray[np.uint8]:
    """(T, 120, 160, 3): a square of 48 px goes 2 px a frame to the right and back, what is behind it rests.

    The `marked` frames have a white top-left corner: see `bad_trackers`.
    """
    random = np.random.default_rng(seed)
    ground = random.integers(40, 140, (HEIGHT // 8, WIDTH // 8, 3)).repeat(8, axis=0).repeat(8, axis=1)
    square = random.integers(90, 250, (6, 6, 3)).repeat(8, axis=0).repeat(8, axis=1)
    pictures = np.empty((frames, HEIGHT, WIDTH, 3), np.uint8)
    for number in range(frames):
        pictures[number] = ground
        x = 10 + abs((2 * number + 45) % 90 - 45)
        pictures[number, 40:88, x : x + 48] = square
        if number in marked:
            pictures[number, :16, :16] = 255
    return pictures


def draw_video(path: Path, seed: int = 0, frames: int = 24, marked: Container[int] = ()) -> Path:
    """Write an MPEG-4 video of `draw_frames`, in a container that the suffix names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.bit_rate = 2_000_000
        for picture in draw_frames(seed, frames, marked):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def draw_videos(folder: Path, count: int, frames: int = 24) -> Path:
    """Write v0.mp4, v1.mp4, ... of different content; returns the folder."""
    for number in range(count):
        draw_video(folder / f"v{number}.mp4", seed=number, frames=frames)
    return folder
