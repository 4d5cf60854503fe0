"""Elements are found from pixels alone: drawn pages with known boxes."""

import numpy as np

from somtom.marks.detect import detect_elements


def test_a_blank_picture_gives_no_elements() -> None:
    for level in (0, 128, 255):
        assert detect_elements(np.full((300, 400, 3), level, np.uint8)) == []
