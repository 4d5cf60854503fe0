"""Made-up clips to learn from: small, many, and with nothing to learn but what the instruction and looks say.

DIR/moves/train.csv and val.csv name the clips DIR/moves/SPLIT/NNNNNN.mp4 with their instructions;
DIR/truth/moves/SPLIT.jsonl has a line for each: what the scene holds, which things go and where to, and how
the camera moved.
"""

import csv
import json
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from somtom.pipelines.samples_moves_plan import DIRECTIONS, SIDE, Scene, scene_of
from somtom.pipelines.samples_scene import Layer, background_texture, draw_frame, object_layer, object_texture
from somtom.pipelines.samples_videos import camera_path, encode_video, similarity
from somtom.schemas.keys import generator_of

Floats = NDArray[np.float64]
FPS = 15
FRAMES = 17
MARGIN = 48  # pixels of background drawn around the picture; beyond it is mirrored
BACKGROUND_COLOUR = 0.25  # of its colourfulness left, so that no patch of it passes for a thing
CLIPS_A_PROCESS = 50  # fewer do not pay for another process


def travelled(frames: int = FRAMES) -> Floats:
    """Share of its way that a thing has gone in each frame: it starts from rest and comes to rest.

    >>> travelled(5).tolist()
    [0.0, 0.15625, 0.5, 0.84375, 1.0]
    """
    time = np.linspace(0, 1, frames)
    return time**2 * (3 - 2 * time)


def write_moves(folder: Path, count: int, seed: int) -> list[Path]:
    """Write `count` clips, their tables and their truth; return the clips and the tables."""
    write = partial(_write_clip, folder, seed)
    processes = min(os.cpu_count() or 1, count // CLIPS_A_PROCESS)
    if processes > 1:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(processes, context, initializer=cv2.setNumThreads, initargs=(1,)) as pool:
            truths = list(pool.map(write, range(count), chunksize=8))
    else:
        truths = [write(index) for index in range(count)]
    written = [folder / "moves" / f"{truth['name']}.mp4" for truth in truths]
    for split in dict.fromkeys(truth["split"] for truth in truths):
        of_split = [truth for truth in truths if truth["split"] == split]
        table = folder / "moves" / f"{split}.csv"
        with table.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(("video", "start_s", "stop_s", "text"))
            stop_s = round(FRAMES / FPS, 3)
            rows.writerows((f"{one['name']}.mp4", 0.0, stop_s, one["instruction"]) for one in of_split)
        truth_file = folder / "truth" / "moves" / f"{split}.jsonl"
        truth_file.parent.mkdir(parents=True, exist_ok=True)
        truth_file.write_text("".join(json.dumps(one) + "\n" for one in of_split), encoding="utf-8")
        written.append(table)
    return written


def _write_clip(folder: Path, seed: int, index: int) -> dict[str, Any]:
    """Write one clip and return its truth."""
    scene = scene_of(index, seed)
    camera = camera_of(scene, generator_of(f"{seed}-{index}", "sample move's camera"))
    frames = draw_scene(scene, camera, generator_of(f"{seed}-{index}", "sample move's pictures"))
    path = folder / "moves" / f"{scene.name}.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    encode_video(path, frames, FPS)
    return {**asdict(scene), "camera_path": np.round(camera.reshape(FRAMES, 9), 6).tolist()}


def camera_of(scene: Scene, draw: np.random.Generator) -> Floats:
    """Choose how the scene's camera goes: (T, 3, 3), background of frame 0 to each frame."""
    centre = np.full(2, (SIDE - 1) / 2)
    return camera_path(scene.camera, np.arange(FRAMES) / FPS, float(SIDE), centre, draw)


def draw_scene(scene: Scene, camera: Floats, draw: np.random.Generator) -> NDArray[np.uint8]:
    """Draw a scene's frames (T, H, W, 3) as the camera sees them; what moves passes over what rests."""
    texture = background_texture(draw, SIDE + 2 * MARGIN, SIDE + 2 * MARGIN)
    grey = texture.mean(axis=2, keepdims=True)
    texture = grey + np.float32(BACKGROUND_COLOUR) * (texture - grey)
    shift = np.array([[1, 0, -MARGIN], [0, 1, -MARGIN], [0, 0, 1.0]])
    everywhere = np.ones(texture.shape[:2], np.float32)
    layers = [Layer(texture, everywhere, lambda x, y: np.ones(x.shape, bool), camera @ shift)]
    share = travelled()
    for thing in sorted(scene.things, key=lambda thing: thing.moves):
        side = int(2.1 * thing.radius) + 4
        middle = np.full(2, (side - 1) / 2)
        path = np.array([thing.x, thing.y]) - middle + share[:, None] * (thing.goes_x, thing.goes_y)
        ahead = DIRECTIONS.get(thing.points, (1, 0))
        turn = np.full(FRAMES, np.arctan2(ahead[1], ahead[0]))
        own = similarity(middle, path, turn, np.ones(FRAMES))
        texture = object_texture(draw, side, thing.colour, thing.shade)
        layers.append(object_layer(texture, thing.shape, thing.radius, thing.radius, camera @ own))
    pictures = [draw_frame(layers, frame, SIDE, SIDE) for frame in range(FRAMES)]
    return np.clip(np.rint(np.stack(pictures)), 0, 255).astype(np.uint8)
