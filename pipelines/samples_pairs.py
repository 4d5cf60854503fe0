"""Made-up image-text pairs in LLaVA's JSON: drawn shapes, and what is asked and answered about them."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from somtom.pipelines.samples_scene import COLOURS, SHAPES, background_texture
from somtom.schemas.keys import generator_of

SIZES = ((336, 252), (252, 336), (320, 320))
PALETTE = ("red", "green", "blue", "yellow", "purple", "orange")
FINE = 4  # samples a pixel, along each side
CONVERSATIONS = 3  # of each sort in turn
NUMBERS = ("no", "one", "two", "three", "four")


@dataclass(frozen=True)
class Drawn:
    """A shape in a picture, with the box around its pixels: x1, y1 just outside."""

    shape: str
    colour: str
    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def name(self) -> str:
        """What a person would call it."""
        return f"{self.colour} {self.shape}"


def write_pairs(folder: Path, count: int, seed: int) -> list[Path]:
    """Write `count` pictures and pairs.json under `folder`/pairs, and truth/pairs.json; return the former."""
    root, truth = folder / "pairs", folder / "truth"
    for path in (root / "pictures", truth):
        path.mkdir(parents=True, exist_ok=True)
    pictures: list[Path] = []
    records: list[dict[str, Any]] = []
    objects: dict[str, list[dict[str, Any]]] = {}
    for index in range(count):
        draw = generator_of(f"{seed}-{index}", "sample pair")
        name = f"pair_{index:03d}"
        picture, drawn = draw_picture(draw, *SIZES[index % len(SIZES)])
        pictures.append(root / "pictures" / f"{name}.png")
        Image.fromarray(picture).save(pictures[-1])
        turns = _turns(drawn, index % CONVERSATIONS, picture.shape[1], picture.shape[0])
        records.append(
            {
                "id": name,
                "image": f"pictures/{name}.png",
                "conversations": [
                    {"from": ("human", "gpt")[place % 2], "value": text} for place, text in enumerate(turns)
                ],
            }
        )
        objects[name] = [asdict(one) | {"name": one.name} for one in drawn]
    for path, value in ((root / "pairs.json", records), (truth / "pairs.json", objects)):
        path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
    return [root / "pairs.json", *pictures]


def draw_picture(draw: np.random.Generator, width: int, height: int) -> tuple[NDArray[np.uint8], list[Drawn]]:
    """Draw two to four shapes of different colours, (height, width, 3); no two overlap."""
    picture = 0.5 * background_texture(draw, height, width) + 120
    colours, shapes = draw.permutation(PALETTE), draw.permutation(list(SHAPES))
    cells = draw.permutation(4)[: int(draw.integers(2, 5))]  # of two by two
    drawn = []
    for place, cell in enumerate(cells.tolist()):
        radius = float(draw.uniform(0.14, 0.21)) * min(width, height)
        x = width * (0.25 + 0.5 * (cell % 2)) + float(draw.uniform(-6, 6))
        y = height * (0.25 + 0.5 * (cell // 2)) + float(draw.uniform(-6, 6))
        shape, colour = str(shapes[place]), str(colours[place])
        cover = _cover(shape, x, y, radius, width, height)
        picture += (np.array(COLOURS[colour]) - picture) * cover[..., None]
        ys, xs = np.nonzero(cover > 0.5)
        drawn.append(Drawn(shape, colour, int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1))
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8), drawn


def square_box(one: Drawn, width: int, height: int) -> str:
    """Write a box as LLaVA-1.5 does: [x0, y0, x1, y1], shares of the picture padded to a square.

    >>> square_box(Drawn("disc", "red", 0, 0, 50, 50), 100, 50)
    '[0.00, 0.25, 0.50, 0.75]'
    """
    side = max(width, height)
    left, top = (side - width) / 2, (side - height) / 2
    values = (one.x0 + left, one.y0 + top, one.x1 + left, one.y1 + top)
    return "[" + ", ".join(f"{value / side:.2f}" for value in values) + "]"


def _cover(shape: str, x: float, y: float, radius: float, width: int, height: int) -> NDArray[np.float64]:
    """Share of each pixel that the shape covers, (height, width)."""
    xs = (np.arange(width * FINE) + 0.5) / FINE - 0.5
    ys = (np.arange(height * FINE) + 0.5) / FINE - 0.5
    inside = SHAPES[shape](*np.meshgrid((xs - x) / radius, (ys - y) / radius))
    share = cv2.resize(inside.astype(np.float64), (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(share, np.float64)


def _turns(drawn: list[Drawn], sort: int, width: int, height: int) -> list[str]:
    """Questions and answers in turn: what there is, where one is as a box, or which is further to a side."""
    first, second = drawn[:2]
    names = [f"a {one.name}" if one.colour != "orange" else f"an {one.name}" for one in drawn]
    if sort == 0:
        return [
            "<image>\nWhat does the picture show?",
            f"It shows {', '.join(names[:-1])} and {names[-1]}.",
            "How many shapes are there?",
            f"There are {NUMBERS[len(drawn)]} shapes.",
        ]
    if sort == 1:
        return [
            f"<image>\nPlease give the bounding box coordinates of the {first.name}.",
            square_box(first, width, height),
        ]
    across, down = (
        (first.x0 + first.x1 - second.x0 - second.x1),
        (first.y0 + first.y1 - second.y0 - second.y1),
    )
    where, further = ("to the left", across) if abs(across) > abs(down) else ("up", down)
    nearest = first if further < 0 else second
    return [
        f"Which is further {where}, the {first.name} or the {second.name}?\n<image>",
        f"The {nearest.name} is further {where}.",
    ]
