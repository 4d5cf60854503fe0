"""Small made-up inputs with exact truth: what `somtom samples` writes and the default build reads.

DIR/videos/NAME.mp4 is the input; DIR/truth/NAME.npz holds its tracks and DIR/truth/NAME.json says what is in
it. DIR/robot is a LeRobot data set, its truth is in DIR/truth/robot. DIR/screens holds pages, whose files of
elements are the truth, and instructions; DIR/pairs image-text pairs, with truth/pairs.json. A further kind of
input is a file of its own and one line in `SAMPLE_KINDS`. DIR/moves holds small clips to learn from, many of
them: they are written when asked for.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

from somtom.pipelines.config_rules import ConfigError
from somtom.pipelines.samples_lerobot import write_robot
from somtom.pipelines.samples_moves import write_moves
from somtom.pipelines.samples_pairs import write_pairs
from somtom.pipelines.samples_screens import write_screens
from somtom.pipelines.samples_videos import write_videos

# kind -> writer(folder, count, seed), which returns the inputs it wrote, without their truth
SAMPLE_KINDS: dict[str, Callable[[Path, int, int], list[Path]]] = {
    "videos": write_videos,
    "robot": write_robot,
    "screens": write_screens,
    "pairs": write_pairs,
    "moves": write_moves,
}
DEFAULT_KINDS = tuple(kind for kind in SAMPLE_KINDS if kind != "moves")


def write_samples(
    folder: Path, count: int = 6, seed: int = 0, kinds: Iterable[str] = DEFAULT_KINDS
) -> list[Path]:
    """Write `count` inputs of each kind and their truth under `folder`; return the inputs' files, in order.

    The same count and seed give the same bytes; the first pictures and videos of a larger count are those of
    a smaller one.

    Raises:
        ConfigError: the count is below 1, or there is no such kind.
    """
    if count < 1:
        raise ConfigError(f"--count {count}: must be 1 or more")
    wanted = list(kinds)
    for kind in wanted:
        if kind not in SAMPLE_KINDS:
            raise ConfigError(f"--kinds {kind}: must be some of {', '.join(SAMPLE_KINDS)}")
    return [path for kind in wanted for path in SAMPLE_KINDS[kind](folder, count, seed)]
