"""Bad and hostile HDF5 files: one reject each, nothing outside of the file is touched."""

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from drawn_hdf5 import CLIPS, draw_pictures, read, reason_of, scan, why, write_aloha, write_demos
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from somtom.schemas.clips import Clip
from somtom.schemas.reasons import DataError
from somtom.sources.aloha import AlohaSource
from somtom.sources.robomimic import RobomimicSource


def remake(file: Any, name: str, **form: Any) -> Any:
    del file[name]
    return file.create_dataset(name, **form)


def link_out(file: Any) -> None:
    del file["data/demo_0/actions"]
    file["data/demo_0/actions"] = h5py.ExternalLink("other.hdf5", "/data/demo_0/actions")


def link_camera_out(file: Any) -> None:
    file["data/demo_0/obs/more_image"] = h5py.ExternalLink("other.hdf5", "/data")


def link_through_soft(file: Any) -> None:
    file["out"] = h5py.ExternalLink("other.hdf5", "/data")
    del file["data/demo_0/actions"]
    file["data/demo_0/actions"] = h5py.SoftLink("/out/demo_0/actions")


def link_in_circles(file: Any) -> None:
    del file["data/demo_0/actions"]
    file["data/demo_0/actions"] = h5py.SoftLink("/data/demo_0/b")
    file["data/demo_0/b"] = h5py.SoftLink("actions")


def store_outside(file: Any) -> None:
    storage = [("/etc/passwd", 0, 9 * 7 * 8)]
    remake(file, "data/demo_0/actions", shape=(9, 7), dtype="f8", external=storage)


def make_virtual(file: Any) -> None:
    layout = h5py.VirtualLayout(shape=(9, 7), dtype="f8")
    layout[:] = h5py.VirtualSource("other.hdf5", "data/demo_0/actions", shape=(9, 7))
    del file["data/demo_0/actions"]
    file.create_virtual_dataset("data/demo_0/actions", layout)


def inflate(file: Any) -> None:
    zeros = zlib.compressobj(9)
    blocks = [zeros.compress(bytes(1 << 20)) + zeros.flush(zlib.Z_FULL_FLUSH) for _ in range(2)]
    stream = blocks[0] + 600 * blocks[1]
    made = remake(file, "data/demo_0/actions", shape=(9, 7), dtype="f8", chunks=(9, 7), compression="gzip")
    made.id.write_direct_chunk((0, 0), stream)


def nan_action(file: Any) -> None:
    file["data/demo_0/actions"][0, 3] = np.nan


