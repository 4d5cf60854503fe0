"""Made-up videos: which scenes, how the camera and the objects move, and the files."""

import json
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from somtom.pipelines.samples_scene import (
    COLOURS,
    SHAPES,
    Layer,
    Truth,
    background_texture,
    draw_frame,
    object_layer,
    object_texture,
    true_tracks,
)
from somtom.schemas.keys import generator_of
from somtom.tracking.homography import apply_homographies

Floats = NDArray[np.float64]
SIZES = ((320, 240), (384, 288), (240, 320), (352, 288), (448, 336), (512, 384))
FRAME_RATES = (25, 30, 24)
MOVING_CAMERAS = ("pan", "shake", "zoom", "rotate", "follow")
SPEED_FRAMES = 17  # frames that `speed_px_per_frame` is the mean of: one clip
# x264 gives other bytes on every run with several threads, and with one while mbtree is on (measured)
X264 = {"crf": "18", "preset": "veryfast", "threads": "1", "x264-params": "mbtree=0"}
GRAIN = 2.0  # deviation of the sensor's noise, grey levels


@dataclass(frozen=True)
class Recipe:
    """What a video shall show.

    `camera` is "still" or one of `MOVING_CAMERAS`; `large` asks for an object over more than 55 % of the
    picture; `shots` scenes follow one another, each `seconds` long, with a hard cut between them.
    """

    name: str
    width: int
    height: int
    fps: int
    seconds: float
    camera: str
    objects: int
    large: bool = False
    shots: int = 1

    @property
    def frames(self) -> int:
        """Frames of one shot."""
        return round(self.seconds * self.fps)


@dataclass(frozen=True)
class Mover:
    """One object of a scene; speeds are relative to the background, in shorter sides or radians a second."""

    shape: str
    colour: str
    x: float
    y: float
    radius_x: float
    radius_y: float
    speed_x: float
    speed_y: float
    turn: float
    growth: float

    @property
    def moves(self) -> bool:
        """Whether it does anything but rest on the background."""
        return bool(self.speed_x or self.speed_y or self.turn or self.growth)

    @property
    def caption(self) -> str:
        """What it does, in words: "the red disc moves to the left"."""
        if not self.moves:
            return f"the {self.colour} {self.shape} stays where it is"
        sideways = abs(self.speed_x) > abs(self.speed_y)
        where = ("to the left", "to the right") if sideways else ("up", "down")
        return (
            f"the {self.colour} {self.shape} moves {where[(self.speed_x if sideways else self.speed_y) > 0]}"
        )


