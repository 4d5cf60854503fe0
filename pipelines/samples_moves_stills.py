"""Still pictures of the made-up moves' things, and questions about them: to look comes before to foretell.

They carry numbered marks, drawn as a build draws them. First come pictures of one thing with one mark, whose
number is asked for, and nothing else: digits are learnt from them in some hundred steps, and hardly at all
where places can be learnt at the same time (docs/moves.md). The others ask what telling what will move needs:
where a thing is, which mark is on it, where an arrow points, where a thing ends that is sent somewhere.
"""

from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from somtom.marks.draw import Image, draw_marks
from somtom.pipelines.samples_moves_plan import (
    DIRECTIONS,
    GRID,
    SIDE,
    VAL_EVERY,
    Scene,
    Thing,
    call,
    far,
    say,
    scene_of,
)
from somtom.schemas.answers import quantise
from somtom.schemas.keys import generator_of
from somtom.schemas.marks import Mark

STILLS_A_CLIP = 3  # of each sort
SORTS = ("digits", "stills")  # folders, in the order in which they are learnt from
MARKS = (2, 3)  # fewest and most of a picture: the fewer numbers, the sooner they are read
ONE_MARK = 0.5  # chance that a still has one mark alone, whose number may be any that others have
# About a thing, by its name.
WHERE, POINTS = "Where is the {a}?", "Where does the {a} point?"
WHICH = "Which mark is on the {a}?"
END = "Where does it end?"  # after an instruction, as the clips for training have them


@dataclass(frozen=True)
class Still:
    """A picture to be drawn, and what is asked about it: pairs of question and answer."""

    scene: Scene
    marks: list[Mark]
    asked: list[tuple[str, str]]


def still_of(sort: str, number: int, seed: int) -> Still:
    """Choose what the `number`-th picture of a sort shows: a scene of the training split that no clip has."""
    scene = scene_of(number + number // (VAL_EVERY - 1), seed, f"sample {sort}")
    draw = generator_of(f"{seed}-{number}", f"what sample {sort} ask")
    if sort == "digits":
        scene = replace(scene, things=scene.things[:1])
        marks = _choose_one(scene, draw)
        return Still(scene, marks, _which(scene.things[0], marks, draw))
    marks = _choose_one(scene, draw) if draw.random() < ONE_MARK else _choose_marks(scene, draw)
    return Still(scene, marks, _ask_about(scene, marks, draw))


def _choose_one(scene: Scene, draw: np.random.Generator) -> list[Mark]:
    thing = scene.things[int(draw.integers(len(scene.things)))]
    return [Mark(int(draw.integers(MARKS[1])) + 1, thing.x, thing.y)]


def _choose_marks(scene: Scene, draw: np.random.Generator) -> list[Mark]:
    """Put marks on the middles of the things, and on points of the grid that are on no thing."""
    step = SIDE / GRID
    places = [(thing.x, thing.y) for thing in scene.things]
    free = [((i + 0.5) * step - 0.5, (j + 0.5) * step - 0.5) for i, j in product(range(GRID), repeat=2)]
    count = max(len(places), int(draw.integers(MARKS[0], MARKS[1] + 1)))
    for number in draw.permutation(len(free)):
        if len(places) == count:
            break
        x, y = free[int(number)]
        if all(max(abs(x - a), abs(y - b)) >= 2 * step for a, b in places):
            places.append((x, y))
    numbers = draw.permutation(len(places))
    return [Mark(rank + 1, *places[int(number)]) for rank, number in enumerate(numbers)]


def mark_still(picture: Image, marks: list[Mark]) -> Image:
    """Draw the marks on a copy of the (SIDE, SIDE, 3) picture."""
    return draw_marks(picture, marks, "box")


def _which(thing: Thing, marks: list[Mark], draw: np.random.Generator) -> list[tuple[str, str]]:
    on_it = [mark for mark in marks if (mark.x, mark.y) == (thing.x, thing.y)]
    return [(WHICH.format(a=call(thing, draw)), f"Mark {mark.id}") for mark in on_it]


def _ask_about(scene: Scene, marks: list[Mark], draw: np.random.Generator) -> list[tuple[str, str]]:
    """All questions about each of the things, shuffled.

    A place is `[x,y]` in the bins of all coordinates in texts, a mark is `Mark 3`.
    """
    asked = []
    for thing in scene.things:
        asked.append((WHERE.format(a=call(thing, draw)), _place(thing.x, thing.y)))
        asked += _which(thing, marks, draw)
        if thing.points:
            asked.append((POINTS.format(a=call(thing, draw)), thing.points))
        ways = [(thing.points, "looks")] if thing.points else []
        for way, cue in [*ways, (str(draw.choice([*DIRECTIONS])), "words")]:
            told = say([thing], cue, "train", [*DIRECTIONS].index(way), draw)
            goes_x, goes_y = far(thing, way)
            asked.append((f"{told} {END}", _place(thing.x + goes_x, thing.y + goes_y)))
    return [asked[int(number)] for number in draw.permutation(len(asked))]


def _place(x: float, y: float) -> str:
    column, row = quantise((x, y), SIDE, SIDE)[0].tolist()
    return f"[{column},{row}]"
