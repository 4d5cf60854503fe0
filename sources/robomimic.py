"""Demonstrations in robomimic's HDF5 files: data/demo_i/{obs, actions}."""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar

from somtom.schemas.reasons import DataError
from somtom.schemas.refs import Item, Scan
from somtom.schemas.settings import ClipSettings, ShotSettings
from somtom.sources.hdf5_episodes import MAX_HZ, Hdf5Episode, Hdf5Source, Layout, peek_files, pictures_in
from somtom.sources.hdf5_files import (
    SUFFIXES,
    dataset_at,
    group_at,
    member,
    names_of,
    open_hdf5,
)
from somtom.sources.hdf5_texts import has_attribute, read_texts, text_attribute
from somtom.sources.listing import list_files
from somtom.sources.source import Found

USUAL_HZ = 20.0
# What a robosuite controller of poses takes: changes of position and of rotation, and the gripper.
POSE_ACTION = ("dx", "dy", "dz", "droll", "dpitch", "dyaw", "gripper")
SPLITS = {"train": "train", "valid": "val"}


@dataclass(frozen=True)
class DemoSource(Hdf5Source):
    """Files that hold one group a demonstration; a kind says what they mean."""

    usual_states: ClassVar[tuple[str, ...]] = ()

    action: tuple[str, ...] = ("actions",)  # keys of a demonstration that make up the action, in this order
    state: tuple[str, ...] = ()  # keys of its obs that make up the state; empty = those usual for the kind
    filter_key: str = ""  # only the demonstrations that mask/<filter_key> lists
    split_by_mask: bool = False  # mask/train and mask/valid say which split a demonstration is in

    def items(self, index: int) -> Iterator[Item]:
        """List the demonstrations of each file by their number; see `Source.items`."""
        for listed in list_files(self.path, include=SUFFIXES):
            try:
                with open_hdf5(listed.locator) as file:
                    demos, splits = self._demos(listed.locator, file), self._splits(listed.locator, file)
            except DataError:
                # Opening it finds the fault again, and says it.
                yield Item(index, listed.uri, listed.locator, json.dumps({"demo": ""}))
                continue
            for name in demos:
                says = {"demo": name, "split": splits.get(name, "")}
                yield Item(index, f"{listed.uri}#{name}", listed.locator, json.dumps(says))

    def open(self, uri: str, locator: str, payload: str) -> Hdf5Episode:
        """Open a demonstration; see `EpisodeSource.open`."""
        name = json.loads(payload)["demo"]
        with open_hdf5(locator) as file:
            if not name:
                self._demos(locator, file)
                self._splits(locator, file)
                raise DataError("changed_input", f"{uri} changed after it was listed: plan again")
            demo = f"data/{name}"
            group_at(file, demo)
            env = json_attribute(locator, group_at(file, "data"), "env_args")
            found = [key for key in self.usual_states if member(file, f"{demo}/obs/{key}") is not None]
            layout = Layout(
                actions={key: f"{demo}/{key}" for key in self.action},
                states={key: f"{demo}/obs/{key}" for key in self.state or found},
                images=pictures_in(file, f"{demo}/obs"),
                hz=self.control_hz or _control_hz(env),
                instruction=self.file_instruction(locator, file, demo, env),
                dimensions={"actions": POSE_ACTION} if self.acts_on_pose(env) else {},
            )
            return self.episode(file, uri, locator, layout)

    def scan(self, item: Item, shots: ShotSettings, clips: ClipSettings, run_length: int) -> Scan:
        """Put the clips in the split that the mask says; see `Source.scan`."""
        scan = super().scan(item, shots, clips, run_length)
        split = self.split or json.loads(item.payload).get("split", "")
        return replace(scan, refs=tuple(replace(ref, split=split) for ref in scan.refs))

    def file_instruction(self, locator: str, file: Any, demo: str, env: Mapping[str, Any]) -> str:
        """What the file says that the robot is asked for, "" where nothing.

        Raises:
            DataError: `bad_record`.
        """
        # RoboCasa's files say it for each demonstration.
        for says in (json_attribute(locator, group_at(file, demo), "ep_meta"), env):
            if isinstance(says.get("lang"), str):
                return str(says["lang"])
        return ""

    def acts_on_pose(self, env: Mapping[str, Any]) -> bool:
        """Whether the file says that actions are changes of pose; they have seven dimensions then."""
        controller = _object(_object(env.get("env_kwargs")).get("controller_configs"))
        return controller.get("type") == "OSC_POSE" and bool(controller.get("control_delta", True))

    def _demos(self, locator: str, file: Any) -> list[str]:
        """Names of the demonstrations that are wanted, by their number.

        Raises:
            DataError: `bad_record`: there is none.
        """
        there = names_of(group_at(file, "data"))
        if self.filter_key:
            listed = set(_mask(locator, file, self.filter_key))
            there = [name for name in there if name in listed]
        if not there:
            raise DataError("bad_record", "there is no demonstration in its group data")
        return sorted(there, key=_natural)

    def _splits(self, locator: str, file: Any) -> dict[str, str]:
        """The split of each demonstration that a mask names."""
        if not self.split_by_mask:
            return {}
        return {name: SPLITS[key] for key in reversed(SPLITS) for name in _mask(locator, file, key)}


