"""Texts in HDF5 files: the same by whichever process, and a damaged heap is one reject."""

import struct
from pathlib import Path

import h5py
import numpy as np
import pytest
from drawn_hdf5 import reason_of, write_demos

from somtom.schemas.reasons import DataError
from somtom.sources.hdf5_files import dataset_at, open_hdf5
from somtom.sources.hdf5_texts import read_texts, text_attribute
from somtom.sources.robomimic import RobomimicSource

WORDS = "öffne die 抽屉 👩‍🚀"


def write_texts(path: Path) -> Path:
    with h5py.File(path, "w") as file:
        data = file.create_group("data")
        data.attrs["env_args"] = WORDS
        data.attrs["problem_info"] = 5
        file.attrs["task"] = np.bytes_(WORDS.encode())
        file.attrs["instruction"] = ["two", "texts"]
        file.create_group("data/demo_0").attrs["ep_meta"] = "x" * (2 << 20)
        file["data/demo_1"] = h5py.ExternalLink("other.hdf5", "/data")
        file["mask/train"] = ["demo_0", WORDS]
        file["mask/valid"] = np.array([b"demo_1"])
        file["language_raw"] = [1.0, 2.0]
    return path


def test_texts_are_read_whatever_their_type(tmp_path: Path) -> None:
    locator = str(write_texts(tmp_path / "a.hdf5"))
    with open_hdf5(locator) as file:
        assert text_attribute(locator, file["data"], "env_args") == WORDS
        assert text_attribute(locator, file, "task") == WORDS
        assert text_attribute(locator, file, "language_raw") is None
        assert read_texts(locator, file["mask/train"]) == ["demo_0", WORDS]
        assert read_texts(locator, file["mask/valid"]) == ["demo_1"]


def test_what_is_no_text_or_too_long_is_refused(tmp_path: Path) -> None:
    locator = str(write_texts(tmp_path / "a.hdf5"))
    with open_hdf5(locator) as file:
        for owner, name in (("data", "problem_info"), ("/", "instruction"), ("data/demo_0", "ep_meta")):
            with pytest.raises(DataError) as caught:
                text_attribute(locator, file[owner], name)
            assert caught.value.reason == "bad_record"
        with pytest.raises(DataError) as caught:
            read_texts(locator, dataset_at(file, "language_raw"))
        assert caught.value.reason == "unreadable"


def damage_heap(path: Path, place: int, value: bytes) -> None:
    """Change the first object of each global heap: its index is at 0, its size at 8."""
    data, at = bytearray(path.read_bytes()), 0
    while (at := data.find(b"GCOL", at)) >= 0:
        data[at + 16 + place : at + 16 + place + len(value)] = value
        at += 4
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("place", "value"),
    [(0, b"\0" * 16), (8, struct.pack("<Q", 1 << 60)), (8, b"\xff" * 8), (-8, b"\xff" * 8), (-16, b"COLG")],
)
def test_a_damaged_heap_neither_ends_nor_holds_up_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: int, value: bytes
) -> None:
    path = write_demos(tmp_path / "a.hdf5", {"demo_0": 4})
    with h5py.File(path, "r+") as file:
        file["data"].attrs["env_args"] = '{"env_name": "Lift"}'
    assert reason_of(RobomimicSource(str(path))) == ""
    damage_heap(path, place, value)
    monkeypatch.setattr("somtom.sources.hdf5_texts.TIMEOUT_S", 2.0)
    assert reason_of(RobomimicSource(str(path))) == "unreadable"
