"""RLDS: robot episodes in TFRecord files as TensorFlow Datasets writes them (Open X-Embodiment, Bridge).

An episode is one record, a `tf.train.Example`: TensorFlow is not needed. Scanning seeks past the pictures;
reading decodes those that are asked for, after the record's checksum was held against it.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from somtom.schemas.action_stats import ActionStats
from somtom.schemas.reasons import DataError
from somtom.schemas.refs import Item
from somtom.schemas.settings import ClipSettings
from somtom.sources.dimensions import pick_dimensions
from somtom.sources.episodes import Episode, EpisodeSource, StepPicture
from somtom.sources.images import MAX_IMAGE_BYTES, decode_image
from somtom.sources.listing import dataset_of
from somtom.sources.rlds_columns import (
    Chosen,
    choose,
    count_steps,
    dimension_names,
    read_numbers,
    read_texts,
    short_name,
    step_times,
)
from somtom.sources.rlds_features import STEPS, Feature
from somtom.sources.rlds_known import ACTION_NAMES, CONTROL_HZ, DEFAULT_HZ, by_name
from somtom.sources.rlds_layout import VERSION, read_features, read_info, version_folder
from somtom.sources.rlds_records import Place, list_episodes
from somtom.sources.rlds_stats import read_published
from somtom.sources.source import Found
from somtom.sources.tf_example import Example
from somtom.sources.tfrecord import Span, check_payload

MAX_HZ = 1000.0
MAX_STEPS = 1 << 20


@dataclass(kw_only=True)
class RldsEpisode(Episode):
    """One episode whose small features were read; its pictures are read when they are asked for."""

    place: Place
    keys: Mapping[str, str]
    texts: tuple[str, ...]
    checked: bool = False

    def instruction_at(self, step: int) -> str:
        """What is asked for at a step; steps that say nothing say what the episode does."""
        return (self.texts[step] if self.texts else "") or self.instruction

    def pictures(
        self, camera: str, steps: Sequence[int], clips: ClipSettings
    ) -> Iterator[StepPicture | DataError]:
        """Check the record once, then decode the steps asked for alone; see `Episode.pictures`."""
        key = self.keys[camera]
        with self.place.opened() as (file, span):
            if not self.checked and self.place.span is not None:
                check_payload(file, span)
            self.checked = True
            example = Example(file, span)
            if not example.kind(key):
                raise DataError("missing_camera", f"the record has no {key!r}")
            places = example.spans(key)
            if len(places) != len(self.times_s):
                raise DataError(
                    "bad_record", f"{key!r} holds {len(places)} pictures for {len(self.times_s)} steps"
                )
            for step in steps:
                try:
                    data = example.value(key, places[step], MAX_IMAGE_BYTES)
                    picture: StepPicture | DataError = decode_image(data, clips, clips.short_side)
                except DataError as error:
                    picture = DataError(error.reason, f"{camera} at step {step}: {error.message}")
                yield picture


@dataclass(frozen=True)
class RldsSource(EpisodeSource):
    """Episodes of an RLDS data set, described by its own features.json."""

    kind: ClassVar[str] = "rlds"

    version: str = ""  # which version's folder of `path` is read, such as 1.0.0; "" = the newest
    splits: tuple[str, ...] = ()  # which of the data set's own splits are read, such as train; empty = all
    action: tuple[str, ...] = ()  # keys joined to the action, such as action; empty = as usual
    action_names: tuple[str, ...] = ()  # names of its dimensions; empty = after the keys
    action_dims: tuple[str, ...] = ()  # dimensions to take, by name, place or part; empty = all
    last_action: bool = False  # use the action of the is_last step: RLDS says it means nothing
    state: tuple[str, ...] = ()  # keys joined to the state, such as state; empty = as usual
    language: tuple[str, ...] = ()  # keys of instructions: the first that says anything; empty = as usual
    control_hz: float = 0.0  # control steps a second; 0 = stored times, or by the data set's name, or 10

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (math.isfinite(self.control_hz) and 0 <= self.control_hz <= MAX_HZ):
            raise ValueError(f"control_hz must be 0 to {MAX_HZ:g}, got {self.control_hz!r}")
        if len(set(self.action_names)) != len(self.action_names):
            raise ValueError(f"action_names must differ, got {self.action_names}")

    @property
    def name(self) -> str:
        """The data set's name; a version's folder is named after the one that it lies in."""
        if self.dataset:
            return self.dataset
        path = PurePosixPath(self.path)
        return dataset_of(str(path.parent if VERSION.fullmatch(path.name) else path))

    @classmethod
    def recognise(cls, path: str) -> Found | None:
        """A folder with features.json that has steps and dataset_info.json, or one with such versions."""
        try:
            folder = version_folder(path)
            features, info = read_features(folder), read_info(folder)
        except (DataError, OSError):
            return None
        counts = {
            split: sum(max(shard.episodes, 0) for shard in shards) for split, shards in info.shards.items()
        }
        notes = [f"RLDS data set {info.name!r} {info.version}: {counts} episodes by dataset_info.json"]
        try:
            chosen = choose(features)
        except DataError as error:
            notes.append(f"not found by itself: {error.message}")
        else:
            notes.append(f"cameras: {', '.join(chosen.cameras)}")
            notes.append(f"action: {', '.join(map(short_name, chosen.action))}")
            notes.append(f"state: {', '.join(map(short_name, chosen.state)) or 'none'}")
            notes.append(f"language: {', '.join(map(short_name, chosen.language)) or 'none'}")
            hz = by_name(CONTROL_HZ, info.name)
            notes.append(f"{hz or DEFAULT_HZ:g} control steps a second{'' if hz else ' (a guess)'}")
        return Found({"path": path.rstrip("/") or "/"}, tuple(notes), is_whole=True)

    def items(self, index: int) -> Iterator[Item]:
        """List the episodes: the records that the shards hold, and those that they lack."""
        folder = version_folder(self.path, self.version)
        read_features(folder)
        info = read_info(folder)
        unknown = [split for split in self.splits if split not in info.shards]
        if unknown:
            raise ValueError(f"splits: there is no {', '.join(unknown)}; there are {', '.join(info.shards)}")
        shards = [shard for split in self.splits or info.shards for shard in info.shards[split]]
        for shard in sorted({shard.name: shard for shard in shards}.values(), key=lambda one: one.name):
            locator = f"{folder}/{shard.name}"
            for number, payload in enumerate(list_episodes(shard, locator)):
                yield Item(index, f"{shard.name}#{number}", locator, json.dumps(payload))

    def open(self, uri: str, locator: str, payload: str) -> RldsEpisode:
        """Read the small features of a record; see `EpisodeSource.open`."""
        said = json.loads(payload)
        if "reason" in said:
            raise DataError(said["reason"], said["message"])
        folder = locator.removesuffix(uri.partition("#")[0]).rstrip("/") or "/"
        features, name = read_features(folder), read_info(folder).name
        span = Span(said["at"], said["size"]) if "at" in said else None
        place = Place(locator, said["number"], span)
        with place.opened() as (file, where):
            return self._episode(uri, name, features, Example(file, where), place, place.stamp(file, where))

    def _episode(
        self,
        uri: str,
        name: str,
        features: Mapping[str, Feature],
        example: Example,
        place: Place,
        stamp: str,
    ) -> RldsEpisode:
        chosen = choose(features, self.action, self.state, self.language, self.cameras)
        if not example.keys:
            raise DataError("bad_record", "the record has no features: it is no episode")
        steps = count_steps(example, features, chosen.action)
        if steps > MAX_STEPS:
            raise DataError(
                "bad_record", f"the episode has {steps} steps: more than {MAX_STEPS} are not read"
            )
        absent = [key for key in chosen.cameras.values() if not example.kind(key)]
        if absent:
            raise DataError("missing_camera", f"the record has no {', '.join(absent)}")
        times_s, warning = self._times(name, example, features, chosen, steps)
        names, kept = self._dimensions(name, chosen)
        actions = read_numbers(example, chosen.action, steps, "bad_action")[:, kept]
        if not self.last_action and _ends_without_action(example, features, steps):
            actions = actions[:-1]
        texts = read_texts(example, chosen.language, steps)
        return RldsEpisode(
            times_s=times_s,
            actions=actions,
            action_names=names,
            states=read_numbers(example, chosen.state, steps, "bad_record"),
            state_names=dimension_names(chosen.state),
            instruction=next(filter(None, texts), ""),
            fingerprint=stamp,
            group=uri,
            cameras=tuple(chosen.cameras),
            warning=warning,
            place=place,
            keys=chosen.cameras,
            texts=texts,
        )

    def _dimensions(self, name: str, chosen: Chosen) -> tuple[tuple[str, ...], list[int]]:
        """Names of the action's dimensions, and their places in the features that are joined.

        Raises:
            DataError: `bad_action`: a setting asks for others.
        """
        names = self.action_names or dimension_names(chosen.action)
        width = sum(feature.width for feature in chosen.action.values())
        known = () if self.action_names else by_name(ACTION_NAMES, name) or ()
        if list(chosen.action) == ["steps/action"] and len(known) == width:
            names = known
        if len(names) != width:
            raise DataError("bad_action", f"action_names has {len(names)} names, the action {width} numbers")
        kept = pick_dimensions(names, self.action_dims)
        return tuple(names[place] for place in kept), kept

    def _times(
        self, name: str, example: Example, features: Mapping[str, Feature], chosen: Chosen, steps: int
    ) -> tuple[NDArray[np.float64], str]:
        """Times of the steps in seconds, and what is odd about them."""
        warning = ""
        if chosen.times and not self.control_hz:
            columns = {chosen.times: features[chosen.times]}
            stored = step_times(read_numbers(example, columns, steps, "bad_timestamps")[:, 0])
            if stored is not None:
                return stored, ""
            warning = f"{chosen.times} is too coarse to be used: "
        hz = self.control_hz or by_name(CONTROL_HZ, name)
        if hz is None:
            hz = DEFAULT_HZ
            warning += f"control_hz is not known, {hz:g} is taken"
        return np.arange(steps) / hz, warning.removesuffix(": ")

    def published_stats(self) -> ActionStats | None:
        """Statistics that Octo or OpenVLA stored beside the shards, if they are of the action's width."""
        folder = version_folder(self.path, self.version)
        chosen = choose(read_features(folder), self.action, self.state, self.language, self.cameras)
        name = read_info(folder).name
        names, kept = self._dimensions(name, chosen)
        width = sum(feature.width for feature in chosen.action.values())
        return read_published(folder, name, names, kept, width)


def _ends_without_action(example: Example, features: Mapping[str, Feature], steps: int) -> bool:
    key = f"{STEPS}/is_last"
    if key not in features or example.kind(key) != "int64" or not steps:
        return False
    flags = example.ints(key)
    return len(flags) == steps and bool(flags[-1])
