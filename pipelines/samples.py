"""Small made-up inputs with exact truth: what `somtom samples` writes and the default build reads.

DIR/videos/NAME.mp4 is the input; DIR/truth/NAME.npz holds its tracks and DIR/truth/NAME.json says what is in
it. A further kind of input is a file of its own and one line in `SAMPLE_KINDS`.
"""

from collections.abc import Callable
from pathlib import Path

from somtom.pipelines.samples_videos import write_videos

# kind -> writer(folder, count, seed), which returns the inputs it wrote, without their truth
SAMPLE_KINDS: dict[str, Callable[[Path, int, int], list[Path]]] = {"videos": write_videos}


def write_samples(folder: Path, count: int = 6, seed: int = 0) -> list[Path]:
    """Write `count` inputs of every kind and their truth under `folder`; return the inputs, in order.

    The same count and seed give the same bytes; the first files of a larger count are those of a smaller one.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    return [path for write in SAMPLE_KINDS.values() for path in write(folder, count, seed)]
