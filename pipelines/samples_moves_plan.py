"""What happens in the made-up moves: things on a table, one or two of which go where they are told to.

Where a thing goes follows from the instruction ("Send the red disc to the left."), from its looks (an arrow
goes where it points) or from where another thing is ("Put the red disc on the blue star."), and how far from
its size or from the other's place; nothing else says anything of it. The clips of the validation split have
pairs of colour and shape, shades, layouts and phrasings that those for training never have.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import TypeVar

import numpy as np

from somtom.pipelines.samples_scene import ARROW, SHAPES
from somtom.schemas.keys import generator_of

T = TypeVar("T")

SIDE = 112  # pixels of the square pictures
VAL_EVERY = 6  # of so many clips the last is one for validation
# A thing stands in the middle of one of 3 x 3 cells, PITCH pixels apart; no two touch. Marks stand on points
# of a GRID of which some are the things' middles. Both are the middles of an encoder's cells of 16 pixels, so
# that little has to be learnt from few pictures (docs/moves.md).
CELLS, PITCH, GRID = 3, 32.0, 7
RADII = (10.0, 13.0)  # pixels
# How many things there are where the cue leaves it open, and the chances of each. Where there is one, a model
# need not know colours to tell what moves, and so begins to look; where there are more, it has to.
COUNTS: dict[int, float] = {1: 0.8, 2: 0.2}
FAR, NEAR = 22.0, 16.0  # pixels that the smallest and the largest thing go when they are sent somewhere
NAMES = ("red", "green", "blue", "yellow", "purple", "orange")
OUTLINES = (*(shape for shape in SHAPES if shape != "ring"), ARROW)  # a ring's middle is background
CAMERAS = ("pan", "zoom", "rotate", "shake")
DIRECTIONS: dict[str, tuple[int, int]] = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
# What tells which thing moves and where to, and the chances of each.
CUES: dict[str, float] = {"words": 0.7, "looks": 0.1, "place": 0.05, "both": 0.07, "rest": 0.08}
# A thing's colour is its name's times one of these: dark or bright ones to train on, others to validate.
SHADES: dict[str, tuple[tuple[float, float], ...]] = {
    "train": ((0.78, 0.88), (1.0, 1.1)),
    "val": ((0.91, 0.97),),
}
# Every form has as many words for each of the directions.
_WHERE: dict[str, tuple[tuple[str, str, str, str], ...]] = {
    "train": (
        ("left", "right", "up", "down"),
        ("to the left", "to the right", "to the top", "to the bottom"),
        ("leftwards", "rightwards", "upwards", "downwards"),
    ),
    "val": (
        ("over to the left", "over to the right", "up to the top", "down to the bottom"),
        ("towards the left", "towards the right", "towards the top", "towards the bottom"),
    ),
}
# By cue and split. {a} is the thing that is named, {b} the other one, {where} a direction.
PHRASINGS: dict[str, dict[str, tuple[str, ...]]] = {
    "words": {
        "train": (
            "Send the {a} {where}.",
            "Move the {a} {where}.",
            "Push the {a} {where}.",
            "The {a} goes {where}.",
            "Slide the {a} {where}, please.",
        ),
        "val": (
            "Please move the {a} {where}.",
            "Now the {a} goes {where}, please.",
            "The {a}: push it {where}.",
        ),
    },
    "looks": {
        "train": (
            "Let the {a} go where it points.",
            "The {a} goes the way it points.",
            "Send the {a} where its tip points.",
        ),
        "val": ("Move the {a} the way its tip points.", "Now let the {a} go, please, the way it points."),
    },
    "place": {
        "train": (
            "Put the {a} on the {b}.",
            "Move the {a} onto the {b}.",
            "The {a} goes to the {b}.",
        ),
        "val": ("Please put the {a} onto the {b}.", "Slide the {a} to the {b}, please."),
    },
    "both": {
        "train": (
            "Send the {a} and the {b} {where}.",
            "Move both the {a} and the {b} {where}.",
            "The {a} and the {b} go {where}.",
        ),
        "val": ("Please push the {a} and the {b} {where}.", "Both go {where}: the {a} and the {b}."),
    },
    "rest": {
        "train": ("Leave the {a} where it is.", "Do not move the {a}."),
        "val": ("Please leave the {a} where it is now.",),
    },
}


@dataclass(frozen=True)
class Thing:
    """One thing of a scene: where it stands in the first frame and how far it goes until the last.

    Pixels of the first frame, without the camera's motion. `points` is a name of `DIRECTIONS` for an arrow,
    "" for any other shape.
    """

    colour: str
    shape: str
    shade: float
    x: float
    y: float
    radius: float
    points: str
    goes_x: float = 0.0
    goes_y: float = 0.0

    @property
    def moves(self) -> bool:
        """Whether it goes anywhere."""
        return bool(self.goes_x or self.goes_y)


@dataclass(frozen=True)
class Scene:
    """One clip: `cue` is a name of `CUES`; `named` counts the things, first in the list, that it is about."""

    name: str
    split: str
    cue: str
    camera: str
    instruction: str
    cells: tuple[int, ...]
    named: int
    things: tuple[Thing, ...]


def is_held_out(colour: str, shape: str) -> bool:
    """Whether the pair of colour and shape is kept for validation: about a quarter of all."""
    return (NAMES.index(colour) + OUTLINES.index(shape)) % 4 == 0


def layouts(things: int, split: str) -> list[tuple[int, ...]]:
    """List the sets of cells that so many things may stand in: about a quarter is kept for validation."""
    found = combinations(range(CELLS**2), things)
    return [cells for cells in found if _is_new_layout(cells) == (split == "val")]


def _is_new_layout(cells: tuple[int, ...]) -> bool:
    if len(cells) > 1:
        return sum(cells) % 4 == 0
    row, column = divmod(cells[0], CELLS)
    return column - row == 1  # no corner; every row and column has cells that are no new ones


def split_of(index: int) -> tuple[str, int]:
    """Tell which split clip `index` belongs to, and its number there."""
    return ("val", index // VAL_EVERY) if index % VAL_EVERY == VAL_EVERY - 1 else ("train", index)


def scene_of(index: int, seed: int, purpose: str = "sample move") -> Scene:
    """Choose what clip `index` shows; the camera moves in every second clip of a split."""
    split, number = split_of(index)
    number -= 0 if split == "val" else index // VAL_EVERY
    draw = generator_of(f"{seed}-{index}", purpose)
    cue = str(draw.choice(list(CUES), p=list(CUES.values())))
    camera = str(draw.choice(CAMERAS)) if number % 2 else "still"
    least = 2 if cue in ("both", "place") else 1
    chances = {count: chance for count, chance in COUNTS.items() if count >= least}
    weights = np.array([*chances.values()]) / sum(chances.values())
    count = int(draw.choice([*chances], p=weights))
    cells = tuple(int(cell) for cell in draw.permutation(_one(draw, layouts(count, split))))
    looks = _choose_looks(count, cue, split, draw)
    direction = int(draw.integers(len(DIRECTIONS)))
    way = list(DIRECTIONS)[direction]
    things = []
    for place, (colour, shape) in enumerate(looks):
        points = str(draw.choice(list(DIRECTIONS))) if shape == ARROW else ""
        if cue == "looks" and place == 0:
            points = way
        row, column = divmod(cells[place], CELLS)
        x, y = (SIDE - 1) / 2 + PITCH * (np.array([column, row]) - (CELLS - 1) / 2)
        shade = draw.uniform(*_one(draw, SHADES[split]))
        radius = draw.uniform(*RADII)
        things.append(Thing(colour, shape, float(shade), float(x), float(y), float(radius), points))
    named = 2 if cue == "both" else 1
    instruction = say(things, cue, split, direction, draw)
    going = [_sent(thing, things, cue, way) for thing in things[:named]]
    name = f"{split}/{index:06d}"
    return Scene(name, split, cue, camera, instruction, cells, named, (*going, *things[named:]))


def _choose_looks(count: int, cue: str, split: str, draw: np.random.Generator) -> list[tuple[str, str]]:
    """Draw so many pairs of colour and shape, all of them different; the first one is what the cue needs.

    Only a thing that goes where it points, or is none to go, is an arrow.
    """
    pairs = [pair for pair in product(NAMES, OUTLINES) if is_held_out(*pair) == (split == "val")]
    named = 2 if cue in ("both", "place") else 1
    while True:
        chosen = [pairs[int(place)] for place in draw.choice(len(pairs), count, replace=False)]
        colours, shapes = zip(*chosen, strict=True)
        arrows = [shape == ARROW for shape in shapes[:named]]
        if len({*colours}) == len({*shapes}) == count and any(arrows) == (cue == "looks"):
            return chosen


def _sent(thing: Thing, things: Sequence[Thing], cue: str, way: str) -> Thing:
    """The thing as it goes."""
    if cue == "rest":
        return thing
    if cue == "place":
        goes_x, goes_y = things[1].x - thing.x, things[1].y - thing.y
    else:
        goes_x, goes_y = far(thing, way)
    return Thing(**{**vars(thing), "goes_x": goes_x, "goes_y": goes_y})


def far(thing: Thing, way: str) -> tuple[float, float]:
    """How far a thing goes in x and y, in pixels, when it is sent that way."""
    share = (thing.radius - RADII[0]) / (RADII[1] - RADII[0])
    goes_x, goes_y = ((FAR + share * (NEAR - FAR)) * step for step in DIRECTIONS[way])
    return goes_x, goes_y


def say(things: Sequence[Thing], cue: str, split: str, direction: int, draw: np.random.Generator) -> str:
    """Word the instruction: what is to become of the first thing, or of the first two."""
    called = [call(thing, draw) for thing in things[:2]]
    where = _one(draw, _WHERE[split])[direction]
    return _one(draw, PHRASINGS[cue][split]).format(a=called[0], b=called[-1], where=where)


def call(thing: Thing, draw: np.random.Generator) -> str:
    """Name a thing by colour and shape; a third of the times by its colour alone."""
    return f"{thing.colour} {'one' if draw.random() < 1 / 3 else thing.shape}"


def _one(draw: np.random.Generator, things: Sequence[T]) -> T:
    return things[int(draw.integers(len(things)))]
