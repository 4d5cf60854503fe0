"""Some hundreds of damaged files through every reader, by a fixed seed; `make fuzz` does more.

What may come of a damaged file: it is used, or refused by one line. Here everything happens in this process:
an error shows its traceback. The command has limits on memory and time, and survives the death of a reader.
"""

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest
from builds import build
from fuzz import mutate
from fuzz_cases import USES, emptied, read_source, run_case, victims
from fuzz_run import fuzz
from fuzz_seeds import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from three_kinds import draw_three_kinds, three_kinds

from somtom.sources.sources import SOURCES
from somtom.transforms import retry

CASES = 5  # of each source
DATA_SET_CASES = 5  # of each use of a data set
SEED = 7


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    cv2.setNumThreads(1)
    monkeypatch.setattr(retry, "FIRST_WAIT_S", 0.0)
    yield


@pytest.fixture(scope="module")
def data_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sound")
    build(three_kinds(draw_three_kinds(folder / "in")), folder / "out")
    return folder / "out"


def damage(folder: Path, rng: random.Random) -> tuple[Path, bytes]:
    """Damage one file; gives it and what it was."""
    path = rng.choice(rng.choice(victims(folder)))
    whole = path.read_bytes()
    path.write_bytes(mutate(whole, rng))
    return path, whole


def test_every_kind_of_source_has_a_seed() -> None:
    assert {name.split(" ")[0] for name in SEEDS} == SOURCES.keys()


@pytest.mark.parametrize("name", SEEDS)
def test_a_sound_seed_gives_samples_and_damaged_ones_do_no_harm(tmp_path: Path, name: str) -> None:
    tree = SEEDS[name](tmp_path / "in")
    assert run_case(lambda: read_source(tree, emptied(tmp_path / "work"))) == "fine"
    rng = random.Random(f"{SEED} {name}")
    for _ in range(CASES):
        path, whole = damage(tmp_path / "in", rng)
        run_case(lambda: read_source(tree, emptied(tmp_path / "work")))
        path.write_bytes(whole)


@pytest.mark.parametrize("name", USES)
def test_a_sound_data_set_is_read_and_a_damaged_one_does_no_harm(
    data_set: Path, tmp_path: Path, name: str
) -> None:
    folder = Path(shutil.copytree(data_set, tmp_path / "set"))
    assert run_case(lambda: USES[name](folder, emptied(tmp_path / "work"))) == "fine"
    rng = random.Random(f"{SEED} {name}")
    for _ in range(DATA_SET_CASES):
        path, whole = damage(folder, rng)
        run_case(lambda: USES[name](folder, emptied(tmp_path / "work")))
        path.write_bytes(whole)


@given(st.binary(max_size=400), st.integers(0, 1 << 30))
def test_the_same_seed_gives_the_same_damage(data: bytes, seed: int) -> None:
    assert mutate(data, random.Random(seed)) == mutate(data, random.Random(seed))


def test_most_damage_changes_something_and_is_of_many_kinds(tmp_path: Path) -> None:
    for name in ("screenshots", "rlds", "aitw", "screenspot parquet"):
        SEEDS[name](tmp_path / name)
    for path in (path for group in victims(tmp_path) for path in group):
        whole = path.read_bytes()
        found = {mutate(whole, random.Random(number)) for number in range(30)}
        assert len(found - {whole}) > 12, path


def test_the_command_runs_cases_apart_and_counts_them() -> None:
    figures = fuzz([("screenshots", 0, 3), ("dom", 5, 7)], SEED)
    assert {name: (one.files, one.faults) for name, one in figures.items()} == {
        "screenshots": (3, []),
        "dom": (2, []),
    }
