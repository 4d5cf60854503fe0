"""What a picture looks like in 64 bits: near pictures have near hashes, at any size and compression."""

import numpy as np
from numpy.typing import NDArray

SIDE = 32  # the picture is averaged to SIDE x SIDE grey values first
BITS = 64
FLAT = 2.0  # grey levels: standard deviation of those values below which only noise would be hashed


def picture_hash(picture: NDArray[np.uint8]) -> str:
    """Hash the look of a (H, W, 3) RGB picture: 16 hex digits, "" for a flat one, which looks like any other.

    One bit for each of the 64 lowest frequencies of the cosine transform but the mean: above their median
    or not (Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions, 2010).
    """
    import cv2

    grey = cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    if small.std() < FLAT:
        return ""
    waves = cv2.dct(small)[_LOWEST]
    return f"{int.from_bytes(np.packbits(waves > np.median(waves)).tobytes(), 'big'):016x}"


def _lowest() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns of the 64 lowest frequencies but the mean, from coarse to fine."""
    rows, columns = np.divmod(np.arange(SIDE * SIDE), SIDE)
    order = np.lexsort((rows, rows + columns))[1 : BITS + 1]
    return rows[order], columns[order]


_LOWEST = _lowest()
