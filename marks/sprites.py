"""Labels as small pictures: each is rendered once, at four times its size, and kept."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from somtom.marks.colours import BLACK, WHITE, Paint

Shape = Literal["disc", "box", "outline"]

_SCALE = 4  # rendered this much larger, then averaged down: smooth edges at any size
_CAP_OF_EM = 0.72  # Pillow's embedded font (Aileron): height of a digit, in ems; all digits are 0.58 wide
_BOLD = 0.04  # ems that a digit's strokes grow on each side: thin strokes drown in JPEG at 10 px
# Shares of the digits' height: margin at the sides, margin above and below, width of the ring around the
# plate (of the white around bare digits). Chosen by how often tesseract read them back (docs/marks.md).
_SHAPES: dict[Shape, tuple[float, float, float]] = {
    "disc": (0.42, 0.38, 0.11),
    "box": (0.19, 0.33, 0.09),
    "outline": (0.24, 0.30, 0.30),
}


@dataclass(frozen=True)
class Sprite:
    """A label ready to be blended: `(under * keep + paint) / 255`.

    Args:
        paint: (h, w, 3) uint16, colour times coverage.
        keep: (h, w, 1) uint16, 255 where what is under shows through.
    """

    paint: NDArray[np.uint16]
    keep: NDArray[np.uint16]


@lru_cache(maxsize=64)
def embedded_font(size: int) -> ImageFont.FreeTypeFont:
    """Load Pillow's embedded font (the same on every machine) with `size` pixels an em."""
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise RuntimeError("Pillow was built without FreeType: install the wheel from PyPI")
    return font


@lru_cache(maxsize=4096)
def label_size(text: str, cap: int, shape: Shape) -> tuple[int, int]:
    """Give the width and height in pixels of a label whose digits are `cap` pixels high; both are odd."""
    font = embedded_font(round(cap * _SCALE / _CAP_OF_EM))
    side, above, _ = _SHAPES[shape]
    width = font.getlength(text) / _SCALE + 2 * side * cap
    height = cap * (1 + 2 * above)
    if shape == "disc":
        width = max(width, height)
    return int(width) // 2 * 2 + 1, int(height) // 2 * 2 + 1


@lru_cache(maxsize=1024)
def label_sprite(text: str, cap: int, shape: Shape, paint: Paint) -> Sprite:
    """Render the number `text` in black on a light plate with a black ring.

    A disc widens to a pill for longer numbers. An "outline" has no plate: its digits are deep, with white
    strokes around them.
    """
    width, height = label_size(text, cap, shape)
    big = (width * _SCALE, height * _SCALE)
    ring = max(_SCALE, round(_SHAPES[shape][2] * cap * _SCALE))  # one pixel at least
    colour, cover = Image.new("RGB", big, WHITE if shape == "outline" else BLACK), Image.new("L", big, 0)
    draw, mask = ImageDraw.Draw(colour), ImageDraw.Draw(cover)
    em = round(cap * _SCALE / _CAP_OF_EM)
    font, bold = embedded_font(em), max(1, round(_BOLD * em))
    middle = (big[0] / 2, big[1] / 2 + (font.getbbox("0", anchor="ms")[1] * -0.5))
    if shape == "outline":
        mask.text(middle, text, fill=255, font=font, anchor="ms", stroke_width=bold + ring)
        draw.text(middle, text, fill=paint.deep, font=font, anchor="ms", stroke_width=bold)
    else:
        radius = big[1] / 2 if shape == "disc" else 0.16 * big[1]
        edge = (0, 0, big[0] - 1, big[1] - 1)
        inner = (ring, ring, big[0] - 1 - ring, big[1] - 1 - ring)
        mask.rounded_rectangle(edge, radius, fill=255)
        draw.rounded_rectangle(inner, max(0, radius - ring), fill=paint.light)
        draw.text(middle, text, fill=BLACK, font=font, anchor="ms", stroke_width=bold)
    alpha = np.asarray(cover, dtype=np.float32)[..., None] / 255
    painted = np.asarray(colour, dtype=np.float32) * alpha
    painted, kept = (
        cv2.resize(layer, (width, height), interpolation=cv2.INTER_AREA) for layer in (painted, 1 - alpha)
    )
    return Sprite(np.rint(painted * 255).astype(np.uint16), np.rint(kept * 255).astype(np.uint16)[..., None])


def blend(canvas: NDArray[np.uint8], sprite: Sprite, left: int, top: int) -> None:
    """Put the sprite's top-left pixel at (left, top) of the (H, W, 3) canvas; what lies off it is cut."""
    height, width = sprite.paint.shape[:2]
    x, y = max(left, 0), max(top, 0)
    under = canvas[y : top + height, x : left + width]
    if top + height <= 0 or left + width <= 0 or under.size == 0:
        return
    rows, columns = slice(y - top, y - top + under.shape[0]), slice(x - left, x - left + under.shape[1])
    mixed = under * sprite.keep[rows, columns] + sprite.paint[rows, columns]
    canvas[y : y + under.shape[0], x : x + under.shape[1]] = np.minimum(mixed // 255, 255)
