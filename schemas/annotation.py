"""What a source knows of a ref besides its pixels: all that labelling needs, stored beside the tracks."""

import json
import math
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somtom.schemas.reasons import DataError


@dataclass(frozen=True)
class Element:
    """One element of a screenshot: its box in pixels of the upright input picture.

    `x0`, `y0` is the top-left corner and `x1`, `y1` just outside of the bottom-right one; the box may
    reach beyond the picture. `actionable`: a person can act on it (others may carry text and
    are kept out of the marks). `visible`: the source says that it can be seen. `score`: how sure a detector
    was of it, 1.0 where the source knows. `found`: it was found in the pixels, the source did not name it.
    """

    x0: float
    y0: float
    x1: float
    y1: float
    text: str = ""
    role: str = ""
    actionable: bool = True
    visible: bool = True
    score: float = 1.0
    found: bool = False

    def __post_init__(self) -> None:
        if not all(math.isfinite(value) for value in (self.x0, self.y0, self.x1, self.y1, self.score)):
            raise ValueError("an element's box and score must be finite")


@dataclass(frozen=True)
class ScreenAction:
    """What is done at a screenshot; `kind` is "" where nothing is.

    Args:
        kind: click, double_click, long_press, type, select, scroll, swipe, press, open, wait, back, home,
            enter, complete, impossible, or what the source calls it.
        argument: what is typed or selected, the direction, the key, the app; "" where there is none.
        targets: indexes of the elements that it may be done to, the best first; empty where to none.
        point: x, y in pixels of the input picture where only a point is known; None where there is none.
    """

    kind: str = ""
    argument: str = ""
    targets: tuple[int, ...] = ()
    point: tuple[float, float] | None = None


@dataclass(frozen=True)
class Screen:
    """A screenshot's elements, in the source's order, and what is done there."""

    elements: tuple[Element, ...] = ()
    action: ScreenAction = field(default_factory=ScreenAction)

    def __post_init__(self) -> None:
        if any(not 0 <= index < len(self.elements) for index in self.action.targets):
            raise ValueError(f"targets must be indexes of {len(self.elements)} elements")


@dataclass(frozen=True)
class RobotStep:
    """What a robot does at the clip's first frame, and how its actions behave over the clip.

    Args:
        actions: (C, D) float64, finite: the raw actions from that step on, fewer rows at an episode's end.
        names: D names of the dimensions.
        state: (S,) float64, finite: proprioception at that step; empty where there is none.
        state_names: S names.
        jumps: (D,) float64: largest change between adjacent control steps over the clip.
        frozen: share, 0 to 1, of the clip's control steps whose action equals the one before exactly.
    """

    actions: NDArray[np.float64]
    names: tuple[str, ...]
    state: NDArray[np.float64]
    state_names: tuple[str, ...]
    jumps: NDArray[np.float64]
    frozen: float

    def __post_init__(self) -> None:
        dimensions = len(self.names)
        if self.actions.ndim != 2 or self.actions.shape[1:] != (dimensions,) or not len(self.actions):
            raise ValueError(f"actions must be (C, {dimensions}), got {self.actions.shape}")
        if self.state.shape != (len(self.state_names),):
            raise ValueError(f"state must be ({len(self.state_names)},), got {self.state.shape}")
        if self.jumps.shape != (dimensions,):
            raise ValueError(f"jumps must be ({dimensions},), got {self.jumps.shape}")
        if not all(np.isfinite(one).all() for one in (self.actions, self.state, self.jumps)):
            raise ValueError("actions, state and jumps must be finite")


@dataclass(frozen=True)
class PastStep:
    """What happened before, at one history picture.

    Args:
        t_s: seconds before the sample's picture, negative; minus the number of steps where no times are
            known.
        text: what was done there, in words; "" where it is not known.
        action: (D,) raw robot action done there, empty where there is none.
        known: there was such a step; its picture is black otherwise.
    """

    t_s: float
    text: str = ""
    action: tuple[float, ...] = ()
    known: bool = True


@dataclass(frozen=True)
class Annotation:
    """What is known of one ref; which member is given decides how it is labelled.

    Args:
        past: one step for each history picture, oldest first.
        robot: given for a robot's clip.
        screen: given for a screenshot: one picture, nothing is tracked.
        turns: given for an image-text pair: (speaker, text), passed through; speaker is human or gpt.
    """

    past: tuple[PastStep, ...] = ()
    robot: RobotStep | None = None
    screen: Screen | None = None
    turns: tuple[tuple[str, str], ...] = ()

    @property
    def is_clip(self) -> bool:
        """Whether points are followed through several frames."""
        return self.screen is None and not self.turns


def annotation_json(annotation: Annotation) -> str:
    """Write an annotation as JSON, "" for one that says nothing; numbers keep every digit."""
    if annotation == Annotation():
        return ""
    robot = annotation.robot
    tree: dict[str, Any] = {"past": [asdict(step) for step in annotation.past]}
    if robot is not None:
        tree["robot"] = {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in vars(robot).items()
        }
    if annotation.screen is not None:
        tree["screen"] = asdict(annotation.screen)
    if annotation.turns:
        tree["turns"] = annotation.turns
    return json.dumps(tree, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def parse_annotation(text: str) -> Annotation:
    """Read back what `annotation_json` wrote.

    Raises:
        DataError: `unreadable`.
    """
    if not text:
        return Annotation()
    try:
        tree = json.loads(text)
        return Annotation(
            past=tuple(PastStep(**{**step, "action": tuple(step["action"])}) for step in tree["past"]),
            robot=_robot(tree["robot"]) if "robot" in tree else None,
            screen=_screen(tree["screen"]) if "screen" in tree else None,
            turns=tuple((str(speaker), str(words)) for speaker, words in tree.get("turns", ())),
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise DataError("unreadable", f"a stored annotation is damaged: {error}") from error


def _robot(tree: dict[str, Any]) -> RobotStep:
    names = tuple(tree["names"])
    return RobotStep(
        actions=np.array(tree["actions"], np.float64).reshape(-1, len(names)),
        names=names,
        state=np.array(tree["state"], np.float64),
        state_names=tuple(tree["state_names"]),
        jumps=np.array(tree["jumps"], np.float64),
        frozen=float(tree["frozen"]),
    )


def _screen(tree: dict[str, Any]) -> Screen:
    action = tree["action"]
    point = action["point"]
    return Screen(
        elements=tuple(Element(**one) for one in tree["elements"]),
        action=ScreenAction(
            action["kind"],
            action["argument"],
            tuple(action["targets"]),
            None if point is None else (float(point[0]), float(point[1])),
        ),
    )
