import io

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from somtom.schemas.settings import ClipSettings
from somtom.sources.images import decode_image, image_size

CLIPS = ClipSettings()


def encoded(form: str, **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((40, 60, 3), 90, np.uint8)).save(file, form, **options)
    return file.getvalue()


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_header_tells_the_size_that_is_decoded(form: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(form, exif=exif)

    rgb, size = decode_image(data, CLIPS, 512)

    assert size == image_size(data, CLIPS) == ((40, 60) if orientation > 4 else (60, 40))
    assert rgb.shape == (size[1], size[0], 3)


def test_a_png_may_say_in_its_text_how_it_is_turned() -> None:
    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", '<x tiff:Orientation="6"/>')
    data = encoded("PNG", pnginfo=info)

    assert decode_image(data, CLIPS, 512)[1] == image_size(data, CLIPS) == (40, 60)


def test_exif_behind_the_pixels_of_a_png_counts() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned, plain = encoded("PNG", exif=exif), encoded("PNG")
    chunk = turned[turned.index(b"eXIf") - 4 : turned.index(b"IDAT") - 4]
    end = plain.index(b"IEND") - 4
    data = plain[:end] + chunk + plain[end:]

    assert decode_image(data, CLIPS, 512)[1] == image_size(data, CLIPS) == (40, 60)
