"""Which numbers OCR reads on labels."""

from pathlib import Path

import numpy as np
import pytest

from somtom.marks.draw import STYLES, Labels, draw_measured
from somtom.marks.read_back import cut_labels, is_installed, read_numbers, scale_labels, share_read
from somtom.schemas.marks import Mark

needs_tesseract = pytest.mark.skipif(not is_installed(), reason="tesseract is not installed")
GREY = np.full((240, 320, 3), 128, np.uint8)
MARKS = [Mark(number, 40 + 80 * (number % 4), 40 + 50 * (number // 4)) for number in range(1, 13)]


@needs_tesseract
@pytest.mark.parametrize("style", STYLES)
def test_most_labels_are_read(style: str) -> None:
    drawn, labels = draw_measured(GREY, MARKS, style)
    assert labels is not None
    assert share_read(drawn, MARKS, labels) >= 0.75


@needs_tesseract
def test_nothing_is_read_where_nothing_is_written() -> None:
    _, labels = draw_measured(GREY, MARKS, "box")
    assert labels is not None
    assert share_read(GREY, MARKS, labels) == 0.0
    assert read_numbers(cut_labels(GREY, labels)) == [""] * len(MARKS)


@needs_tesseract
def test_each_crop_keeps_its_number_beside_empty_ones() -> None:
    drawn, labels = draw_measured(GREY, MARKS, "box")
    assert labels is not None
    one = scale_labels(cut_labels(drawn, labels))[3]
    blank, none = np.zeros((40, 40, 3), np.uint8), np.zeros((0, 0, 3), np.uint8)
    assert read_numbers([blank, one, none, blank, one]) == ["", "4", "", "", "4"]


def test_a_label_off_the_picture_gives_an_empty_crop() -> None:
    labels = Labels(np.array([[-5, -5, 5, 5], [400, 10, 420, 20]]), 9)
    first, second = cut_labels(GREY, labels)
    assert first.shape == (5, 5, 3)
    assert second.size == 0
    assert [crop.shape for crop in scale_labels([first, second])] == [(40, 40, 3), second.shape]


def test_no_marks_have_no_share() -> None:
    assert share_read(GREY, [], Labels(np.zeros((0, 4), np.int64), 9)) == -1.0


def test_without_tesseract_reading_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match="tesseract is not installed"):
        read_numbers([GREY])
