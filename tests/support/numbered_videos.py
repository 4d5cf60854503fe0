"""Videos whose every picture carries its number in black and white blocks."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT, BITS = 128, 96, 7
MILLISECOND = Fraction(1, 1000)


def draw(number: int, width: int = WIDTH, height: int = HEIGHT) -> NDArray[np.uint8]:
    """A grey picture with a red top left quarter and `number` in blocks along the bottom."""
    picture = np.full((height, width, 3), 90, np.uint8)
    picture[: height // 2, : width // 2] = (200, 30, 30)
    block = width // (BITS + 1)
    for bit in range(BITS):
        picture[-height // 3 :, bit * block : (bit + 1) * block] = 255 * (number >> bit & 1)
    return picture


def number_in(picture: NDArray[np.uint8]) -> int:
    height, width = picture.shape[:2]
    row, block = picture[height - height // 6], width / (BITS + 1)
    return sum((int(row[int((bit + 0.5) * block)].mean()) > 128) << bit for bit in range(BITS))


def write(
    path: Path,
    times: Iterable[int],
    codec: str = "libx264",
    pixels: str = "yuv420p",
    aspect: Fraction | None = None,
    degrees: int = 0,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    **options: str,
) -> Path:
    """Encode frame k, with number k, at `times[k]` milliseconds."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=30, options={"g": "12", **options})
        stream.width, stream.height, stream.pix_fmt = *size, pixels
        stream.codec_context.time_base = stream.time_base = MILLISECOND
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        if degrees:
            stream.set_display_rotation(degrees)
        for number, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(draw(number, *size), "rgb24")
            frame.pts, frame.time_base = time, MILLISECOND
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def even(count: int, step_ms: int = 50, start_ms: int = 0) -> list[int]:
    return [start_ms + step_ms * k for k in range(count)]
