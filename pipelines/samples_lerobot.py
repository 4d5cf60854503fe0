"""The made-up robot episodes as a LeRobot v2.1 data set, with their truth beside it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from somtom.pipelines.samples_robot import (
    CAMERAS,
    DIMENSIONS,
    FPS,
    Episode,
    draw_episode,
    make_episode,
    pixel_tracks,
    table_texture,
)
from somtom.pipelines.samples_videos import encode_video
from somtom.schemas.keys import generator_of

DATA_PATH = "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet"
VIDEO_PATH = "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4"
COUNTERS = ("frame_index", "episode_index", "index", "task_index")


def write_robot(folder: Path, count: int, seed: int) -> list[Path]:
    """Write `count` episodes under `folder`/robot; return the files of rows and videos.

    Their truth is `folder`/truth/robot/episode_NNNNNN.npz (actions, states, and the pixel tracks of the
    gripper and the object in each camera) and .json (the instruction and the objects).
    """
    root, truth = folder / "robot", folder / "truth" / "robot"
    written: list[Path] = []
    lines: list[dict[str, Any]] = []
    statistics: list[dict[str, Any]] = []
    tasks: list[str] = []
    first_row = 0
    for index in range(count):
        draw = generator_of(f"{seed}-{index}", "sample episode")
        episode = make_episode(draw)
        if episode.instruction not in tasks:
            tasks.append(episode.instruction)
        columns = _columns(episode, index, first_row, tasks.index(episode.instruction))
        files = [root / DATA_PATH.format(episode_chunk=0, episode_index=index)]
        _write_rows(files[0], columns)
        table, pictures = table_texture(draw), {}
        for name in CAMERAS:
            key = _camera_key(name)
            pictures[key] = draw_episode(episode, name, table, draw)
            files.append(root / VIDEO_PATH.format(episode_chunk=0, video_key=key, episode_index=index))
            files[-1].parent.mkdir(parents=True, exist_ok=True)
            encode_video(files[-1], pictures[key], FPS)
        written += files
        length = len(episode.states)
        first_row += length
        lines.append({"episode_index": index, "tasks": [episode.instruction], "length": length})
        statistics.append({"episode_index": index, "stats": _statistics(columns, pictures)})
        _write_truth(truth / f"episode_{index:06d}.npz", episode)
    meta = root / "meta"
    meta.mkdir(parents=True, exist_ok=True)
    _write_json(meta / "info.json", _info(count, first_row, len(tasks)))
    _write_lines(meta / "episodes.jsonl", lines)
    _write_lines(meta / "episodes_stats.jsonl", statistics)
    _write_lines(meta / "tasks.jsonl", [{"task_index": n, "task": text} for n, text in enumerate(tasks)])
    return written


def _camera_key(name: str) -> str:
    return f"observation.images.{name}"


def _columns(episode: Episode, index: int, first_row: int, task: int) -> dict[str, NDArray[Any]]:
    steps = np.arange(len(episode.states))
    counters = (steps, np.full_like(steps, index), first_row + steps, np.full_like(steps, task))
    return {
        "action": episode.actions,
        "observation.state": episode.states.astype(np.float32),
        "timestamp": (steps / FPS).astype(np.float32),
        **dict(zip(COUNTERS, counters, strict=True)),
    }


def _write_rows(path: Path, columns: dict[str, NDArray[Any]]) -> None:
    arrays = {
        name: pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])
        if values.ndim == 2
        else pa.array(values)
        for name, values in columns.items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(arrays), path)


def _statistics(
    columns: dict[str, NDArray[Any]], pictures: dict[str, NDArray[np.uint8]]
) -> dict[str, dict[str, list[Any]]]:
    """Of every column by dimension, and of every camera by colour (0 to 1), in the form of v2.1."""
    found = {}
    for name, values in columns.items():
        table = values.reshape(len(values), -1).astype(np.float64)
        found[name] = {
            "min": table.min(axis=0).tolist(),
            "max": table.max(axis=0).tolist(),
            "mean": table.mean(axis=0).tolist(),
            "std": table.std(axis=0).tolist(),
            "count": [len(values)],
        }
    shades = np.arange(256) / 255
    for name, frames in pictures.items():
        counts = np.stack([np.bincount(frames[..., colour].ravel(), minlength=256) for colour in range(3)])
        share = counts / counts.sum(axis=1, keepdims=True)
        mean = share @ shades
        seen = [shades[one > 0] for one in counts]
        found[name] = {
            "min": [[[one.min()]] for one in seen],
            "max": [[[one.max()]] for one in seen],
            "mean": mean.reshape(3, 1, 1).tolist(),
            "std": np.sqrt(share @ shades**2 - mean**2).reshape(3, 1, 1).tolist(),
            "count": [len(frames)],
        }
    return found


def _info(episodes: int, frames: int, tasks: int) -> dict[str, Any]:
    vector = {"dtype": "float32", "shape": [len(DIMENSIONS)], "names": list(DIMENSIONS)}
    videos = {
        _camera_key(name): {
            "dtype": "video",
            "shape": [height, width, 3],
            "names": ["height", "width", "channels"],
            "info": {"video.fps": FPS, "video.codec": "h264", "video.pix_fmt": "yuv420p", "has_audio": False},
        }
        for name, (width, height) in CAMERAS.items()
    }
    return {
        "codebase_version": "v2.1",
        "robot_type": "drawn",
        "fps": FPS,
        "total_episodes": episodes,
        "total_frames": frames,
        "total_tasks": tasks,
        "total_videos": episodes * len(CAMERAS),
        "total_chunks": 1,
        "chunks_size": 1000,
        "splits": {"train": f"0:{episodes}"},
        "data_path": DATA_PATH,
        "video_path": VIDEO_PATH,
        "features": {
            "action": vector,
            "observation.state": vector,
            **videos,
            "timestamp": {"dtype": "float32", "shape": [1], "names": None},
            **{name: {"dtype": "int64", "shape": [1], "names": None} for name in COUNTERS},
        },
    }


def _write_truth(path: Path, episode: Episode) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tracks = {name: track for camera in CAMERAS for name, track in pixel_tracks(episode, camera).items()}
    np.savez_compressed(
        path,
        allow_pickle=False,
        actions=episode.actions,
        states=episode.states.astype(np.float32),
        carried=episode.carried,
        **tracks,
    )
    objects = [vars(thing) | {"name": thing.name} for thing in episode.things]
    _write_json(path.with_suffix(".json"), {"instruction": episode.instruction, "objects": objects})


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


def _write_lines(path: Path, records: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(one) + "\n" for one in records), encoding="utf-8")
