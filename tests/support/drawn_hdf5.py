"""HDF5 files of robot episodes, drawn in code, and what is read of them."""

import io
import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from somtom.schemas.clips import Clip
from somtom.schemas.reasons import DataError
from somtom.schemas.refs import Item, Scan
from somtom.schemas.settings import ClipSettings, ShotSettings
from somtom.sources.hdf5_episodes import Hdf5Source

CLIPS = ClipSettings(steps=2, step_s=0.01, cameras=1)


def draw_pictures(steps: int, seed: int, size: int = 48) -> NDArray[np.uint8]:
    """A texture that moves 2 px a step to the right; (T, size, size, 3)."""
    texture = np.random.default_rng(seed).integers(0, 256, (size // 4, size, 3), dtype=np.uint8)
    whole = np.repeat(np.repeat(texture, 4, axis=0), 4, axis=1)
    return np.stack([whole[:, 100 - 2 * step : 100 - 2 * step + size] for step in range(steps)])


def draw_actions(steps: int, dimensions: int, seed: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(size=(steps, dimensions))


def write_demos(path: Path, steps: dict[str, int], env: dict[str, Any] | None = None) -> Path:
    """A file of robomimic's layout with two cameras; the demonstrations' lengths by their names."""
    with h5py.File(path, "w") as file:
        data = file.create_group("data")
        # Bytes, not a str: texts of variable length are read by another process, which takes its time.
        data.attrs["env_args"] = np.bytes_(json.dumps(env or {"env_name": "Lift", "env_kwargs": {}}).encode())
        for seed, (name, count) in enumerate(steps.items()):
            demo = data.create_group(name)
            demo["actions"] = draw_actions(count, 7, seed)
            demo["obs/robot0_eef_pos"] = draw_actions(count, 3, seed + 100)
            demo["obs/robot0_gripper_qpos"] = draw_actions(count, 2, seed + 200)
            for camera, more in (("agentview_image", 0), ("robot0_eye_in_hand_image", 50)):
                pictures = draw_pictures(count, seed + more)
                demo.create_dataset(f"obs/{camera}", data=pictures, chunks=(1, 48, 48, 3), compression="gzip")
        file["mask/train"] = np.array(list(steps)[:1], dtype="S20")
        file["mask/valid"] = np.array(list(steps)[1:2], dtype="S20")
    return path


def write_libero(path: Path, words: object = "put the mug on the plate") -> Path:
    with h5py.File(path, "w") as file:
        data = file.create_group("data")
        data.attrs["problem_info"] = json.dumps({"language_instruction": words})
        data.attrs["env_args"] = np.bytes_(b'{"env_kwargs": {"control_freq": 20}}')
        demo = data.create_group("demo_0")
        demo["actions"] = draw_actions(6, 7, 1)
        for name, width in (("ee_states", 6), ("gripper_states", 2), ("joint_states", 7)):
            demo[f"obs/{name}"] = draw_actions(6, width, width)
        demo["obs/agentview_rgb"] = draw_pictures(6, 1)
        demo["obs/eye_in_hand_rgb"] = draw_pictures(6, 2)
    return path


def jpeg(picture: NDArray[np.uint8]) -> bytes:
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "JPEG", quality=95)
    return out.getvalue()


def write_aloha(path: Path, form: str = "raw") -> Path:
    """An episode with pictures as an array, as padded JPEG rows, or as rows of a bytes type."""
    with h5py.File(path, "w") as file:
        file.attrs["sim"] = False
        file.attrs["compress"] = form != "raw"
        file["action"] = draw_actions(6, 14, 1).astype(np.float32)
        file["observations/qpos"] = draw_actions(6, 14, 2).astype(np.float32)
        file["observations/qvel"] = draw_actions(6, 14, 3).astype(np.float32)
        for seed, camera in enumerate(("cam_high", "cam_low")):
            pictures = draw_pictures(6, seed)
            encoded = [jpeg(picture) for picture in pictures]
            longest = max(map(len, encoded)) + 7
            rows = np.stack([np.frombuffer(one.ljust(longest, b"\0"), np.uint8) for one in encoded])
            stored = {"raw": pictures, "padded": rows, "bytes": np.array(encoded, dtype=f"S{longest}")}
            file[f"observations/images/{camera}"] = stored[form]
    return path


def scan(source: Hdf5Source, item: Item, clips: ClipSettings = CLIPS) -> Scan:
    return source.scan(item, ShotSettings(), clips, 32)


def read(source: Hdf5Source, clips: ClipSettings = CLIPS) -> list[Clip | DataError]:
    """Every clip of the source's first item."""
    refs = scan(source, next(iter(source.items(0))), clips).refs
    return [clip for _, clip in source.read(refs, clips)]


def first_clip(source: Hdf5Source, clips: ClipSettings = CLIPS) -> Clip:
    clip = read(source, clips)[0]
    assert isinstance(clip, Clip), clip
    return clip


def why(got: list[Clip | DataError]) -> list[str]:
    return [one.reason if isinstance(one, DataError) else "" for one in got]


def reason_of(source: Hdf5Source) -> str:
    """Why the source's first item, or its first clip, gives no sample."""
    scanned = scan(source, next(iter(source.items(0))))
    if scanned.reject is not None:
        return scanned.reject.reason
    _, clip = next(iter(source.read(scanned.refs, CLIPS)))
    return clip.reason if isinstance(clip, DataError) else ""
