"""Episodes of ALOHA and ACT, one HDF5 file each: raw pictures, or JPEGs filled up to one length."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, ClassVar

from somtom.schemas.check_sample import is_safe_uri
from somtom.schemas.reasons import DataError
from somtom.schemas.refs import Item
from somtom.sources.files import open_binary
from somtom.sources.hdf5_episodes import Hdf5Episode, Hdf5Source, Layout, peek_files, pictures_in
from somtom.sources.hdf5_files import SUFFIXES, dataset_at, form_of, open_hdf5
from somtom.sources.hdf5_texts import MAX_TEXT, WORDS, read_texts, text_attribute
from somtom.sources.listing import list_files
from somtom.sources.source import Found

USUAL_HZ = 50.0
IMAGES = "observations/images"
ARM = ("waist", "shoulder", "elbow", "forearm_roll", "wrist_angle", "wrist_rotate", "gripper")
TWO_ARMS = tuple(f"{side}_{joint}" for side in ("left", "right") for joint in ARM)
DIMENSIONS = {
    "action": TWO_ARMS,
    "base_action": ("base_linear", "base_angular"),
    **{name: tuple(f"{name}_{joint}" for joint in TWO_ARMS) for name in ("qpos", "qvel", "effort")},
}


@dataclass(frozen=True)
class AlohaSource(Hdf5Source):
    """Episodes of ALOHA and ACT, one HDF5 file each."""

    kind: ClassVar[str] = "aloha"

    action: tuple[str, ...] = ("action",)  # arrays that make up the action; Mobile ALOHA adds base_action
    state: tuple[str, ...] = ("qpos",)  # keys of observations that make up the state, such as qpos, qvel
    sidecar: str = ""  # file with an episode's words: text, or JSON with "instruction"; {stem} = its name

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.sidecar and not is_safe_uri(self.sidecar):
            raise ValueError(f"sidecar must be a relative path, got {self.sidecar!r}")

    @classmethod
    def recognise(cls, path: str) -> Found | None:
        """Look for observations/images and action in the first file; see `Source.recognise`."""
        return peek_files(path, _look)

    def items(self, index: int) -> Iterator[Item]:
        """List the files; see `Source.items`."""
        for listed in list_files(self.path, include=SUFFIXES):
            yield Item(index, listed.uri, listed.locator)

    def open(self, uri: str, locator: str, payload: str) -> Hdf5Episode:
        """Open a file; see `EpisodeSource.open`."""
        with open_hdf5(locator) as file:
            layout = Layout(
                actions={name: name for name in self.action},
                states={key: f"observations/{key}" for key in self.state},
                images=pictures_in(file, IMAGES),
                hz=self.control_hz or USUAL_HZ,
                instruction=self._instruction(file, locator),
                dimensions=DIMENSIONS,
            )
            return self.episode(file, uri, locator, layout)

    def _instruction(self, file: Any, locator: str) -> str:
        if self.instruction:
            return ""  # the setting is said
        if self.sidecar:
            return _read_sidecar(locator, self.sidecar)
        for name in WORDS:  # where recorders made after ALOHA's put the task; its own files have none
            dataset = dataset_at(file, name)
            if dataset is not None:
                return next(iter(read_texts(locator, dataset)), "")
            words = text_attribute(locator, file, name)
            if words is not None:
                return words
        return ""


def _look(file: Any) -> Sequence[str]:
    cameras, action = pictures_in(file, IMAGES), dataset_at(file, "action")
    if action is None or not cameras:
        return ()
    return (f"{form_of(action)[0]} actions", f"cameras: {', '.join(cameras)}")


def _read_sidecar(locator: str, sidecar: str) -> str:
    """Read the words that lie in a file beside the episode's.

    Raises:
        DataError: `missing`, `bad_record`.
    """
    folder, _, name = locator.rpartition("/")
    path = f"{folder}/{sidecar.replace('{stem}', PurePosixPath(name).stem)}"
    with open_binary(path) as file:
        data = file.read(MAX_TEXT + 1)
    if len(data) > MAX_TEXT:
        raise DataError("bad_record", f"{sidecar} is larger than {MAX_TEXT} bytes")
    text = data.decode("utf-8-sig", "replace")
    if not path.endswith(".json"):
        return text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError("bad_record", f"{sidecar} is not valid JSON: {error}") from error
    words = value.get("instruction") if isinstance(value, dict) else None
    if not isinstance(words, str):
        raise DataError("bad_record", f'{sidecar} has no text "instruction"')
    return words
