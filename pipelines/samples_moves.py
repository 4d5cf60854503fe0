"""Made-up clips to learn from: small, many, and with nothing to learn but what the instruction and looks say.

DIR/moves/train.csv and val.csv name the clips DIR/moves/SPLIT/NNNNNN.mp4 with their instructions;
DIR/truth/moves/SPLIT.jsonl has a line for each: what the scene holds, which things go and where to, and how
the camera moved. DIR/moves/digits/digits.json and DIR/moves/stills/stills.json have three times as many still
pictures each, with questions about what they show, all for training.
"""

import csv
import json
import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from somtom.pipelines.samples_moves_plan import (
    DIRECTIONS,
    SIDE,
    Scene,
    scene_of,
)
from somtom.pipelines.samples_moves_stills import (
    SORTS,
    STILLS_A_CLIP,
    mark_still,
    still_of,
)
from somtom.pipelines.samples_scene import Layer, background_texture, draw_frame, object_layer, object_texture
from somtom.pipelines.samples_videos import camera_path, encode_video, similarity
from somtom.schemas.keys import generator_of
from somtom.schemas.pictures import encode_jpeg

Floats = NDArray[np.float64]
FPS = 15
FRAMES = 17
MARGIN = 32  # pixels of background drawn around the picture; beyond it is mirrored
BACKGROUND_COLOUR = 0.25  # of its colourfulness left, so that no patch of it passes for a thing
JPEG_QUALITY = 92
CLIPS_A_PROCESS = 50  # fewer do not pay for another process


def travelled(frames: int = FRAMES) -> Floats:
    """Share of its way that a thing has gone in each frame: it starts from rest and comes to rest.

    >>> travelled(5).tolist()
    [0.0, 0.15625, 0.5, 0.84375, 1.0]
    """
    time = np.linspace(0, 1, frames)
    return time**2 * (3 - 2 * time)


def write_moves(folder: Path, count: int, seed: int) -> list[Path]:
    """Write `count` clips and the stills, their tables and their truth; return all but the truth."""
    truths = _each(partial(_write_clip, folder, seed), count)
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
    for sort in SORTS:
        stills = folder / "moves" / sort
        stills.mkdir(exist_ok=True)
        records = _each(partial(_write_still, stills, sort, seed), STILLS_A_CLIP * count)
        table = stills / f"{sort}.json"
        table.write_text(json.dumps(records, indent=1) + "\n", encoding="utf-8")
        written += [*(stills / record["image"] for record in records), table]
    return written


def _each(write: Callable[[int], dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """Call `write` with each number below `count`, in several processes where that pays."""
    processes = min(os.cpu_count() or 1, count // CLIPS_A_PROCESS)
    if processes < 2:
        return [write(number) for number in range(count)]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        return list(pool.map(write, range(count), chunksize=8))


def _write_still(folder: Path, sort: str, seed: int, number: int) -> dict[str, Any]:
    """Write one still picture and return its record, as LLaVA has them."""
    still = still_of(sort, number, seed)
    draw = generator_of(f"{seed}-{number}", f"picture of sample {sort}")
    picture = mark_still(draw_scene(still.scene, np.eye(3)[None], draw)[0], still.marks)
    name = f"{number:06d}.jpg"
    (folder / name).write_bytes(encode_jpeg(picture, JPEG_QUALITY))
    turns = [text for pair in still.asked for text in pair]
    turns[0] = f"<image>\n{turns[0]}"
    said = [{"from": ("human", "gpt")[place % 2], "value": text} for place, text in enumerate(turns)]
    return {"id": f"{sort}-{number:06d}", "image": name, "conversations": said}


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
    """Draw a scene's first frames (T, H, W, 3) as the camera (T, 3, 3) sees them.

    What moves passes over what rests.
    """
    texture = background_texture(draw, SIDE + 2 * MARGIN, SIDE + 2 * MARGIN)
    grey = texture.mean(axis=2, keepdims=True)
    texture = grey + np.float32(BACKGROUND_COLOUR) * (texture - grey)
    shift = np.array([[1, 0, -MARGIN], [0, 1, -MARGIN], [0, 0, 1.0]])
    everywhere = np.ones(texture.shape[:2], np.float32)
    layers = [Layer(texture, everywhere, lambda x, y: np.ones(x.shape, bool), camera @ shift)]
    frames = len(camera)
    share = travelled()[:frames]
    for thing in sorted(scene.things, key=lambda thing: thing.moves):
        side = int(2.1 * thing.radius) + 4
        middle = np.full(2, (side - 1) / 2)
        path = np.array([thing.x, thing.y]) - middle + share[:, None] * (thing.goes_x, thing.goes_y)
        ahead = DIRECTIONS.get(thing.points, (1, 0))
        turn = np.full(frames, np.arctan2(ahead[1], ahead[0]))
        own = similarity(middle, path, turn, np.ones(frames))
        texture = object_texture(draw, side, thing.colour, thing.shade)
        layers.append(object_layer(texture, thing.shape, thing.radius, thing.radius, camera @ own))
    pictures = [draw_frame(layers, frame, SIDE, SIDE) for frame in range(frames)]
    return np.clip(np.rint(np.stack(pictures)), 0, 255).astype(np.uint8)
