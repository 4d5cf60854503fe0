"""Which features of an RLDS record are the action, the state, the words, the times and the cameras."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

import numpy as np
from numpy.typing import NDArray

from somtom.schemas.reasons import DataError
from somtom.sources.rlds_features import STEPS, Feature
from somtom.sources.tf_example import Example

OBSERVATION = f"{STEPS}/observation/"
# Where a short name is looked for, in this order.
PREFIXES = ("", f"{STEPS}/", OBSERVATION, "episode_metadata/")
# A dictionary with a `world_vector` is an action of RT-1's sort, as many in Open X-Embodiment are. These are
# the arm's parts, and taken alone (base and end of the episode stay out, as in others' training).
ARM = ("world_vector", "rotation_delta", "gripper_closedness_action", "open_gripper")
NO_MOTION = ("terminate_episode",)
ACTIONS = ("steps/action", "steps/action_dict")
# Tried in turn; all of a line must be there: plain names, RT-1, DROID.
STATES = (
    ("state",),
    ("proprio",),
    ("base_pose_tool_reached", "gripper_closed"),
    ("cartesian_position", "gripper_position"),
)
LANGUAGE = (
    "steps/language_instruction",
    "steps/language_instruction_2",
    "steps/language_instruction_3",
    f"{OBSERVATION}natural_language_instruction",
    f"{OBSERVATION}language_instruction",
    f"{OBSERVATION}instruction",
    "episode_metadata/language_instruction",
)
TIMES = ("steps/timestamp", f"{OBSERVATION}timestamp")
WORN = ("wrist", "hand", "gripper")  # such a camera is marked only where there is no other
MAX_TEXT_BYTES = 1 << 16

Columns = Mapping[str, Feature]


@dataclass(frozen=True)
class Chosen:
    """What is read of each record, by key.

    `action`, `state` and `language` hold features by key, in the order they are joined or tried; `times` is
    "" where the record has none; `cameras` gives the key of each camera by its short name.
    """

    action: Columns
    state: Columns
    language: Columns
    times: str
    cameras: Mapping[str, str]


def choose(
    features: Columns,
    action: Sequence[str] = (),
    state: Sequence[str] = (),
    language: Sequence[str] = (),
    cameras: Sequence[str] = (),
) -> Chosen:
    """Find what is asked for, or what data sets usually have where nothing is; keys may be shortened.

    Raises:
        DataError: `bad_action`, `bad_record`, `missing_camera`: it is not there or of another kind.
    """
    found_action = _numeric(features, action or _usual_action(features), "bad_action")
    if not found_action:
        raise DataError("bad_action", f"features.json has no action at {' or '.join(ACTIONS)}: set `action`")
    usual_state = next((names for names in STATES if all(_is_state(features, one) for one in names)), ())
    usual_language = [key for key in LANGUAGE if key in features]
    return Chosen(
        action=found_action,
        state=_numeric(features, state or usual_state, "bad_record"),
        language={
            key: features[key]
            for name in language or usual_language
            for key in _resolve(features, name, "bad_record")
        },
        times=next((key for key in TIMES if key in features and _is_time(features[key])), ""),
        cameras=_cameras(features, cameras),
    )


def short_name(key: str) -> str:
    """A key without what all cameras', or all states', keys begin with."""
    return key.removeprefix(OBSERVATION).removeprefix(f"{STEPS}/")


def dimension_names(columns: Columns) -> tuple[str, ...]:
    """Names of the dimensions of joined features.

    >>> arm, grip = Feature("tensor", shape=(2,)), Feature("tensor")
    >>> dimension_names({"steps/action/arm": arm, "steps/action/grip": grip})
    ('arm_0', 'arm_1', 'grip')
    """
    names: list[str] = []
    for key, feature in columns.items():
        name = short_name(key)
        for parent in ("action/", "action_dict/"):
            name = name.removeprefix(parent)
        names += [name] if feature.width == 1 else [f"{name}_{place}" for place in range(feature.width)]
    return tuple(names)


def read_numbers(example: Example, columns: Columns, steps: int, reason: str) -> NDArray[np.float64]:
    """Read features and join them to (steps, D).

    Raises:
        DataError: `reason`: one is absent or not as features.json has it; `bad_record`.
    """
    parts = [np.zeros((steps, 0))]
    for key, feature in columns.items():
        kind = example.kind(key)
        if not kind:
            raise DataError(reason, f"the record has no {key!r}")
        if kind != feature.listed_as:
            raise DataError(
                reason, f"{key!r} is {feature.dtype} by features.json, the record holds a list of {kind}"
            )
        values = example.floats(key) if kind == "float" else example.ints(key)
        if len(values) != steps * feature.width:
            raise DataError(
                reason,
                f"{key!r} has {feature.width} numbers a step by features.json, "
                f"the record holds {len(values)} for {steps} steps",
            )
        parts.append(values.astype(np.float64).reshape(steps, -1))
    return np.concatenate(parts, axis=1)


def count_steps(example: Example, features: Columns, action: Columns) -> int:
    """Number of steps of an episode: that of its flags, or of its actions where it has none.

    Raises:
        DataError: `bad_record`.
    """
    for key in (f"{STEPS}/is_first", f"{STEPS}/is_last"):
        if key in features and example.kind(key) == "int64":
            return len(example.ints(key))
    key, feature = next(iter(action.items()))
    values = example.floats(key) if feature.listed_as == "float" else example.ints(key)
    return len(values) // feature.width


def read_texts(example: Example, language: Columns, steps: int) -> tuple[str, ...]:
    """What each step is asked for: the first of the features that says anything in this episode.

    Empty where none does; a text that stands once for the episode is given for each step.

    Raises:
        DataError: `bad_record`.
    """
    for key, feature in language.items():
        if not example.kind(key):
            continue
        if feature.listed_as == "int64":
            texts = _spelled(example.ints(key), feature)
        else:
            texts = [_text(value) for value in example.values(key, MAX_TEXT_BYTES)]
        if len(texts) not in (1, steps):
            raise DataError("bad_record", f"{key!r} holds {len(texts)} texts for {steps} steps")
        if any(texts):
            return tuple(texts) if len(texts) == steps else tuple(texts) * steps
    return ()


def _text(value: bytes) -> str:
    return " ".join(value.decode("utf-8", "replace").replace("\0", " ").split())


def _spelled(codes: NDArray[np.int64], feature: Feature) -> list[str]:
    """Texts that are stored as code points, filled up with zeros: Language-Table's `instruction`."""
    if feature.width < 1 or len(codes) % feature.width or not ((codes >= 0) & (codes < 0xD800)).all():
        raise DataError("bad_record", "an instruction that is stored as numbers is no text")
    rows = codes.reshape(-1, feature.width).tolist()
    return [" ".join("".join(map(chr, takewhile(bool, row))).split()) for row in rows]


