"""JPEG in and out, the same way everywhere."""

import numpy as np
from numpy.typing import NDArray

from somtom.schemas.reasons import DataError


def encode_jpeg(picture: NDArray[np.uint8], quality: int) -> bytes:
    """Encode an RGB picture (H, W, 3) as a 4:2:0 baseline JPEG; the same pixels give the same bytes."""
    import cv2

    options = [
        cv2.IMWRITE_JPEG_QUALITY,
        quality,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    ]
    done, data = cv2.imencode(".jpg", picture[..., ::-1], options)
    if not done:
        raise ValueError(f"a picture of shape {picture.shape} cannot be encoded as JPEG")
    return bytes(data)


def decode_jpeg(data: bytes) -> NDArray[np.uint8]:
    """Decode a JPEG that we wrote to RGB (H, W, 3) uint8.

    Raises:
        DataError: `bad_record`: the bytes are no JPEG.
    """
    import cv2

    is_jpeg = data[:2] == b"\xff\xd8"
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if is_jpeg else None
    if picture is None:
        raise DataError("bad_record", "a picture is not a readable JPEG; build its shard again")
    return np.ascontiguousarray(picture[..., ::-1])
