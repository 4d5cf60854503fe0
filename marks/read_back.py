"""Which numbers OCR reads on drawn labels: tesseract, where it is installed."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from somtom.marks.draw import Labels
from somtom.schemas.marks import Mark

PROGRAM = "tesseract"
SCALED_PX = 40  # height to which a label is brought: tesseract is made for scans at 300 dpi
# One word, of digits; the dpi only spares tesseract a guess, which it says aloud.
_OPTIONS = ("--psm", "8", "--dpi", "150", "-c", "tessedit_char_whitelist=0123456789", "tsv")
_WORD = "5"  # the level of the table's rows that hold a word


def is_installed() -> bool:
    """Whether tesseract can be run."""
    return shutil.which(PROGRAM) is not None


def cut_labels(picture: NDArray[np.uint8], labels: Labels) -> list[NDArray[np.uint8]]:
    """Cut each label, and nothing around it, out of the (H, W, 3) picture; what lies off it is left out."""
    height, width = picture.shape[:2]
    rects = np.clip(labels.rects, 0, [width, height, width, height]).tolist()
    return [picture[y0:y1, x0:x1] for x0, y0, x1, y1 in rects]


def scale_labels(crops: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
    """Scale each (h, w, 3) label to a height of 40 pixels; an empty one stays as it is."""
    return [
        cv2.resize(
            crop, None, fx=SCALED_PX / len(crop), fy=SCALED_PX / len(crop), interpolation=cv2.INTER_CUBIC
        )
        if crop.size
        else crop
        for crop in crops
    ]


def read_numbers(crops: Sequence[NDArray[np.uint8]]) -> list[str]:
    """Read the digits on each (h, w, 3) RGB crop, one after the other; "" where there are none.

    Raises:
        ValueError: tesseract is not installed, or fails.
    """
    read = [""] * len(crops)
    there = [index for index, crop in enumerate(crops) if crop.size]
    if not there:
        return read
    if not is_installed():
        raise ValueError("tesseract is not installed (Debian's package tesseract-ocr)")
    with tempfile.TemporaryDirectory(prefix="somtom-ocr-") as name:
        paths = [Path(name) / f"{index}.png" for index in there]
        for path, index in zip(paths, there, strict=True):
            cv2.imwrite(str(path), np.ascontiguousarray(crops[index][..., ::-1]))
        # A list of pictures is read in one go, a page each: starting tesseract costs more than reading one.
        listed = Path(name) / "list.txt"
        listed.write_text("".join(f"{path}\n" for path in paths))
        done = subprocess.run(  # noqa: S603  # of files that we wrote
            [PROGRAM, str(listed), "stdout", *_OPTIONS],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "OMP_THREAD_LIMIT": "1"},
        )
    if done.returncode:
        raise ValueError(f"tesseract failed: {done.stderr.strip()[-200:]}")
    # Not the plain text: it lacks the end of some pages that hold nothing.
    for row in done.stdout.splitlines():
        level, page, *_, text = row.split("\t")
        if level == _WORD:
            read[there[int(page) - 1]] += text.strip()
    return read


def share_read(picture: NDArray[np.uint8], marks: Sequence[Mark], labels: Labels) -> float:
    """Share, 0 to 1, of the labels drawn on the (H, W, 3) picture whose number is read; -1.0 without labels.

    Raises:
        ValueError: tesseract is not installed, or fails.
    """
    if not marks:
        return -1.0
    read = read_numbers(scale_labels(cut_labels(picture, labels)))
    return sum(text == str(mark.id) for text, mark in zip(read, marks, strict=True)) / len(marks)
