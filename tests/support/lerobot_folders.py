"""Small LeRobot data sets: numbered pictures, and values that follow from episode and step."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numbered_videos import draw, even, write
from PIL import Image

FPS = 20
CAMERA = "observation.images.front"
SECOND = "observation.images.wrist"
TASKS = ("open the drawer", "close the drawer")
Rows = dict[str, Any]


def action_of(episode: int, step: int) -> list[float]:
    return [episode + step / 100, -step / 10, 0.5]


def rows_of(episode: int, length: int, first_index: int = 0) -> Rows:
    """Columns of one episode; its task changes halfway."""
    steps = range(length)
    return {
        "action": pa.array([action_of(episode, step) for step in steps], pa.list_(pa.float32(), 3)),
        "observation.state": pa.array([[episode, step] for step in steps], pa.list_(pa.float64())),
        "timestamp": pa.array([step / FPS for step in steps], pa.float32()),
        "frame_index": pa.array(steps, pa.int64()),
        "episode_index": pa.array([episode] * length, pa.int64()),
        "index": pa.array(range(first_index, first_index + length), pa.int64()),
        "task_index": pa.array([int(2 * step >= length) for step in steps], pa.int64()),
    }


def info_of(version: str, **changes: Any) -> dict[str, Any]:
    shared = version == "v3.0"
    video = {"dtype": "video", "shape": [96, 128, 3], "names": ["height", "width", "channel"]}
    info = {
        "codebase_version": version,
        "fps": FPS,
        "chunks_size": 1000,
        "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
        if shared
        else "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet",
        "video_path": "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
        if shared
        else "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4",
        "features": {
            CAMERA: {**video, "info": {"video.codec": "h264"}},
            SECOND: video,
            "action": {"dtype": "float32", "shape": [3], "names": {"motors": ["x", "y", "grip"]}},
            "observation.state": {"dtype": "float64", "shape": [2], "names": None},
        },
    }
    return info | changes


def write_json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def write_lines(path: Path, values: list[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in values))


def write_table(path: Path, columns: Rows, **options: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path, **options)


def write_video(path: Path, frames: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, even(frames, 1000 // FPS))


def write_v21(
    folder: Path,
    lengths: dict[int, int],
    change: Callable[[Rows], Rows] = lambda rows: rows,
    **info: Any,
) -> Path:
    """A file an episode: lengths by number; `change` is done to each episode's columns."""
    write_json(folder / "meta" / "info.json", info_of("v2.1", **info))
    write_lines(
        folder / "meta" / "episodes.jsonl",
        [{"episode_index": number, "tasks": [TASKS[0]], "length": size} for number, size in lengths.items()],
    )
    write_lines(
        folder / "meta" / "tasks.jsonl",
        [{"task_index": number, "task": text} for number, text in enumerate(TASKS)],
    )
    for number, length in lengths.items():
        chunk = f"chunk-{number // 1000:03d}"
        name = f"episode_{number:06d}"
        write_table(folder / "data" / chunk / f"{name}.parquet", change(rows_of(number, length)))
        for camera in (CAMERA, SECOND):
            write_video(folder / "videos" / chunk / camera / f"{name}.mp4", length)
    return folder


def write_v30(folder: Path, lengths: list[int], row_group: int = 1000, **info: Any) -> Path:
    """All episodes in one file of rows and one video a camera, whose pictures are numbered throughout."""
    write_json(folder / "meta" / "info.json", info_of("v3.0", **info))
    starts = np.cumsum([0, *lengths])
    tables = [pa.table(rows_of(number, length, int(starts[number]))) for number, length in enumerate(lengths)]
    data = folder / "data" / "chunk-000" / "file-000.parquet"
    data.parent.mkdir(parents=True)
    pq.write_table(pa.concat_tables(tables), data, row_group_size=row_group)
    zeros = [0] * len(lengths)
    index: Rows = {
        "episode_index": range(len(lengths)),
        "tasks": [list(TASKS)] * len(lengths),
        "length": lengths,
        "data/chunk_index": zeros,
        "data/file_index": zeros,
        "dataset_from_index": starts[:-1],
        "dataset_to_index": starts[1:],
    }
    for camera in (CAMERA, SECOND):
        write_video(folder / "videos" / camera / "chunk-000" / "file-000.mp4", int(starts[-1]))
        index |= {
            f"videos/{camera}/chunk_index": zeros,
            f"videos/{camera}/file_index": zeros,
            f"videos/{camera}/from_timestamp": starts[:-1] / FPS,
            f"videos/{camera}/to_timestamp": starts[1:] / FPS,
        }
    write_table(folder / "meta" / "episodes" / "chunk-000" / "file-000.parquet", index)
    write_table(folder / "meta" / "tasks.parquet", {"task_index": [0, 1], "__index_level_0__": list(TASKS)})
    return folder


def png_of(number: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(draw(number)).save(file, "PNG")
    return file.getvalue()
