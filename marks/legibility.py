"""How well the labels of a marked picture can be read: scores of the drawing."""

import cv2
import numpy as np
from numpy.typing import NDArray

from somtom.marks.draw import Labels

_TENTHS = (10, 90)  # percentiles that stand for the dark and the light part of a label


def label_scores(picture: NDArray[np.uint8], labels: Labels) -> dict[str, float]:
    """Score the labels drawn on the (H, W, 3) RGB picture, which should be the one that is written.

    Returns:
        `mark_overlap`: share of the labels' area that another label covers, 0 to 1; `mark_contrast`: smallest
        difference, over the labels, of the grey values that a tenth of its pixels is darker, or lighter than,
        0 to 1; `mark_height_px`: height of the digits. -1.0 each where there is no label.
    """
    height, width = picture.shape[:2]
    cover = np.zeros((height, width), dtype=np.int16)
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    contrast = []
    for x0, y0, x1, y1 in np.clip(labels.rects, 0, [width, height, width, height]).tolist():
        cover[y0:y1, x0:x1] += 1
        if x1 > x0 and y1 > y0:
            dark, light = np.percentile(grey[y0:y1, x0:x1], _TENTHS)
            contrast.append(float(light - dark) / 255)
    if not contrast:
        return {"mark_overlap": -1.0, "mark_contrast": -1.0, "mark_height_px": -1.0}
    return {
        "mark_overlap": float(cover[cover > 1].sum() / cover.sum()),
        "mark_contrast": min(contrast),
        "mark_height_px": float(labels.digits_px),
    }
