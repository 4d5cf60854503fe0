"""Made-up scenes: textured layers that move over a background, seen by a camera that may move.

Every layer is a plane with a homography per frame, so that the truth is exact: where each point goes,
and when another layer or the picture's border hides it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from somtom.tracking.grid import grid_queries
from somtom.tracking.homography import apply_homographies

Floats = NDArray[np.float64]


def _star(x: Floats, y: Floats) -> NDArray[np.bool_]:
    return np.asarray(np.hypot(x, y) < 0.68 + 0.32 * np.cos(5 * np.arctan2(x, -y)))


def _arrow(x: Floats, y: Floats) -> NDArray[np.bool_]:
    head = (x > -0.05) & (np.abs(y) < 0.9 * (1 - x))
    return np.asarray(head | ((x > -0.95) & (x < 0.1) & (np.abs(y) < 0.36)))


def _ring(x: Floats, y: Floats) -> NDArray[np.bool_]:
    return np.asarray((np.hypot(x, y) < 1) & (np.hypot(x, y) > 0.45))


# name -> is (x, y) inside? In units of the object's radius, y down
SHAPES: dict[str, Callable[[Floats, Floats], NDArray[np.bool_]]] = {
    "disc": lambda x, y: np.hypot(x, y) < 1,
    "square": lambda x, y: np.maximum(np.abs(x), np.abs(y)) < 0.85,
    "triangle": lambda x, y: (y < 0.75) & (1.9 * np.abs(x) - 0.95 < y),
    "star": _star,
    "ring": _ring,
    "cross": lambda x, y: (
        (np.minimum(np.abs(x), np.abs(y)) < 0.38) & (np.maximum(np.abs(x), np.abs(y)) < 0.95)
    ),
}
ARROW = "arrow"  # points to the right; no shape of `SHAPES`, where none has a direction
COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (214, 48, 42),
    "green": (48, 158, 66),
    "blue": (52, 88, 214),
    "yellow": (232, 198, 46),
    "purple": (138, 62, 176),
    "orange": (238, 132, 38),
    "white": (232, 232, 228),
    "black": (58, 58, 62),
}


@dataclass(frozen=True)
class Layer:
    """A textured plane.

    Args:
        texture: (h, w, 3) float32, 0 to 255.
        cover: (h, w) float32, 0 where the plane is see-through; the background's is 1 everywhere.
        inside: tells for texture coordinates x, y whether the plane is there.
        to_picture: (T, 3, 3): texture coordinates to the picture's pixels, for every frame.
    """

    texture: NDArray[np.float32]
    cover: NDArray[np.float32]
    inside: Callable[[Floats, Floats], NDArray[np.bool_]]
    to_picture: Floats


@dataclass(frozen=True)
class Truth:
    """Exact tracks of a scene; arrays as in the truth files (N queries on frame 0 of the scene)."""

    queries: NDArray[np.float32]
    tracks: NDArray[np.float32]
    visible: NDArray[np.bool_]
    layer: NDArray[np.int8]


def noise_texture(
    generator: np.random.Generator, height: int, width: int, finest: int = 2
) -> NDArray[np.float32]:
    """Make noise of several scales, (height, width) float32 of mean 0 and deviation 1."""
    total = np.zeros((height, width), np.float32)
    size = finest
    while size < max(height, width):
        coarse = generator.standard_normal((height // size + 2, width // size + 2), dtype=np.float32)
        total += np.float32(size**0.35) * cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        size *= 2
    return np.asarray((total - total.mean()) / total.std(), np.float32)


def object_texture(
    generator: np.random.Generator, side: int, colour: str, shade: float = 1.0
) -> NDArray[np.float32]:
    """Make the (side, side, 3) texture of an object whose colour a person would name `colour`.

    `shade` makes it darker (below 1) or brighter.
    """
    base = np.array(COLOURS[colour], np.float32) * np.float32(shade)
    light = noise_texture(generator, side, side)[..., None]
    spots = (noise_texture(generator, side, side, finest=max(side // 8, 2)) > 0.7)[..., None]
    return np.asarray(
        np.clip(base * (1 + 0.16 * light) + 14 * light + spots * (90 - base * 0.5), 0, 255), np.float32
    )


def background_texture(generator: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    """Make a muted (height, width, 3) texture: noise, and scattered tiles on some."""
    base = generator.uniform(95, 165, 3).astype(np.float32)
    picture = base + 9 * np.stack([noise_texture(generator, height, width) for _ in range(3)], axis=-1)
    picture += 16 * noise_texture(generator, height, width)[..., None]
    for _ in range(int(generator.integers(0, 60))):
        x, y = (int(v) for v in generator.integers(0, (width, height)))
        w, h = (int(v) for v in generator.integers(max(width // 40, 2), max(width // 8, 4), 2))
        picture[y : y + h, x : x + w] += generator.uniform(-40, 40, 3).astype(np.float32)
    return np.asarray(np.clip(picture, 0, 255), np.float32)


def object_layer(
    texture: NDArray[np.float32], shape: str, radius_x: float, radius_y: float, to_picture: Floats
) -> Layer:
    """Cut `shape` out of a texture whose centre is the object's; 4 x 4 samples a pixel smooth its edge."""
    height, width = texture.shape[:2]
    centre_x, centre_y = (width - 1) / 2, (height - 1) / 2
    outline = _arrow if shape == ARROW else SHAPES[shape]

    def inside(x: Floats, y: Floats) -> NDArray[np.bool_]:
        return outline((x - centre_x) / radius_x, (y - centre_y) / radius_y)

    offsets = (np.arange(4) - 1.5) / 4
    x = (np.arange(width)[:, None] + offsets).reshape(-1)
    y = (np.arange(height)[:, None] + offsets).reshape(-1)
    fine = inside(*np.meshgrid(x, y)).reshape(height, 4, width, 4)
    return Layer(texture, fine.mean(axis=(1, 3)).astype(np.float32), inside, to_picture)


