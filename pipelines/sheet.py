"""Sheets of cells, each some pictures with text under them: for people, never for training."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from somtom.marks.sprites import embedded_font

CELL = 640  # pixels: width of a cell, and the most its picture's height may be ...
_LONG, _HIGHEST = 2.0, 3  # ... of one that is not this often as tall as wide; those may be 3 cells high
_COLUMNS = 3
_GAP = 24
FONT, SMALL = 17, 14
_LINES = 14  # of a turn's text; the rest is cut
PAPER, INK, PALE, ANSWER = (250, 250, 248), (25, 25, 25), (110, 110, 110), (0, 70, 140)

# A text may break after a space, and after the points of a trace.
_PIECES = re.compile(r"\S*?\],|\S+\s*|\s+")

Picture = NDArray[np.uint8]
Line = tuple[str, int, tuple[int, int, int]]  # text, font size, colour


def fitted_size(width: int, height: int, cell: int) -> tuple[int, int]:
    """Width and height at which a picture of that size fills a cell."""
    highest = cell * (_HIGHEST if height > _LONG * width else 1)
    scale = min(cell / width, highest / height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def draw_page(pictures: Sequence[Picture], lines: Sequence[Line], cell: int) -> Picture:
    """Set pictures, each of the cell's width at the most, above each other, and the lines under them."""
    above = np.concatenate([_centred(picture, cell) for picture in pictures])
    tall = sum(line_height(size) for _, size, _ in lines)
    page = Image.new("RGB", (cell, len(above) + 10 + tall), PAPER)
    page.paste(Image.fromarray(above), (0, 0))
    draw, top = ImageDraw.Draw(page), len(above) + 8
    for text, size, colour in lines:
        draw.text((0, top), text, fill=colour, font=embedded_font(size))
        top += line_height(size)
    return np.asarray(page)


def _centred(picture: Picture, cell: int) -> Picture:
    """Put the picture in the middle of the cell's width."""
    page = np.full((picture.shape[0], cell, 3), PAPER, np.uint8)
    left = (cell - picture.shape[1]) // 2
    page[:, left : left + picture.shape[1]] = picture
    return page


def wrap(text: str, size: int, colour: tuple[int, int, int], cell: int) -> list[Line]:
    """Break the text into lines that fit the cell, `_LINES` at most."""
    font = embedded_font(size)
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for piece in _PIECES.findall(paragraph):
            if line and font.getlength(line + piece.rstrip()) > cell:
                lines.append(line)
                line = ""
            line += piece
            # One word may be wider than the cell, above all in a script without spaces.
            while font.getlength(line[:cell].rstrip()) > cell and len(lines) <= _LINES:
                cut = _fitting(line, font, cell)
                lines.append(line[:cut])
                line = line[cut:]
        lines.append(line)
    if len(lines) > _LINES:
        lines = [*lines[: _LINES - 1], lines[_LINES - 1].rstrip()[:-2] + " …"]
    return [(line.rstrip(), size, colour) for line in lines]


def _fitting(text: str, font: ImageFont.FreeTypeFont, cell: int) -> int:
    """Count the letters of the text that fit on one line, 1 at least."""
    low, high = 1, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if font.getlength(text[:middle]) <= cell else (low, middle - 1)
    return low


def line_height(size: int) -> int:
    """Pixels from one line of text to the next."""
    return round(size * 1.35)


def write_sheet(target: Path, number: int, cells: Sequence[Picture]) -> Path:
    """Set the cells in rows and write them as sheet-000.png, ..."""
    columns, wide = min(_COLUMNS, len(cells)), cells[0].shape[1]
    rows = [cells[start : start + columns] for start in range(0, len(cells), columns)]
    tall = [max(cell.shape[0] for cell in row) for row in rows]
    page = np.empty((sum(tall) + _GAP * (len(rows) + 1), columns * (wide + _GAP) + _GAP, 3), dtype=np.uint8)
    page[:] = PAPER
    top = _GAP
    for row, height in zip(rows, tall, strict=True):
        for column, cell in enumerate(row):
            left = _GAP + column * (wide + _GAP)
            page[top : top + cell.shape[0], left : left + wide] = cell
        top += height + _GAP
    path = target / f"sheet-{number:03d}.png"
    Image.fromarray(page).save(path)
    return path
