"""What sources of robot episodes in HDF5 share: opening an episode, and its pictures a step at a time."""

import hashlib
import math
import posixpath
import re
from abc import ABC
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somtom.schemas.keys import digest
from somtom.schemas.reasons import DataError
from somtom.schemas.settings import ClipSettings
from somtom.sources.dimensions import pick_dimensions
from somtom.sources.episodes import Episode, EpisodeSource, StepPicture
from somtom.sources.fingerprint import shared_fingerprint
from somtom.sources.hdf5_files import (
    SUFFIXES,
    ChunkGuard,
    dataset_at,
    form_of,
    load_h5py,
    member,
    names_of,
    open_hdf5,
    read_numbers,
    read_row,
)
from somtom.sources.images import MAX_IMAGE_BYTES, decode_image
from somtom.sources.listing import GLOB, LIST_SUFFIX, list_files
from somtom.sources.pictures import ArrayPicture, check_pixels, check_size, scaled_size
from somtom.sources.source import Found

Picture = NDArray[np.uint8]

MAX_HZ = 100_000.0
MAX_PEEKED = 20  # files
# How the stored pictures are turned to stand upright.
TURNS: dict[str, Callable[[Picture], Picture]] = {
    "none": lambda picture: picture,
    "flip": lambda picture: picture[::-1],
    "rotate": lambda picture: picture[::-1, ::-1],
}
# In which order a stored picture's colours are.
COLOURS: dict[str, Callable[[Picture], Picture]] = {
    "rgb": lambda picture: picture,
    "bgr": lambda picture: picture[..., ::-1],
}


@dataclass(kw_only=True)
class Hdf5Episode(Episode):
    """One episode whose numbers were read; its pictures are read when asked for.

    Args:
        locator: of the file.
        images: path of each camera's pictures in it.
        turn, colours: names of `TURNS` and `COLOURS`.
    """

    locator: str
    images: Mapping[str, str]
    turn: str
    colours: str

    def pictures(
        self, camera: str, steps: Sequence[int], clips: ClipSettings
    ) -> Iterator[StepPicture | DataError]:
        """Read only the steps asked for; see `Episode.pictures`."""
        with open_hdf5(self.locator) as file:
            dataset = dataset_at(file, self.images[camera])
            if dataset is None:
                raise DataError("changed_input", f"camera {camera!r} is no longer there: plan again")
            guard = ChunkGuard(dataset)
            for step in steps:
                try:
                    yield self._picture(dataset, guard, step, clips)
                except DataError as error:
                    yield error

    def _picture(self, dataset: Any, guard: ChunkGuard, step: int, clips: ClipSettings) -> StepPicture:
        if len(dataset.shape) == 4:
            height, width = dataset.shape[1:3]
            check_pixels(width, height, clips)
            check_size(width, height, clips)
            whole = ArrayPicture(None, width, height, read_row(dataset, guard, step))
            picture, size = whole.rgb(*scaled_size(width, height, clips.short_side)), (width, height)
        else:
            # The row is filled up with zeros; a JPEG ends with FF D9.
            data = bytes(read_row(dataset, guard, step)).rstrip(b"\0")
            if not data:
                raise DataError("corrupt_frame", f"{dataset.name} has no picture at step {step}")
            picture, size = decode_image(data, clips, clips.short_side)
        return np.ascontiguousarray(COLOURS[self.colours](TURNS[self.turn](picture))), size


@dataclass(frozen=True)
class Layout:
    """Where in a file an episode's things are, and what the file says of it.

    Args:
        actions: path of each array that makes up the action, by its name.
        states: path of each array that makes up the state, by its name.
        images: path of each camera's pictures that can be read, by its name.
        hz: control steps a second.
        instruction: "" where there is none.
        dimensions: names of an array's dimensions where they are known, by its name; others are numbered.
    """

    actions: Mapping[str, str]
    states: Mapping[str, str]
    images: Mapping[str, str]
    hz: float
    instruction: str
    dimensions: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Hdf5Source(EpisodeSource, ABC):
    """A source of episodes in HDF5 files; a kind says where in the file things are."""

    control_hz: float = 0.0  # control steps a second; 0 = what the file says, or the kind's usual rate
    instruction: str = ""  # said for every episode; "" = what the file says
    turn: str = "none"  # how stored pictures are turned upright: none | flip (top to bottom) | rotate (180)
    colours: str = "rgb"  # order of the colours in stored pictures: rgb | bgr
    action_names: tuple[str, ...] = ()  # names of the action's dimensions; empty = as the kind has them
    action_dims: tuple[str, ...] = ()  # dimensions to take, by name, place or part; empty = all

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, value, choices in (("turn", self.turn, TURNS), ("colours", self.colours, COLOURS)):
            if value not in choices:
                raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}")
        if not (math.isfinite(self.control_hz) and 0 <= self.control_hz <= MAX_HZ):
            raise ValueError(f"control_hz must be 0 to {MAX_HZ:g}, got {self.control_hz!r}")

    def episode(self, file: Any, uri: str, locator: str, layout: Layout) -> Hdf5Episode:
        """Read the numbers of the episode `uri` of an opened file, and look at its pictures' form.

        Raises:
            DataError: `bad_action`, `bad_record`, `missing_camera`, ...
        """
        actions, action_names = _columns(file, layout.actions, layout.dimensions, -1, "bad_action")
        steps, names = len(actions), self.action_names or action_names
        if not names or len(names) != actions.shape[1]:
            raise DataError("bad_action", f"{len(names)} action_names for {actions.shape[1]} dimensions")
        taken = pick_dimensions(names, self.action_dims)
        actions = actions[:, taken]
        images = layout.images
        cameras = self.cameras or tuple(images)
        absent = [name for name in cameras if name not in images]
        if absent or not cameras:
            there = f"there are {', '.join(images)}" if images else "the file has no pictures"
            raise DataError("missing_camera", f"camera {', '.join(absent) or '(any)'!r} is missing: {there}")
        for camera in cameras:
            _check_length(images[camera], len(dataset_at(file, images[camera]) or ()), steps)
        states, state_names = _columns(file, layout.states, layout.dimensions, steps, "bad_record")
        content = hashlib.blake2b(actions.tobytes(), digest_size=16).hexdigest()
        return Hdf5Episode(
            times_s=np.arange(steps) / layout.hz,
            actions=actions,
            action_names=tuple(names[index] for index in taken),
            states=states,
            state_names=state_names,
            instruction=" ".join((self.instruction or layout.instruction).split()),
            fingerprint=digest(shared_fingerprint(locator), uri.partition("#")[2], content),
            group=uri,
            cameras=cameras,
            locator=locator,
            images=images,
            turn=self.turn,
            colours=self.colours,
        )