@dataclass(frozen=True)
class RobomimicSource(DemoSource):
    """Demonstrations in robomimic's HDF5 files, rendered ones: those with pictures in obs."""

    kind: ClassVar[str] = "robomimic"
    usual_states: ClassVar[tuple[str, ...]] = tuple(
        f"robot{robot}_{what}"
        for robot in (0, 1)
        for what in ("eef_pos", "eef_quat", "gripper_qpos", "joint_pos")
    )

    @classmethod
    def recognise(cls, path: str) -> Found | None:
        """Look for data/demo_i in the first file; see `Source.recognise`."""
        return peek_files(path, partial(look_for_demos, is_libero=False))


def look_for_demos(file: Any, is_libero: bool) -> Sequence[str]:
    """What an opened file of demonstrations holds; empty where it has none. LIBERO's say what the task is."""
    data = group_at(file, "data")
    demos = names_of(data)
    if not demos or has_attribute(data, "problem_info") != is_libero:
        return ()
    group_at(data, f"{demos[0]}/obs")
    cameras = pictures_in(file, f"data/{demos[0]}/obs")
    masks = member(file, "mask")
    return (
        f"{len(demos)} demonstrations",
        f"cameras: {', '.join(cameras) or 'none, so nothing can be made of it'}",
        *([] if masks is None else [f"filter keys: {', '.join(names_of(masks))}"]),
    )


def json_attribute(locator: str, owner: Any, name: str) -> dict[str, Any]:
    """Read an attribute that is a JSON object; empty where there is none.

    Raises:
        DataError: `bad_record`: it is something else.
    """
    text = text_attribute(locator, owner, name)
    if text is None:
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError("bad_record", f"attribute {name!r} is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise DataError("bad_record", f"attribute {name!r} must be an object, is {type(value).__name__}")
    return value


def _control_hz(env: Mapping[str, Any]) -> float:
    value = _object(env.get("env_kwargs")).get("control_freq")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if math.isfinite(value) and 0 < value <= MAX_HZ else USUAL_HZ
    return USUAL_HZ


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _mask(locator: str, file: Any, key: str) -> list[str]:
    dataset = dataset_at(file, f"mask/{key}")
    if dataset is None:
        raise DataError("bad_record", f"there is no filter key mask/{key} in it")
    return read_texts(locator, dataset)


def _natural(name: str) -> list[tuple[int, str]]:
    """Sort by the numbers in a name: demo_2 before demo_10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"([0-9]{1,18})", name)]
