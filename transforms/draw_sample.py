"""The marked picture of a sample, and how well its marks can be read."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from somtom.marks.draw import draw_measured
from somtom.marks.legibility import label_scores
from somtom.marks.read_back import share_read
from somtom.schemas.marks import Mark
from somtom.schemas.pictures import decode_jpeg, encode_jpeg
from somtom.schemas.record import Record
from somtom.schemas.settings import BuildSettings


def draw_sample(
    picture: NDArray[np.uint8], marks: Sequence[Mark], settings: BuildSettings
) -> tuple[bytes, Record]:
    """Draw the marks on a copy of the (H, W, 3) clean picture: gives the JPEG, and scores for `quality`.

    A user's own style does not say where its labels are: then there are no scores.
    """
    marked, labels = draw_measured(picture, marks, settings.marks.style)
    jpeg = encode_jpeg(marked, settings.clips.jpeg_quality)
    if labels is None:
        return jpeg, {}
    written = decode_jpeg(jpeg)  # and not `marked`: coarse compression costs contrast
    scores = label_scores(written, labels)
    return jpeg, scores | (
        {"marks_read": share_read(written, marks, labels)} if settings.quality.read_marks else {}
    )
