"""How many of our marks OCR reads back, beside marks drawn as Magma's reference code does it."""

from collections.abc import Callable, Iterator, Sequence
from itertools import count, islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from somtom.marks.draw import STYLES, Labels, draw_measured
from somtom.marks.read_back import cut_labels, is_installed, read_numbers, scale_labels
from somtom.marks.sprites import embedded_font
from somtom.pipelines.bench_figures import Figure, Findings
from somtom.schemas.keys import generator_of
from somtom.schemas.marks import Mark
from somtom.schemas.pictures import decode_jpeg, encode_jpeg
from somtom.schemas.reasons import DataError
from somtom.schemas.settings import ClipSettings, ShotSettings
from somtom.sources.video import VideoSource

Picture = NDArray[np.uint8]
Draw = Callable[[Picture, Sequence[Mark]], tuple[Picture, Labels]]

WIDTHS = (224, 336, 512, 1080)
PICTURES = 12  # at most, evenly over the folder
MARKS = 20  # a picture
JPEG_QUALITY = 90
AIM_AT_512 = 90.0


def bench_marks(videos: Path) -> Findings:
    """Draw numbers on a frame of each of some videos at each width, and read them back label by label."""
    title = (
        f"labels that tesseract reads, {MARKS} a picture; the reference's are red discs with white digits, "
        "their text 3 % of the width high"
    )
    if not is_installed():
        return Findings("marks", title, (), ("tesseract is not installed (Debian's package tesseract-ocr)",))
    pictures = list(_frames(videos))
    if not pictures:
        raise DataError("missing", f"{videos} holds no video with clips")
    reference = _shares(pictures, _draw_reference)
    figures = [
        Figure(f"reference {how}: {width} px", share, "%") for (how, width), share in reference.items()
    ]
    for style in STYLES:
        for (how, width), share in _shares(pictures, _drawer(style)).items():
            least = max(reference[how, width], AIM_AT_512 if width == 512 else 0.0)
            figures.append(Figure(f"{style} {how}: {width} px", share, "%", at_least=least))
    return Findings("marks", title, tuple(figures), (f"{len(pictures)} pictures",), is_grid=True)


def _frames(videos: Path) -> Iterator[Picture]:
    """A frame of the middle of each of some videos: the first ones are often black."""
    source, clips = VideoSource(path=str(videos), dataset="bench"), ClipSettings(steps=1, short_side=1080)
    items = list(source.items(0))
    for item in items[:: max(1, len(items) // PICTURES)][:PICTURES]:
        refs = source.scan(item, ShotSettings(detector="none"), clips, run_length=1).refs
        for _, clip in islice(source.read(refs[len(refs) // 2 :][:1], clips), 1):
            if not isinstance(clip, DataError):
                yield clip.frames[0]


def _shares(pictures: Sequence[Picture], draw: Draw) -> dict[tuple[str, int], float]:
    """Percentage of labels read, by how they were given to tesseract and by the width of the picture."""
    shares = {}
    for width in WIDTHS:
        crops: list[Picture] = []
        numbers: list[str] = []
        for index, picture in enumerate(pictures):
            height = round(picture.shape[0] * width / picture.shape[1])
            way = cv2.INTER_AREA if width < picture.shape[1] else cv2.INTER_CUBIC
            sized = cv2.resize(picture, (width, height), interpolation=way).astype(np.uint8)
            marks = _spread_marks(width, height, index)
            drawn, labels = draw(sized, marks)
            crops += cut_labels(decode_jpeg(encode_jpeg(drawn, JPEG_QUALITY)), labels)
            numbers += [str(mark.id) for mark in marks]
        for how, given in (("as is", crops), ("scaled", scale_labels(crops))):
            read = read_numbers(given)
            right = sum(text == number for text, number in zip(read, numbers, strict=True))
            shares[how, width] = 100.0 * right / len(numbers)
    return shares


def _spread_marks(width: int, height: int, index: int) -> tuple[Mark, ...]:
    """Points that keep a distance to each other and to the border, so that labels of any style fit."""
    random = generator_of(f"picture-{index}", "bench.marks")
    apart, edge = 0.11 * min(width, height), 0.06
    points: list[NDArray[np.float64]] = []
    while len(points) < MARKS:
        point = random.uniform([edge, edge], [1 - edge, 1 - edge]) * [width, height]
        if all(np.linalg.norm(point - other) >= apart for other in points):
            points.append(point)
    return tuple(Mark(number, float(x), float(y)) for number, (x, y) in enumerate(points, start=1))


def _drawer(style: str) -> Draw:
    def draw(picture: Picture, marks: Sequence[Mark]) -> tuple[Picture, Labels]:
        drawn, labels = draw_measured(picture, marks, style)
        if labels is None:
            raise RuntimeError(f"{style} does not say where its labels are")
        return drawn, labels

    return draw


def _draw_reference(picture: Picture, marks: Sequence[Mark]) -> tuple[Picture, Labels]:
    """Red discs with plain white digits: the lower side of the text "55" is 3 % of the picture's width.

    A disc's diameter is the larger side of its text and two pixels, and the text stands three pixels higher.
    The reference's font is Arial; ours is as wide and as high.
    """
    canvas = Image.fromarray(picture)
    pen = ImageDraw.Draw(canvas)
    size = next(em for em in count(1) if min(embedded_font(em).getbbox("55")[2:]) >= 0.03 * picture.shape[1])
    font = embedded_font(size)
    rects = []
    for mark in marks:
        text, x, y = str(mark.id), round(mark.x), round(mark.y)
        wide, high = (round(side) for side in font.getbbox(text)[2:])
        radius = max(wide, high) // 2 + 1
        rects.append((x - radius, y - radius, x + radius + 1, y + radius + 1))
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill="red")
        pen.text((x - wide // 2, y - high // 2 - 3), text, fill="white", font=font)
    return np.asarray(canvas), Labels(np.array(rects, dtype=np.int64).reshape(-1, 4), size)