ACTIONS, CAMERA = "data/demo_0/actions", "data/demo_0/obs/agentview_image"
HOSTILE: dict[str, tuple[Callable[[Any], Any], str]] = {
    "a link to another file": (link_out, "unsafe_path"),
    "a camera that is a link to another file": (link_camera_out, "unsafe_path"),
    "a soft link through one to another file": (link_through_soft, "unsafe_path"),
    "links in circles": (link_in_circles, "unreadable"),
    "values in another file": (store_outside, "unsafe_path"),
    "a virtual dataset": (make_virtual, "unsafe_path"),
    "a chunk that inflates to 600 MiB": (inflate, "too_large"),
    "2^40 actions": (
        lambda file: remake(file, ACTIONS, shape=(1 << 40, 7), dtype="f8", chunks=(1024, 7)),
        "too_large",
    ),
    "a chunk of 1 GiB": (
        lambda file: remake(
            file, ACTIONS, shape=(9, 7), maxshape=(1 << 30, 7), dtype="f8", chunks=(1 << 24, 7)
        ),
        "too_large",
    ),
    "pictures of 2^40 pixels": (
        lambda file: remake(file, CAMERA, shape=(9, 1 << 20, 1 << 20, 3), dtype="u1", chunks=(1, 64, 64, 3)),
        "too_large",
    ),
    "pictures of one pixel a chunk": (
        lambda file: remake(file, CAMERA, shape=(9, 1000, 1000, 3), dtype="u1", chunks=(1, 1, 1, 1)),
        "too_large",
    ),
    "actions of no length": (
        lambda file: remake(file, ACTIONS, shape=(9,), dtype=h5py.vlen_dtype(np.float64)),
        "bad_action",
    ),
    "actions of text": (lambda file: remake(file, ACTIONS, data=np.full((9, 7), b"x")), "bad_action"),
    "actions of three dimensions": (
        lambda file: remake(file, ACTIONS, data=np.zeros((9, 7, 1))),
        "bad_action",
    ),
    "complex actions": (lambda file: remake(file, ACTIONS, data=np.zeros((9, 7), complex)), "bad_action"),
    "null actions": (lambda file: remake(file, ACTIONS, data=h5py.Empty("f8")), "bad_action"),
    "actions of no dimensions": (
        lambda file: remake(file, ACTIONS, data=np.zeros((9, 0))),
        "bad_action",
    ),
    "no actions": (lambda file: file.__delitem__(ACTIONS), "bad_action"),
    "an action that is not a number": (nan_action, "bad_action"),
    "an empty demonstration": (lambda file: remake(file, ACTIONS, data=np.zeros((0, 7))), "bad_record"),
    "fewer pictures than actions": (
        lambda file: remake(file, CAMERA, data=draw_pictures(5, 0)),
        "bad_record",
    ),
    "no pictures": (lambda file: file.__delitem__("data/demo_0/obs"), "missing_camera"),
    "pictures of floats": (
        lambda file: (
            remake(file, CAMERA, data=np.zeros((9, 48, 48, 3), np.float32)),
            file.__delitem__("data/demo_0/obs/robot0_eye_in_hand_image"),
        ),
        "missing_camera",
    ),
    "tiny pictures": (lambda file: remake(file, CAMERA, data=draw_pictures(9, 0)[:, :8, :8]), "too_small"),
    "env_args that is no JSON": (lambda file: file["data"].attrs.modify("env_args", "{"), "bad_record"),
    "env_args that is a number": (lambda file: file["data"].attrs.create("env_args", 3.5), "bad_record"),
    "a demonstration that is no group": (
        lambda file: (file.__delitem__("data/demo_0"), file.__setitem__("data/demo_0", np.zeros(3))),
        "bad_record",
    ),
    "no demonstration": (lambda file: file.__delitem__("data/demo_0"), "bad_record"),
    "no data": (lambda file: file.__delitem__("data"), "bad_record"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_bad_files_give_one_reject_with_its_reason(tmp_path: Path, name: str) -> None:
    write_demos(tmp_path / "other.hdf5", {"demo_0": 9})
    path = write_demos(tmp_path / "a.hdf5", {"demo_0": 9})
    change, reason = HOSTILE[name]
    with h5py.File(path, "r+") as file:
        change(file)
    source = RobomimicSource(str(path))
    assert len(list(source.items(0))) == 1
    assert reason_of(source) == reason


def test_a_soft_link_inside_the_file_is_followed(tmp_path: Path) -> None:
    path = write_demos(tmp_path / "a.hdf5", {"demo_0": 9})
    with h5py.File(path, "r+") as file:
        file["data/demo_0"].move("actions", "kept")
        file["data/demo_0/actions"] = h5py.SoftLink("kept")
    assert reason_of(RobomimicSource(str(path))) == ""


def test_a_padded_row_without_a_picture_is_a_corrupt_frame(tmp_path: Path) -> None:
    path = write_aloha(tmp_path / "a.hdf5", "padded")
    with h5py.File(path, "r+") as file:
        rows = file["observations/images/cam_high"]
        rows[0] = 0
        rows[4, rows.shape[1] // 2 :] = 0
    got = read(AlohaSource(str(path)))

    assert why(got) == ["corrupt_frame", "undecodable"]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(share=st.floats(0, 1), flips=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=6))
def test_a_cut_or_damaged_file_raises_nothing_else(
    tmp_path: Path, share: float, flips: list[tuple[float, int]]
) -> None:
    whole = tmp_path / "whole.h5"
    if not whole.exists():
        write_demos(whole, {"demo_0": 4})
    data = bytearray(whole.read_bytes())
    data = data[: int(share * len(data))] if share < 0.7 else data
    for place, value in flips if data else []:
        data[int(place * (len(data) - 1))] = value
    (tmp_path / "a.hdf5").write_bytes(data)
    source = RobomimicSource(str(tmp_path / "a.hdf5"))
    for item in source.items(0):
        for _, clip in source.read(scan(source, item).refs, CLIPS):
            assert isinstance(clip, Clip | DataError)


def test_a_real_file_that_is_cut_is_one_reject(test_data: Path) -> None:
    path = test_data / "hostile/robot/hdf5_truncated.hdf5"
    assert reason_of(AlohaSource(str(path))) == "unreadable"
    assert reason_of(RobomimicSource(str(path))) == "unreadable"