def draw_frame(layers: list[Layer], frame: int, width: int, height: int) -> NDArray[np.float32]:
    """Draw the layers, the first one undermost, as (height, width, 3) float32, 0 to 255."""
    picture = np.zeros((height, width, 3), np.float32)
    for number, layer in enumerate(layers):
        matrix = layer.to_picture[frame]
        border = cv2.BORDER_REFLECT_101 if number == 0 else cv2.BORDER_CONSTANT
        texture = cv2.warpPerspective(
            layer.texture, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=border
        )
        if number == 0:
            picture = np.asarray(texture, np.float32)
            continue
        cover = cv2.warpPerspective(layer.cover, matrix, (width, height), flags=cv2.INTER_LINEAR)[..., None]
        edge = cv2.BORDER_REPLICATE  # colour beyond the texture must not darken the object's edge
        texture = cv2.warpPerspective(
            layer.texture, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=edge
        )
        picture = np.asarray(picture + (texture - picture) * cover, np.float32)
    return picture


def covers(layer: Layer, frame: int, xy: Floats) -> NDArray[np.bool_]:
    """Say which of the picture's points (N, 2) the layer covers in a frame."""
    place = apply_homographies(np.linalg.inv(layer.to_picture[frame]).astype(np.float64), xy)
    return layer.inside(place[:, 0], place[:, 1])


def true_tracks(layers: list[Layer], width: int, height: int, grid: int = 15) -> Truth:
    """Follow a grid x grid of points of frame 0 through the scene."""
    queries = grid_queries(width, height, grid)
    start = queries[:, 1:].astype(np.float64)
    owner = np.zeros(len(start), np.int8)
    for number, layer in enumerate(layers[1:], start=1):
        owner[covers(layer, 0, start)] = number
    frames = len(layers[0].to_picture)
    tracks = np.zeros((frames, len(start), 2))
    for number, layer in enumerate(layers):
        own = owner == number
        place = apply_homographies(np.linalg.inv(layer.to_picture[0]).astype(np.float64), start[own])
        tracks[:, own] = apply_homographies(layer.to_picture, place)
    last = np.array([width - 1, height - 1])
    visible = np.asarray(((tracks >= 0) & (tracks <= last)).all(axis=2), np.bool_)
    for frame in range(frames):
        for number, layer in enumerate(layers[1:], start=1):
            visible[frame] &= ~(covers(layer, frame, tracks[frame]) & (owner < number))
    return Truth(queries, tracks.astype(np.float32), visible, owner)
