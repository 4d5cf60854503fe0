"""Made-up solids on a table, seen by cameras of known pose: what the sample robot's pictures are drawn with.

World: metres, x to the right, y away from the viewer, z up; the table is z = 0. Rotations are 3 x 3 matrices.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
TEXELS_PER_M = 400.0  # of the table's texture, about what the cameras see of it
LIGHT = np.array([-0.35, -0.45, 0.82])  # direction to the light, of length 1
NEAR_M = 0.02  # what is nearer to the camera is not drawn
SHIFT_BITS = 4  # of the fractions that OpenCV draws with


@dataclass(frozen=True)
class Camera:
    """A pinhole camera; pixel (0, 0) is the centre of the top-left one.

    Args:
        position: (3,) in the world.
        axes: (3, 3): its rows are the directions right, down and forward.
        focal_px: focal length in pixels.
        width, height: of the picture.
    """

    position: Floats
    axes: Floats
    focal_px: float
    width: int
    height: int

    @cached_property
    def matrix(self) -> Floats:
        """The (3, 4) matrix that takes homogeneous points of the world to pixels."""
        inner = np.array(
            [
                [self.focal_px, 0, (self.width - 1) / 2],
                [0, self.focal_px, (self.height - 1) / 2],
                [0, 0, 1],
            ]
        )
        return np.asarray(inner @ np.column_stack([self.axes, -self.axes @ self.position]), np.float64)

    def see(self, points: Floats) -> tuple[Floats, Floats]:
        """Project points (..., 3) to pixels (..., 2); also gives their depth in metres (...)."""
        seen = points @ self.matrix[:, :3].T + self.matrix[:, 3]
        return seen[..., :2] / seen[..., 2:], seen[..., 2]


@dataclass(frozen=True)
class Solid:
    """A convex body: corners (N, 3), faces as indexes of corners in order, and an RGB colour, 0 to 255."""

    corners: Floats
    faces: tuple[tuple[int, ...], ...]
    colour: tuple[int, int, int]

    def placed(self, rotation: Floats, position: Floats) -> "Solid":
        """Turn it about the origin, then shift it."""
        return replace(self, corners=self.corners @ rotation.T + position)


def look_at(position: Floats, target: Floats, up: Floats) -> Floats:
    """Axes of a camera at `position` that looks at `target`; `up` is roughly what is up in its picture."""
    forward = (target - position) / np.linalg.norm(target - position)
    right = np.cross(forward, up)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(forward, right), forward])


def rotation_of(roll: float, pitch: float, yaw: float) -> Floats:
    """Turn about x by `roll`, then about y by `pitch`, then about z by `yaw`, in radians."""
    turns = []
    for angle, first, second in ((roll, 1, 2), (pitch, 2, 0), (yaw, 0, 1)):
        turn = np.eye(3)
        turn[first, first] = turn[second, second] = np.cos(angle)
        turn[second, first] = np.sin(angle)
        turn[first, second] = -np.sin(angle)
        turns.append(turn)
    return np.asarray(turns[2] @ turns[1] @ turns[0], np.float64)


def prism(sides: int, radius: float, height: float, colour: tuple[int, int, int], top: float = 1.0) -> Solid:
    """A body of `sides` side faces that stands on the origin; its upper end is `top` times as wide."""
    angles = 2 * np.pi * (np.arange(sides) + 0.5) / sides
    ring = np.stack([np.cos(angles), np.sin(angles), np.zeros(sides)], axis=1) * radius
    corners = np.concatenate([ring, ring * top + np.array([0, 0, height])])
    return Solid(corners, _prism_faces(sides), colour)


def beam(start: Floats, end: Floats, half_width: float, colour: tuple[int, int, int]) -> Solid:
    """A square beam from one point to another, which must differ."""
    along = (end - start) / np.linalg.norm(end - start)
    aside = np.cross(along, np.array([0.31, 0.17, 0.94]) if abs(along[2]) < 0.9 else np.array([1.0, 0, 0]))
    aside *= half_width / np.linalg.norm(aside)
    other = np.cross(along, aside)
    ring = np.stack([aside + other, aside - other, -aside - other, other - aside])
    return Solid(np.concatenate([start + ring, end + ring]), _prism_faces(4), colour)


def box(
    low: tuple[float, float, float], high: tuple[float, float, float], colour: tuple[int, int, int]
) -> Solid:
    """A box with its edges along the axes."""
    (x0, y0, z0), (x1, y1, z1) = low, high
    ring = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
    corners = np.concatenate([np.column_stack([ring, np.full(4, z)]) for z in (z0, z1)])
    return Solid(corners, _prism_faces(4), colour)


def draw_table(texture: NDArray[np.float32], camera: Camera) -> NDArray[np.uint8]:
    """Draw the table (h, w, 3) float32, whose middle is the world's origin, as a picture (H, W, 3)."""
    height, width = texture.shape[:2]
    to_world = np.array(
        [
            [1 / TEXELS_PER_M, 0, -(width - 1) / 2 / TEXELS_PER_M],
            [0, -1 / TEXELS_PER_M, (height - 1) / 2 / TEXELS_PER_M],
            [0, 0, 1],
        ]
    )
    plane = camera.matrix[:, [0, 1, 3]] @ to_world
    picture = cv2.warpPerspective(
        texture,
        plane,
        (camera.width, camera.height),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    return np.asarray(np.rint(picture), np.uint8)


def draw_shadows(picture: NDArray[np.uint8], solids: list[Solid], camera: Camera) -> None:
    """Darken, in place, the table right below the solids."""
    shade = np.zeros(picture.shape[:2], np.uint8)
    for solid in solids:
        ground = solid.corners * np.array([1, 1, 0])
        xy, depth = camera.see(ground)
        if depth.min() > NEAR_M:
            hull = cv2.convexHull(_fixed_point(xy))
            cv2.fillConvexPoly(shade, hull, 90, cv2.LINE_AA, SHIFT_BITS)
    soft = cv2.GaussianBlur(shade, (5, 5), 0)[..., None].astype(np.float32)
    picture[:] = np.rint(picture * (1 - soft / 255)).astype(np.uint8)


def draw_solids(picture: NDArray[np.uint8], solids: list[Solid], camera: Camera) -> None:
    """Draw the solids in place, the farthest face first; each face has a darker middle, to be followed by."""
    polygons: list[tuple[float, Floats, tuple[float, ...]]] = []
    for solid in solids:
        if camera.see(solid.corners)[1].min() < NEAR_M:
            continue
        middle = solid.corners.mean(axis=0)
        first, second, third = solid.corners[[face[:3] for face in solid.faces]].transpose(1, 0, 2)
        normals = np.cross(second - first, third - first)
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        normals *= np.sign(((first - middle) * normals).sum(axis=1, keepdims=True))
        faces_camera = ((camera.position - first) * normals).sum(axis=1) > 0
        for place in np.flatnonzero(faces_camera):
            corners = solid.corners[list(solid.faces[place])]
            centre = corners.mean(axis=0)
            away = float(np.linalg.norm(camera.position - centre))
            light = 0.62 + 0.38 * max(float(normals[place] @ LIGHT), 0.0)
            inner = centre + 0.5 * (corners - centre)
            polygons.append((away, corners, tuple(light * value for value in solid.colour)))
            polygons.append((away, inner, tuple(0.78 * light * value for value in solid.colour)))
    for _, corners, colour in sorted(polygons, key=lambda polygon: -polygon[0]):
        cv2.fillConvexPoly(picture, _fixed_point(camera.see(corners)[0]), colour, cv2.LINE_AA, SHIFT_BITS)


def _prism_faces(sides: int) -> tuple[tuple[int, ...], ...]:
    around = [(side, (side + 1) % sides, sides + (side + 1) % sides, sides + side) for side in range(sides)]
    return (tuple(range(sides)), tuple(range(sides, 2 * sides)), *around)


def _fixed_point(xy: Floats) -> NDArray[np.int32]:
    """Pixels as OpenCV's drawing wants them; far outside ones are held to what it can count."""
    return np.rint(np.clip(xy, -5000, 5000) * (1 << SHIFT_BITS)).astype(np.int32)