def peek_files(path: str, look: Callable[[Any], Sequence[str]]) -> Found | None:
    """Look into the first HDF5 files of a path; `look` says nothing of a file that is of another kind."""
    try:
        files = list(list_files(path, include=SUFFIXES))
        load_h5py()
    except (DataError, OSError, ValueError):  # not there, or no h5py
        return None
    fitting, others, notes = list[str](), list[str](), [""]
    for listed in files[:MAX_PEEKED]:
        said: Sequence[str] = ()
        try:
            with open_hdf5(listed.locator) as file:
                said = look(file)
        except OSError:
            continue
        except DataError as error:
            if error.reason == "unreadable":
                continue  # of whatever kind it was, a build shall say that it is damaged
        if said and not fitting:
            notes += [f"{listed.uri}: {said[0]}", *said[1:]]
        (fitting if said else others).append(listed.uri)
    if not fitting:
        return None
    looked = min(len(files), MAX_PEEKED)
    notes[0] = f"{len(fitting)} of {looked} files looked into, of {len(files)} HDF5 files"
    only = _path_of(path, fitting, others)
    if not only:
        notes.append("files of other kinds lie among them: give a glob, or move them")
    return Found({"path": only or path}, tuple(notes))


def _path_of(path: str, fitting: Sequence[str], others: Sequence[str]) -> str:
    """The path, or a file, folder or glob in it that names the fitting uris alone; "" where none does."""
    if not others:
        return path
    if GLOB.search(path) or path.endswith(LIST_SUFFIX):
        return ""
    root, folder = path.rstrip("/"), posixpath.commonpath([posixpath.dirname(uri) for uri in fitting])
    if len(fitting) == 1:
        return f"{root}/{fitting[0]}"
    if folder and not any(uri.startswith(f"{folder}/") for uri in others):
        return f"{root}/{folder}"
    pattern = f"{posixpath.commonprefix(fitting)}*{posixpath.splitext(fitting[0])[1]}"
    as_pattern = re.compile(re.escape(pattern).replace(r"\*", "[^/]*"))
    fits = [uri for uri in (*fitting, *others) if as_pattern.fullmatch(uri)]
    return f"{root}/{pattern}" if fits == list(fitting) and pattern.count("*") == 1 else ""


def pictures_in(group: Any, folder: str) -> dict[str, str]:
    """Path of each camera's pictures in `folder` of a group, by the camera's name, as the file lists them.

    Raises:
        DataError: `unsafe_path`, `unreadable`.
    """
    place = member(group, folder)
    names = [] if place is None else names_of(place)
    return {name: f"{folder}/{name}" for name in names if _holds_pictures(dataset_at(place, name))}


def _holds_pictures(dataset: Any) -> bool:
    """Whether it is (T, H, W, 3) uint8, or an encoded picture in each of T rows."""
    if dataset is None:
        return False
    shape, dtype = form_of(dataset)
    if len(shape) == 4:
        return bool(dtype == np.uint8 and shape[3] == 3 and shape[1] and shape[2])
    row_bytes = dtype.itemsize * math.prod(shape[1:])
    is_bytes = (len(shape) == 2 and dtype == np.uint8) or (len(shape) == 1 and dtype.kind == "S")
    return is_bytes and 4 < row_bytes <= MAX_IMAGE_BYTES


def _columns(
    file: Any,
    paths: Mapping[str, str],
    dimensions: Mapping[str, tuple[str, ...]],
    steps: int,
    reason: str,
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Read arrays side by side, and name their columns; `steps` rows, -1 for as many as the first one has.

    Raises:
        DataError: `reason` where one is missing or malformed; `bad_record` where one is too short.
    """
    columns: list[NDArray[np.float64]] = []
    names: list[str] = []
    for name, path in paths.items():
        dataset = dataset_at(file, path)
        if dataset is None:
            raise DataError(reason, f"there is no {path!r}")
        values = read_numbers(dataset, reason)
        steps = len(values) if steps < 0 else steps
        _check_length(path, len(values), steps)
        columns.append(values[:steps])
        width, known = values.shape[1], dimensions.get(name, ())
        numbered = (name,) if width == 1 else tuple(f"{name}_{index}" for index in range(width))
        names += known if len(known) == width else numbered
    return np.concatenate(columns, axis=1) if columns else np.zeros((steps, 0)), tuple(names)


def _check_length(path: str, length: int, steps: int) -> None:
    if length < steps:
        raise DataError("bad_record", f"{path!r} has {length} rows for {steps} actions")
