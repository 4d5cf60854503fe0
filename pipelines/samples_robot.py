"""Made-up robot episodes: an arm picks up, or pushes, the object that its instruction names.

The actions cause all motion: the pose at a step is the pose before plus the action there, and the gripper
opens as far as the action said. The pictures are drawn from the poses alone.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from somtom.pipelines.samples_scene import COLOURS, background_texture
from somtom.pipelines.samples_solids import (
    TEXELS_PER_M,
    Camera,
    Floats,
    Solid,
    beam,
    box,
    draw_shadows,
    draw_solids,
    draw_table,
    look_at,
    prism,
    rotation_of,
)

FPS = 15
DIMENSIONS = ("x", "y", "z", "roll", "pitch", "yaw", "gripper")
CAMERAS = {"front": (320, 240), "wrist": (224, 224)}  # name -> width, height
TABLE_M = 1.8
BASE = np.array([0.0, 0.62, 0.05])
METAL, DARK, RUBBER = (176, 180, 188), (92, 98, 112), (44, 46, 52)
OPEN, HOLDING, CLOSED = 1.0, 0.5, 0.0
FINGER_GAP_M = (0.012, 0.05)  # from the middle to a finger, closed and open
GRAIN = 1.5  # deviation of the sensor's noise, grey levels

# name -> sides, radius and height in metres, width of the upper end
SHAPES: dict[str, tuple[int, float, float, float]] = {
    "block": (4, 0.044, 0.055, 1.0),
    "can": (14, 0.031, 0.075, 1.0),
    "cone": (14, 0.036, 0.075, 0.25),
    "prism": (3, 0.040, 0.060, 1.0),
}
OBJECT_COLOURS = ("red", "green", "blue", "yellow", "purple", "orange")


@dataclass(frozen=True)
class Thing:
    """An object on the table: where it stands at first, and how it is turned."""

    shape: str
    colour: str
    x: float
    y: float
    yaw: float

    @property
    def name(self) -> str:
        """What a person would call it."""
        return f"{self.colour} {self.shape}"

    @property
    def solid(self) -> Solid:
        """Its body, standing on the origin."""
        sides, radius, height, top = SHAPES[self.shape]
        return prism(sides, radius, height, COLOURS[self.colour], top)


@dataclass(frozen=True)
class Episode:
    """What happens in T steps.

    Args:
        instruction: what is asked for; names the first of `things`.
        things: the objects; only the first is ever touched.
        states: (T, 7) float64: the gripper's x, y, z in metres, roll, pitch, yaw, and its opening, 0 to 1.
        actions: (T, 7) float32: changes of the first six, and the opening to go to.
        carried: (T,) bool: the first object moves with the gripper.
    """

    instruction: str
    things: tuple[Thing, ...]
    states: Floats
    actions: NDArray[np.float32]
    carried: NDArray[np.bool_]

    def rotation(self, step: int) -> Floats:
        """The gripper's, (3, 3)."""
        return rotation_of(*self.states[step, 3:6])

    def object_pose(self, step: int) -> tuple[Floats, Floats]:
        """Rotation (3, 3) and position (3,) of the first object: held, it keeps its pose in the gripper."""
        first = self.things[0]
        turn, place = rotation_of(0, 0, first.yaw), np.array([first.x, first.y, 0.0])
        if not self.carried[: step + 1].any():
            return turn, place
        taken = int(np.argmax(self.carried))
        since = self.rotation(step) @ self.rotation(taken).T
        return since @ turn, self.states[step, :3] + since @ (place - self.states[taken, :3])


@dataclass(frozen=True)
class _Leg:
    """A stretch of the motion: goes to `pose` (x, y, z, roll, pitch, yaw) in `steps` steps."""

    steps: int
    pose: tuple[float, ...]
    gripper: float
    carries: bool = False


