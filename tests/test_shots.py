"""Where shots end, on drawn pictures."""

import numpy as np
import pytest
from numpy.typing import NDArray

from somtom.schemas.settings import ShotSettings
from somtom.sources.shots import CutFinder, detector_maker


def scene(seed: int, shift: int) -> NDArray[np.uint8]:
    """A textured (72, 128, 3) picture that moves by `shift` pixels."""
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 16, 3))
    return np.roll(np.kron(coarse, np.ones((8, 8, 1), int)), shift, axis=1).astype(np.uint8)


def find_cuts(pictures: list[NDArray[np.uint8]], detector: str) -> list[int]:
    make = detector_maker(ShotSettings(detector=detector))
    assert make is not None
    finder = CutFinder(make())
    found = [cut for picture in pictures for cut in finder.add(picture)] + finder.finish()
    return [cut for cut in found if 0 < cut < len(pictures)]


@pytest.mark.parametrize("detector", ["adaptive", "content"])
@pytest.mark.parametrize("cut", [1, 2, 15, 37, 38, 39])
def test_a_hard_cut_is_found_wherever_it_is(detector: str, cut: int) -> None:
    pictures = [scene(1 if i < cut else 2, 0) for i in range(40)]
    assert find_cuts(pictures, detector) == [cut]


def test_steady_motion_is_no_cut() -> None:
    assert find_cuts([scene(1, 2 * i) for i in range(40)], "adaptive") == []


def test_a_stretch_too_short_to_judge_has_no_cuts() -> None:
    assert find_cuts([scene(1, 0), scene(2, 0)], "adaptive") == []


def test_detection_holds_three_pictures_however_long_the_stretch() -> None:
    make = detector_maker(ShotSettings())
    assert make is not None
    finder = CutFinder(make())
    for i in range(50):
        finder.add(scene(1, i))
    assert len(finder._recent) == 3
    assert len(finder._detector._buffer) <= 6  # type: ignore[attr-defined]  # PySceneDetect's own


def test_no_detector_is_a_choice_and_an_unknown_one_names_the_nearest() -> None:
    assert detector_maker(ShotSettings(detector="none")) is None
    with pytest.raises(ValueError, match="did you mean 'adaptive'"):
        detector_maker(ShotSettings(detector="adaptve"))