def recipe_of(index: int, seed: int) -> Recipe:
    """Choose what video `index` shows: every second camera moves, every fifth video has a cut.

    Videos 3, 12, 23, 32, ... hold an object over more than 55 % of the picture, one half of them before a
    moving camera and one half before a still one.
    """
    draw = generator_of(f"{seed}-{index}", "sample recipe")
    camera = "still" if index % 2 == 0 else MOVING_CAMERAS[index // 2 % len(MOVING_CAMERAS)]
    large = index % 20 in (3, 12)
    shots = 2 if index % 5 == 4 else 1
    width, height = SIZES[index % len(SIZES)]
    return Recipe(
        name=f"video_{index:03d}_{camera}" + ("_large" if large else "") + ("_cut" if shots > 1 else ""),
        width=width,
        height=height,
        fps=FRAME_RATES[int(draw.integers(len(FRAME_RATES)))],
        seconds=round(float(draw.uniform(2.0, 3.0 if shots == 1 else 2.0)), 1),
        camera=camera,
        objects=int(draw.integers(1, 3 if large else 5)),
        large=large,
        shots=shots,
    )


def camera_path(
    camera: str, times_s: Floats, side: float, centre: Floats, draw: np.random.Generator
) -> Floats:
    """Return the homographies (T, 3, 3) that take the background of frame 0 to each frame; the first is 1."""
    angle = draw.uniform(0, 2 * np.pi)
    speed = draw.uniform(0.12, 0.3) * side * np.array([np.cos(angle), np.sin(angle)])
    rate = draw.uniform(0.08, 0.16) * draw.choice([-1, 1])
    shift, turn, zoom = np.zeros((len(times_s), 2)), np.zeros(len(times_s)), np.zeros(len(times_s))
    if camera == "pan":
        shift = times_s[:, None] * speed
    elif camera == "zoom":
        zoom = rate * 1.5 * times_s
    elif camera == "rotate":
        turn = rate * times_s
        shift = 0.3 * times_s[:, None] * speed
    elif camera == "shake":
        hertz = draw.uniform([0.5, 2, 4], [1.5, 3.5, 6])
        reach = np.array([0.02, 0.008, 0.004])
        phase = draw.uniform(0, 2 * np.pi, (4, 3))
        waves = np.sin(2 * np.pi * hertz * times_s[:, None, None] + phase) - np.sin(phase)
        shift = side * (waves[:, :2] * reach).sum(axis=2)
        turn, zoom = 0.5 * (waves[:, 2] * reach).sum(axis=1), 0.5 * (waves[:, 3] * reach).sum(axis=1)
    return similarity(centre, shift, turn, np.exp(zoom))


def similarity(centre: Floats, shift: Floats, turn: Floats, scale: Floats) -> Floats:
    """Build homographies (T, 3, 3) that turn and scale about `centre` (2,) and then shift (T, 2)."""
    matrices = np.zeros((len(turn), 3, 3))
    matrices[:, 0, 0] = matrices[:, 1, 1] = scale * np.cos(turn)
    matrices[:, 1, 0] = scale * np.sin(turn)
    matrices[:, 0, 1] = -matrices[:, 1, 0]
    matrices[:, :2, 2] = shift + centre - matrices[:, :2, :2] @ centre
    matrices[:, 2, 2] = 1
    return matrices


def draw_movers(recipe: Recipe, draw: np.random.Generator) -> list[Mover]:
    """Choose the objects of a shot, undermost first."""
    side = min(recipe.width, recipe.height)
    shapes = draw.permutation(list(SHAPES))
    colours = draw.permutation(list(COLOURS))
    size = np.array([recipe.width, recipe.height])
    movers: list[Mover] = []
    for number in range(recipe.objects):
        shape, radius = str(shapes[number]), draw.uniform(0.15, 0.25) * side
        starts = draw.uniform(0.15, 0.85, (8, 2)) * size
        apart = [min([np.hypot(x - m.x, y - m.y) for m in movers], default=0.0) for x, y in starts]
        x, y = starts[int(np.argmax(apart))]  # the farthest from the others, so that none starts covered
        goal = draw.uniform(0.3, 0.7, 2) * size - (x, y)
        angle = np.arctan2(goal[1], goal[0])
        speed, turn, growth = draw.uniform(0.12, 0.4), draw.uniform(-0.8, 0.8), draw.uniform(-0.12, 0.2)
        radius_x = radius_y = radius
        if number > 0 and draw.random() < 0.2:
            speed = turn = growth = 0.0
        if recipe.large and number == 0:
            # 0.85 of the half axes: a "square" reaches that far; 0.78 * 0.76 = 59 % of the picture
            shape, turn, growth, speed = "square", 0.0, 0.0, draw.uniform(0.12, 0.2)
            radius_x, radius_y = 0.78 * recipe.width / 1.7, 0.76 * recipe.height / 1.7
            x, y = size / 2 - 0.04 * side * np.array([np.cos(angle), np.sin(angle)])
        movers.append(
            Mover(
                shape,
                str(colours[number]),
                float(x),
                float(y),
                float(radius_x),
                float(radius_y),
                float(speed * np.cos(angle)),
                float(speed * np.sin(angle)),
                float(turn),
                float(growth),
            )
        )
    return movers


def make_shot(recipe: Recipe, draw: np.random.Generator) -> tuple[list[Layer], Floats, list[Mover]]:
    """Build a shot: its layers (the background first), the camera's path (T, 3, 3), and its objects."""
    side = float(min(recipe.width, recipe.height))
    times_s = np.arange(recipe.frames) / recipe.fps
    movers = draw_movers(recipe, draw)
    centre = (np.array([recipe.width, recipe.height]) - 1) / 2
    camera = camera_path(recipe.camera, times_s, side, centre, draw)
    if recipe.camera == "follow":
        camera[:, :2, 2] = -side * times_s[:, None] * (movers[0].speed_x, movers[0].speed_y)
    margin = int(side // 2)
    texture = background_texture(draw, recipe.height + 2 * margin, recipe.width + 2 * margin)
    shift = np.array([[1, 0, -margin], [0, 1, -margin], [0, 0, 1.0]])
    everywhere = np.ones(texture.shape[:2], np.float32)
    layers = [Layer(texture, everywhere, lambda x, y: np.ones(x.shape, bool), camera @ shift)]
    for mover in movers:
        texture_side = int(2.1 * max(mover.radius_x, mover.radius_y)) + 4
        middle = np.full(2, (texture_side - 1) / 2)
        path = (
            np.array([mover.x, mover.y]) + side * times_s[:, None] * (mover.speed_x, mover.speed_y) - middle
        )
        own = similarity(middle, path, mover.turn * times_s, np.exp(mover.growth * times_s))
        texture = object_texture(draw, texture_side, mover.colour)
        layers.append(object_layer(texture, mover.shape, mover.radius_x, mover.radius_y, camera @ own))
    return layers, camera, movers


def mean_speed(truth: Truth, camera: Floats) -> NDArray[np.float32]:
    """Average each track's step length (N,) over the first `SPEED_FRAMES`, without the camera's motion."""
    still = apply_homographies(np.linalg.inv(camera).astype(np.float64), truth.tracks)[:SPEED_FRAMES]
    return np.asarray(np.linalg.norm(np.diff(still, axis=0), axis=2).mean(axis=0), np.float32)


def join_truth(shots: list[tuple[Truth, Floats]]) -> dict[str, NDArray[np.generic]]:
    """Lay the shots' truth one after the other: a point of one shot is hidden, and rests, in the others.

    `background_motion` starts anew with every shot: it maps from the shot's first frame.
    """
    lengths = [len(truth.tracks) for truth, _ in shots]
    total = sum(lengths)
    parts: dict[str, list[NDArray[np.generic]]] = {name: [] for name in ("queries", "tracks", "visible")}
    for number, (truth, _) in enumerate(shots):
        before = sum(lengths[:number])
        pad = (before, total - before - lengths[number])
        parts["queries"].append(truth.queries + np.array([before, 0, 0], np.float32))
        parts["tracks"].append(np.pad(truth.tracks, (pad, (0, 0), (0, 0)), mode="edge"))
        parts["visible"].append(np.pad(truth.visible, (pad, (0, 0))))
    return {
        "queries": np.concatenate(parts["queries"]),
        "tracks": np.concatenate(parts["tracks"], axis=1),
        "visible": np.concatenate(parts["visible"], axis=1),
        "layer": np.concatenate([truth.layer for truth, _ in shots]),
        "background_motion": np.concatenate([camera for _, camera in shots]).astype(np.float32),
        "speed_px_per_frame": np.concatenate([mean_speed(truth, camera) for truth, camera in shots]),
    }


def encode_video(path: Path, frames: NDArray[np.uint8], fps: int) -> None:
    """Write frames (T, H, W, 3) as H.264."""
    with av.open(str(path), "w", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("libx264", rate=Fraction(fps), options=X264)
        stream.width, stream.height = frames.shape[2], frames.shape[1]
        stream.pix_fmt = "yuv420p"
        for picture in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def write_video(folder: Path, recipe: Recipe, seed: int) -> Path:
    """Write the video of a recipe and its truth; return the video's path."""
    draw = generator_of(f"{seed}-{recipe.name}", "sample video")
    pictures, truths, told = [], [], []
    for _ in range(recipe.shots):
        layers, camera, movers = make_shot(recipe, draw)
        for frame in range(recipe.frames):
            picture = draw_frame(layers, frame, recipe.width, recipe.height)
            picture += GRAIN * draw.standard_normal(picture.shape[:2], dtype=np.float32)[..., None]
            pictures.append(np.clip(np.rint(picture), 0, 255).astype(np.uint8))
        truths.append((true_tracks(layers, recipe.width, recipe.height), camera))
        told.append(movers)
    video = folder / "videos" / f"{recipe.name}.mp4"
    truth = folder / "truth" / f"{recipe.name}.npz"
    for path in (video, truth):
        path.parent.mkdir(parents=True, exist_ok=True)
    encode_video(video, np.stack(pictures), recipe.fps)
    np.savez_compressed(truth, allow_pickle=False, **join_truth(truths))
    about = {
        **asdict(recipe),
        "instruction": next((m.caption for m in told[0] if m.moves), told[0][0].caption),
        "cuts": [recipe.frames * number for number in range(1, recipe.shots)],
        "shot_objects": [
            [{**asdict(m), "moves": m.moves, "caption": m.caption} for m in shot] for shot in told
        ],
    }
    truth.with_suffix(".json").write_text(
        json.dumps(about, indent=1, sort_keys=True) + "\n", encoding="utf-8"
    )
    return video


def write_videos(folder: Path, count: int, seed: int) -> list[Path]:
    """Write `count` varied videos and their truth; return the videos."""
    return [write_video(folder, recipe_of(index, seed), seed) for index in range(count)]