def make_episode(draw: np.random.Generator) -> Episode:
    """Choose the objects and what is done with the first of them."""
    things = _choose_things(draw)
    first = things[0]
    _, radius, height, _ = SHAPES[first.shape]
    tilt = draw.uniform(-0.25, 0.25, 2)
    yaw = float(draw.uniform(-0.5, 0.5))
    start = (float(draw.uniform(-0.2, 0.2)), float(draw.uniform(-0.05, 0.25)), 0.2, *tilt.tolist(), 0.0)
    if draw.random() < 0.5:
        over, at = (first.x, first.y, height + 0.09), (first.x, first.y, 0.6 * height)
        goal = (
            float(draw.uniform(-0.15, 0.15)),
            float(draw.uniform(-0.1, 0.1)),
            float(draw.uniform(0.15, 0.2)),
        )
        legs = [
            _Leg(int(draw.integers(12, 15)), (*over, 0.0, 0.0, yaw), OPEN),
            _Leg(6, (*at, 0.0, 0.0, yaw), OPEN),
            _Leg(3, (*at, 0.0, 0.0, yaw), HOLDING),
            _Leg(int(draw.integers(12, 15)), (*goal, *(0.6 * tilt).tolist(), yaw), HOLDING, carries=True),
        ]
        instruction = f"pick up the {first.name}"
    else:
        side = -1 if first.x > 0 else 1
        beside = first.x - side * (radius + 0.028)
        reach = side * float(draw.uniform(0.14, 0.2))
        legs = [
            _Leg(int(draw.integers(12, 15)), (beside - 0.03 * side, first.y, 0.11, 0.0, 0.0, yaw), CLOSED),
            _Leg(6, (beside - 0.03 * side, first.y, 0.035, 0.0, 0.0, 0.0), CLOSED),
            _Leg(3, (beside, first.y, 0.035, 0.0, 0.0, 0.0), CLOSED),
            _Leg(
                int(draw.integers(12, 15)),
                (beside + reach, first.y, 0.035, 0.0, 0.0, 0.0),
                CLOSED,
                carries=True,
            ),
        ]
        instruction = f"push the {first.name} to the {'right' if side > 0 else 'left'}"
    return _follow(instruction, things, start, legs)


def camera_at(episode: Episode, name: str, step: int) -> Camera:
    """The camera as it stands at a step; the one at the wrist moves with the gripper."""
    width, height = CAMERAS[name]
    if name == "front":
        position = np.array([0.0, -0.74, 0.62])
        axes = look_at(position, np.array([0.0, 0.06, 0.03]), np.array([0.0, 0.0, 1.0]))
        return Camera(position, axes, 1.12 * width, width, height)
    turn = episode.rotation(step)
    position = episode.states[step, :3] + turn @ np.array([0.0, -0.085, 0.12])
    target = episode.states[step, :3] + turn @ np.array([0.0, 0.02, -0.02])
    return Camera(
        position, look_at(position, target, turn @ np.array([0.0, 1.0, 0.0])), 0.8 * width, width, height
    )


def table_texture(draw: np.random.Generator) -> NDArray[np.float32]:
    """The table's look: paler than what lies on it."""
    side = round(TABLE_M * TEXELS_PER_M)
    bright = background_texture(draw, side, side)
    return np.asarray(0.3 * bright + 0.7 * bright.mean(axis=2, keepdims=True), np.float32)


def draw_episode(
    episode: Episode, name: str, table: NDArray[np.float32], draw: np.random.Generator
) -> NDArray[np.uint8]:
    """Draw what a camera sees at every step, (T, H, W, 3); `draw` is for the sensor's grain."""
    pictures = []
    for step in range(len(episode.states)):
        camera = camera_at(episode, name, step)
        picture = draw_table(table, camera)
        things = _things_at(episode, step)
        robot = _robot_at(episode, step, with_arm=name == "front")
        draw_shadows(picture, [*things, *robot], camera)
        draw_solids(picture, [*things, *robot], camera)
        grain = GRAIN * draw.standard_normal(picture.shape[:2], dtype=np.float32)[..., None]
        pictures.append(np.clip(np.rint(picture + grain), 0, 255).astype(np.uint8))
    return np.stack(pictures)


