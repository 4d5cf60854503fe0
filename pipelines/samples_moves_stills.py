"""Still pictures of the made-up moves' things, and questions about them: to look comes before to foretell.

They carry numbered marks, drawn as a build draws them. The questions are what telling what will move needs:
where a thing is, which mark is on it, where an arrow points, where a thing ends that is sent somewhere.
"""

from itertools import product

import numpy as np

from somtom.marks.draw import Image, draw_marks
from somtom.pipelines.samples_moves_plan import (
    DIRECTIONS,
    GRID,
    SIDE,
    VAL_EVERY,
    Scene,
    call,
    far,
    say,
    scene_of,
)
from somtom.schemas.answers import quantise
from somtom.schemas.marks import Mark

STILLS_A_CLIP = 2
MARKS = (2, 3)  # fewest and most of a still: the fewer numbers, the sooner they are read
ON_A_THING = 0.9  # chance that a thing of a marked still has a mark
# About a thing, by its name.
WHERE, POINTS = "Where is the {a}?", "Where does the {a} point?"
WHICH = "Which mark is on the {a}?"
END = "Where does it end?"  # after an instruction, as the clips for training have them


def still_scene_of(number: int, seed: int) -> Scene:
    """Choose what the `number`-th still picture shows: a scene of the training split that no clip has."""
    return scene_of(number + number // (VAL_EVERY - 1), seed, "sample still")


def choose_marks(scene: Scene, draw: np.random.Generator) -> list[Mark]:
    """Put marks on the middles of most things, and on points of the grid that are on no thing."""
    step = SIDE / GRID
    places = [(thing.x, thing.y) for thing in scene.things if draw.random() < ON_A_THING]
    taken = [(thing.x, thing.y) for thing in scene.things]
    free = [((i + 0.5) * step - 0.5, (j + 0.5) * step - 0.5) for i, j in product(range(GRID), repeat=2)]
    count = int(draw.integers(MARKS[0], MARKS[1] + 1))
    for number in draw.permutation(len(free)):
        if len(places) == count:
            break
        x, y = free[int(number)]
        if all(max(abs(x - a), abs(y - b)) >= 2 * step for a, b in taken):
            places.append((x, y))
            taken.append((x, y))
    numbers = draw.permutation(len(places))
    return [Mark(rank + 1, *places[int(number)]) for rank, number in enumerate(numbers)]


def mark_still(picture: Image, marks: list[Mark]) -> Image:
    """Draw the marks on a copy of the (SIDE, SIDE, 3) picture."""
    return draw_marks(picture, marks, "box")


def ask_about(scene: Scene, marks: list[Mark], draw: np.random.Generator) -> list[tuple[str, str]]:
    """Questions about a still picture with their answers: about each of its things.

    A place is `[x,y]` in the bins of all coordinates in texts, a mark is `Mark 3`.
    """
    asked = []
    for thing in scene.things:
        asked.append((WHERE.format(a=call(thing, draw)), _place(thing.x, thing.y)))
        on_it = [mark for mark in marks if (mark.x, mark.y) == (thing.x, thing.y)]
        asked += [(WHICH.format(a=call(thing, draw)), f"Mark {mark.id}") for mark in on_it]
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