def _usual_action(features: Columns) -> tuple[str, ...]:
    for key in ACTIONS:
        if key in features and features[key].is_numeric:
            return (key,)
        if f"{key}/{ARM[0]}" in features:
            return tuple(name for name in (f"{key}/{part}" for part in ARM) if name in features)
        inside = tuple(
            name
            for name in features
            if name.startswith(f"{key}/") and features[name].is_numeric and not name.endswith(NO_MOTION)
        )
        if inside:
            return inside
    return ()


def _is_state(features: Columns, name: str) -> bool:
    return OBSERVATION + name in features and features[OBSERVATION + name].is_numeric


def _is_time(feature: Feature) -> bool:
    return feature.is_numeric and feature.width == 1 and feature.listed_as == "float"


def _numeric(features: Columns, names: Sequence[str], reason: str) -> dict[str, Feature]:
    found = {key: features[key] for name in names for key in _resolve(features, name, reason)}
    for key, feature in found.items():
        if not feature.is_numeric:
            raise DataError(reason, f"{key!r} is not as many plain numbers in every step: {feature}")
    return found


def _resolve(features: Columns, name: str, reason: str) -> Iterator[str]:
    """The feature of a name, or those in the dictionary of that name."""
    for prefix in PREFIXES:
        if prefix + name in features:
            yield prefix + name
            return
        inside = [key for key in features if key.startswith(f"{prefix}{name}/")]
        if inside:
            yield from inside
            return
    raise DataError(reason, f"features.json has no {name!r}; it has {', '.join(features)!s:.400}")


def _cameras(features: Columns, names: Sequence[str]) -> dict[str, str]:
    pictures = [
        key
        for key, feature in features.items()
        if feature.kind == "image" and feature.depth == 1 and key.startswith(f"{STEPS}/")
    ]
    if not names:
        is_worn: Callable[[str], bool] = lambda key: any(word in short_name(key) for word in WORN)  # noqa: E731
        coloured = [
            key for key in pictures if features[key].dtype == "uint8" and features[key].shape[-1:] == (3,)
        ]
        if not coloured:
            raise DataError("missing_camera", "features.json has no coloured images in its steps")
        return {short_name(key): key for key in sorted(coloured, key=is_worn)}
    found = {}
    for name in names:
        key = next((prefix + name for prefix in PREFIXES if prefix + name in pictures), "")
        if not key:
            there = ", ".join(map(short_name, pictures)) or "none"
            raise DataError("missing_camera", f"features.json has no image {name!r}; it has {there:.400}")
        found[name] = key
    return found


def step_times(stored: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Times of the steps from the first one on; None where they are stored too coarsely to tell steps apart.

    RLDS keeps numbers as float32: seconds since 1970 come in steps of 128.
    """
    finite = stored[np.isfinite(stored)]
    if len(finite) and np.spacing(np.float32(np.abs(finite).max())) > 1e-3:
        return None
    return stored - stored[0] if len(stored) and math.isfinite(stored[0]) else stored
