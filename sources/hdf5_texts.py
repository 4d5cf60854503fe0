"""Texts in HDF5 files; those of variable length are read by another process.

HDF5 keeps these in a heap, and where that is damaged it may crash or never return: of 3928 files with some
random bytes in their metadata, four did so, all here. h5py holds on to the interpreter meanwhile, so that
nothing but another process can be ended.
"""

import functools
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np

from somtom.schemas.reasons import DataError
from somtom.sources.files import local_path
from somtom.sources.hdf5_files import (
    MAX_MEMBERS,
    ChunkGuard,
    load_h5py,
    member,
    names_of,
    open_hdf5,
    reading,
)

TIMEOUT_S = 60.0
MAX_TEXT = 1 << 20
MAX_BYTES = 1 << 25  # of a list of texts
# What is read of a file at once: attributes of its root, of data and of the groups in it, and arrays.
WORDS = ("language_raw", "instruction", "language_instruction", "task")
ATTRIBUTES = ("env_args", "problem_info", "ep_meta", *WORDS)
DATA, MASK = "data", "mask"


def has_attribute(owner: Any, name: str) -> bool:
    """Whether an object has an attribute of that name.

    Raises:
        DataError: `unreadable`.
    """
    with reading(f"attribute {name!r}"):
        return bool(name in owner.attrs)


def text_attribute(locator: str, owner: Any, name: str) -> str | None:
    """Read one of `ATTRIBUTES` of an object in the opened file at `locator`; None where there is none.

    Raises:
        DataError: `bad_record`: it is no text, or too long; `unreadable`.
    """
    if not has_attribute(owner, name):
        return None
    with reading(f"attribute {name!r}"):
        kind = owner.attrs.get_id(name).dtype
    if _is_variable(kind, owner):
        return _told(locator, f"{owner.name}@{name}")[0]
    return _attribute_here(owner, name)


def read_texts(locator: str, dataset: Any) -> list[str]:
    """Read a list of texts, or one: one of `WORDS` of the file at `locator`, or a mask.

    Raises:
        DataError: `unreadable`: it holds something else; `too_large`.
    """
    with reading(dataset.name):
        kind = dataset.dtype
    return _told(locator, str(dataset.name)) if _is_variable(kind, dataset) else _texts_here(dataset)


def _is_variable(kind: np.dtype[Any], owner: Any) -> bool:
    """Whether texts of this type lie in the heap of a file that another process can open."""
    form = load_h5py().check_string_dtype(kind)
    return form is not None and form.length is None and owner.file.driver != "fileobj"


def _told(locator: str, place: str) -> list[str]:
    path = local_path(locator)
    status = path.stat()
    told = _read_apart(locator, (status.st_size, status.st_mtime_ns))
    if told is None:
        raise DataError("unreadable", f"{place}: HDF5 fails over the texts in it: the file is damaged")
    found = told.get(place) or {"reason": "unreadable", "message": f"{place} cannot be read"}
    if isinstance(found, dict):
        raise DataError(found["reason"], found["message"])
    return list(found)


@functools.lru_cache(maxsize=16)
def _read_apart(locator: str, stamp: tuple[int, int]) -> dict[str, Any] | None:
    """All texts of a file, by their place; a fault stands in the place of those that cannot be read."""
    try:
        done = subprocess.run(  # noqa: S603 - this very module
            [sys.executable, "-m", __name__, locator], capture_output=True, timeout=TIMEOUT_S, check=True
        )
        told: dict[str, Any] = json.loads(done.stdout)
    except (subprocess.SubprocessError, ValueError):
        return None
    return told


def _tell(locator: str) -> dict[str, Any]:
    told: dict[str, Any] = {}
    with open_hdf5(locator) as file:
        for owner in _objects(file, ("", DATA), DATA):
            for name in ATTRIBUTES:
                _tell_one(told, f"{owner.name}@{name}", partial(_attributes_here, owner, name))
        for dataset in _objects(file, WORDS, MASK):
            _tell_one(told, str(dataset.name), partial(_texts_here, dataset))
    return told


def _tell_one(told: dict[str, Any], place: str, read: Callable[[], list[str]]) -> None:
    try:
        told[place] = read()
    except DataError as error:
        told[place] = {"reason": error.reason, "message": error.message}


def _objects(file: Any, paths: Sequence[str], folder: str) -> Iterator[Any]:
    """What lies at the paths, and what is in a folder; what cannot be reached is passed over."""
    inside: list[str] = []
    with suppress(DataError):
        found = member(file, folder)
        inside = [] if found is None else [f"{folder}/{name}" for name in names_of(found)]
    for path in (*paths, *inside):
        with suppress(DataError):
            found = member(file, path)
            if found is not None:
                yield found


def _attributes_here(owner: Any, name: str) -> list[str]:
    """The text of an attribute; none where it has no such."""
    return [_attribute_here(owner, name)] if has_attribute(owner, name) else []


def _attribute_here(owner: Any, name: str) -> str:
    with reading(f"attribute {name!r}"):
        small = owner.attrs.get_id(name).get_storage_size() <= MAX_TEXT
        value = owner.attrs[name] if small else None
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    if not isinstance(text, str) or len(text) > MAX_TEXT:
        raise DataError("bad_record", f"attribute {name!r} is no text of up to {MAX_TEXT} characters")
    return text


def _texts_here(dataset: Any) -> list[str]:
    with reading(dataset.name):
        if dataset.size > MAX_MEMBERS or dataset.size * dataset.dtype.itemsize > MAX_BYTES:
            raise DataError("too_large", f"{dataset.name} has {dataset.size} texts: too many")
        ChunkGuard(dataset).check(0, dataset.size)
        return [str(text) for text in np.ravel(dataset.asstr(errors="replace")[()])]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_tell(sys.argv[1])))
