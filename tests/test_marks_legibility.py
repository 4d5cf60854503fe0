"""How well labels can be read."""

import numpy as np
import pytest

from somtom.marks.draw import Labels
from somtom.marks.legibility import label_scores

NOTHING = {"mark_overlap": -1.0, "mark_contrast": -1.0, "mark_height_px": -1.0}


def labels(*rects: tuple[int, int, int, int]) -> Labels:
    return Labels(np.array(rects, dtype=np.int64).reshape(-1, 4), 9)


def test_overlap_is_the_share_of_the_labels_that_others_cover() -> None:
    grey = np.zeros((40, 60, 3), np.uint8)
    apart = labels((0, 0, 10, 10), (20, 0, 30, 10))
    half = labels((0, 0, 10, 10), (5, 0, 15, 10))
    assert label_scores(grey, apart)["mark_overlap"] == 0.0
    assert label_scores(grey, half)["mark_overlap"] == pytest.approx(100 / 200)


def test_contrast_is_that_of_the_faintest_label() -> None:
    picture = np.full((40, 60, 3), 100, np.uint8)
    picture[0:10, 0:5], picture[0:10, 5:10] = 0, 255
    picture[0:10, 20:25] = 151
    assert label_scores(picture, labels((0, 0, 10, 10)))["mark_contrast"] == 1.0
    both = label_scores(picture, labels((0, 0, 10, 10), (20, 0, 30, 10)))
    assert both["mark_contrast"] == pytest.approx(51 / 255)
    assert both["mark_height_px"] == 9.0


@pytest.mark.parametrize("none", [labels(), labels((70, 0, 80, 10))])
def test_a_picture_without_labels_has_no_scores(none: Labels) -> None:
    assert label_scores(np.zeros((40, 60, 3), np.uint8), none) == NOTHING
