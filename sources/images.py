"""Picture files as they come: any common form in, upright RGB out, bounded before it is decoded."""

import io
import struct
import zlib
from pathlib import PurePosixPath

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from somtom.schemas.reasons import DataError
from somtom.schemas.settings import ClipSettings
from somtom.sources.files import open_binary
from somtom.sources.pictures import check_pixels, check_size, scaled_size

MAX_IMAGE_BYTES = 1 << 28
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm")
# What stands in a PNG whose orientation Pillow can tell.
_PNG_EXIF = (b"eXIf", b"Raw profile type exif", b"XML:com.adobe.xmp")
# What Pillow's decoders raise for damaged files.
_DAMAGED = (OSError, SyntaxError, ValueError, EOFError, KeyError, IndexError, struct.error, zlib.error)


def read_image(locator: str) -> bytes:
    """Read a picture's file whole, up to a bound.

    Raises:
        DataError: `missing`, `empty_file`, `too_large`.
        OSError: the store failed.
    """
    with open_binary(locator) as file:
        data = file.read(MAX_IMAGE_BYTES + 1)
    if not data:
        raise DataError("empty_file", f"{PurePosixPath(locator).name} has no bytes: fetch it again")
    if len(data) > MAX_IMAGE_BYTES:
        raise DataError("too_large", f"{PurePosixPath(locator).name} is larger than {MAX_IMAGE_BYTES} bytes")
    return data


def image_size(data: bytes, settings: ClipSettings) -> tuple[int, int]:
    """Width and height of the upright picture, from its header alone.

    Raises:
        DataError: `not_image`, `unsupported` (an animation), `too_large`, `too_small`, `extreme_aspect`.
    """
    with _opened(data, settings) as image:
        return _upright_size(image, data)


def decode_image(
    data: bytes, settings: ClipSettings, short_side: int
) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """Decode a picture to upright (H, W, 3) uint8 RGB, the shorter side scaled down to `short_side`.

    EXIF orientation is applied, alpha is laid over white, 16-bit and grey pictures, palettes and CMYK become
    RGB. Also gives width and height before scaling.

    Raises:
        DataError: as `image_size`, and `undecodable`.
    """
    with _opened(data, settings) as image:
        try:
            rgb = _rgb(ImageOps.exif_transpose(image))
        except _DAMAGED as error:
            raise DataError("undecodable", f"the picture is damaged ({error}): fetch it again") from error
    height, width = rgb.shape[:2]
    size = scaled_size(width, height, short_side)
    if size != (width, height):
        rgb = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    return rgb, (width, height)


def _opened(data: bytes, settings: ClipSettings) -> Image.Image:
    """Open a picture without decoding it, and refuse what is too large or too small."""
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError as error:
        raise DataError("not_image", f"is none of {', '.join(FORMATS)}, or damaged at its start") from error
    except Image.DecompressionBombError as error:
        raise DataError("too_large", str(error)) from error
    except _DAMAGED as error:
        raise DataError("undecodable", f"the picture's header is damaged: {error}") from error
    if getattr(image, "is_animated", False):  # to count its frames, Pillow goes through all of them
        raise DataError("unsupported", "is an animation: read it as a video")
    check_pixels(*image.size, settings)
    check_size(*_upright_size(image, data), settings)
    return image


def _upright_size(image: Image.Image, data: bytes) -> tuple[int, int]:
    # To look for EXIF behind the pixels, Pillow decodes all of a PNG; a TIFF's size is upright already.
    if image.format == "TIFF" or (image.format == "PNG" and not any(mark in data for mark in _PNG_EXIF)):
        return image.size
    try:
        turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)  # Orientation (EXIF 2.3, 4.6.4)
    except _DAMAGED:
        turned = False
    width, height = image.size
    return (height, width) if turned else (width, height)


def _rgb(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode.startswith(("I", "F")):
        wide = np.asarray(image).astype(np.float64)
        if image.mode == "F" or wide.max(initial=0) > 65535 or wide.min(initial=0) < 0:
            raise ValueError(f"pixels of mode {image.mode} have no known range")
        grey = np.rint(wide / 257).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if "transparency" in image.info or image.mode in ("RGBA", "LA", "PA", "La", "RGBa"):
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return np.array(image.convert("RGB"), dtype=np.uint8)