def pixel_tracks(episode: Episode, name: str) -> dict[str, NDArray[np.float32]]:
    """Where the gripper's tip and the first object's middle are seen: (T, 2) each, in pixels.

    They may be hidden, or out of the picture.
    """
    middle = np.array([0, 0, SHAPES[episode.things[0].shape][2] / 2])
    gripper, thing = [], []
    for step in range(len(episode.states)):
        camera = camera_at(episode, name, step)
        turn, place = episode.object_pose(step)
        gripper.append(camera.see(episode.states[step, :3])[0])
        thing.append(camera.see(place + turn @ middle)[0])
    return {
        f"gripper_{name}": np.array(gripper, np.float32),
        f"object_{name}": np.array(thing, np.float32),
    }


def _choose_things(draw: np.random.Generator) -> tuple[Thing, ...]:
    """Three objects of different colours, so far apart that none is in the way of a push to the side."""
    places: list[Floats] = []
    while len(places) < 3:
        place = draw.uniform((-0.22, -0.16), (0.22, 0.18))
        if all(np.hypot(*(place - one)) > 0.16 and abs(place[1] - one[1]) > 0.09 for one in places):
            places.append(place)
    colours = draw.permutation(OBJECT_COLOURS)
    return tuple(
        Thing(str(draw.choice(list(SHAPES))), str(colour), float(x), float(y), float(draw.uniform(-0.6, 0.6)))
        for colour, (x, y) in zip(colours, places, strict=False)
    )


def _follow(
    instruction: str, things: tuple[Thing, ...], start: tuple[float, ...], legs: list[_Leg]
) -> Episode:
    """Turn legs into actions, and the actions into states; the last step asks for no motion."""
    poses, openings, carried = [np.array(start)], [], []
    for leg in legs:
        share = np.arange(1, leg.steps + 1) / leg.steps
        eased = share**3 * (10 - 15 * share + 6 * share**2)  # starts and ends at rest
        origin = poses[-1]
        poses += [origin + ease * (np.array(leg.pose) - origin) for ease in eased]
        openings += [leg.gripper] * leg.steps
        carried += [leg.carries] * leg.steps
    changes = np.diff(np.stack([*poses, poses[-1]]), axis=0)
    actions = np.column_stack([changes, [*openings, openings[-1]]]).astype(np.float32)
    moved = np.cumsum(actions[:-1, :6].astype(np.float64), axis=0)
    states = np.zeros(actions.shape)
    states[:, :6] = np.array(start) + np.concatenate([np.zeros((1, 6)), moved])
    states[:, 6] = [openings[0], *actions[:-1, 6]]
    return Episode(instruction, things, states, actions, np.array([*carried, carried[-1]]))


def _things_at(episode: Episode, step: int) -> list[Solid]:
    first, *others = episode.things
    return [
        first.solid.placed(*episode.object_pose(step)),
        *(one.solid.placed(rotation_of(0, 0, one.yaw), np.array([one.x, one.y, 0.0])) for one in others),
    ]


def _robot_at(episode: Episode, step: int, with_arm: bool) -> list[Solid]:
    """The gripper's two fingers, and with the arm its palm, two links and the foot."""
    place, turn = episode.states[step, :3], episode.rotation(step)
    gap = FINGER_GAP_M[0] + (FINGER_GAP_M[1] - FINGER_GAP_M[0]) * float(episode.states[step, 6])
    fingers = [
        box((low, -0.011, -0.014), (low + 0.014, 0.011, 0.062), RUBBER).placed(turn, place)
        for low in (gap - 0.004, -gap - 0.010)
    ]
    if not with_arm:
        return fingers
    palm = box((-0.066, -0.02, 0.062), (0.066, 0.02, 0.09), METAL).placed(turn, place)
    wrist = place + turn @ np.array([0, 0, 0.15])
    neck = beam(place + turn @ np.array([0, 0, 0.09]), wrist, 0.016, DARK)
    elbow = (wrist + BASE) / 2 + np.array([0, 0, 0.2])
    foot = prism(8, 0.09, 0.05, DARK).placed(np.eye(3), BASE * np.array([1, 1, 0]))
    return [*fingers, palm, neck, beam(wrist, elbow, 0.02, METAL), beam(elbow, BASE, 0.026, METAL), foot]
