"""A sample as other code reads it: every field typed, traces as an array, pictures decoded when asked for."""

import io
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from somtom.schemas.marks import Mark
from somtom.schemas.reasons import DataError
from somtom.schemas.record import Record
from somtom.schemas.sample import Sample

_Part = TypeVar("_Part")


MAX_PIXELS = 8192 * 8192  # no picture that we write has more; one that claims more is hostile


@dataclass(frozen=True)
class Picture:
    """A JPEG, decoded anew by each `pixels`; `size`, width and height, is None where no record says it."""

    jpeg: bytes
    size: tuple[int, int] | None = None

    def pixels(self) -> NDArray[np.uint8]:
        """Decode to RGB (H, W, 3) uint8. Needs Pillow.

        Raises:
            DataError: `bad_record`: no readable JPEG, of another size than the record says, or too large.
        """
        from PIL import Image

        try:
            with Image.open(io.BytesIO(self.jpeg), formats=["JPEG"]) as image:
                # Before anything is allocated for it.
                if self.size not in (None, image.size) or image.width * image.height > MAX_PIXELS:
                    raise DataError("bad_record", f"a picture is {image.size}, its record says {self.size}")
                return np.array(image.convert("RGB"))
        except (OSError, SyntaxError, Image.DecompressionBombError) as error:
            raise DataError("bad_record", f"a picture is not a readable JPEG: {error}") from error


@dataclass(frozen=True)
class Turn:
    """One turn of the conversation; `speaker` is the record's `from`: human or gpt."""

    speaker: str
    value: str


@dataclass(frozen=True)
class Step:
    """One step of the history, `t_s` seconds (of a screenshot: steps) before the picture, negative."""

    t_s: float
    action_text: str
    known: bool


@dataclass(frozen=True)
class Action:
    """What is done at the picture; `bins` 0..255 are `values` scaled by the data set's percentiles."""

    kind: str
    text: str
    values: tuple[float, ...]
    bins: tuple[int, ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class State:
    """A robot's own state at the picture, one number a dimension."""

    values: tuple[float, ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """Where the sample comes from; -1.0 where a screenshot has no time."""

    kind: str
    dataset: str
    uri: str
    fingerprint: str
    picture_hash: str
    licence: str
    group: str
    camera: str
    start_s: float
    end_s: float
    fps: float
    step_s: float
    weight: float


@dataclass(frozen=True)
class Motion:
    """How the traces were made.

    `homographies` is (T, 3, 3) float64, from a stabilised position to where it was in frame k; T is 0 for a
    screenshot. `inlier_ratio` has T values, `epsilon` is in pixels per step.
    """

    camera_moved: bool
    homographies: NDArray[np.float64]
    inlier_ratio: tuple[float, ...]
    refused: int
    epsilon: float
    moving: int
    static: int
    dropped: int
    clamped: int


@dataclass(frozen=True)
class Tracker:
    """Who followed the points; all are "" for a screenshot."""

    name: str
    version: str
    weights_sha256: str
    licence: str


@dataclass(frozen=True)
class TypedSample:
    """One sample, read.

    Args:
        record: all of the record as plain values, as docs/shards.md describes it.
        traces: (T, K, 3) float32: x, y in pixels, visible 0 or 1; `[:, k]` is `marks[k]`.
        marked, clean: the picture with and without numbered marks.
        earlier: a picture for each step of `history`, where the data set has them.
        cameras: further cameras' pictures, each of its own size, where the data set has them.
        quality: every score by name, -1.0 where it was not measured.
    """

    key: str
    split: str
    task: str
    instruction: str
    history: tuple[Step, ...]
    conversations: tuple[Turn, ...]
    marks: tuple[Mark, ...]
    target_mark: int
    action: Action
    state: State
    width: int
    height: int
    source: Source
    motion: Motion
    tracker: Tracker
    quality: Mapping[str, float]
    traces: NDArray[np.float32]
    marked: Picture
    clean: Picture
    earlier: tuple[Picture, ...]
    cameras: tuple[Picture, ...]
    record: Record

    @property
    def target(self) -> Mark | None:
        """The mark to act on, None where there is none."""
        return next((mark for mark in self.marks if mark.id == self.target_mark), None)

    @classmethod
    def of(cls, sample: Sample) -> Self:
        """Type what `sample.load_sample` read.

        Raises:
            DataError: `bad_record`: marks, traces or homographies do not fit each other.
        """
        record = sample.record
        if sample.traces.shape[1] != len(record["marks"]):
            raise DataError(
                "bad_record",
                f"{sample.key}: {len(record['marks'])} marks, but traces are {sample.traces.shape}",
            )
        size = record["width"], record["height"]
        extra = [(name, Picture(data)) for name, data in sample.extra]
        motion = record["motion"] | {"homographies": _homographies(sample)}
        return cls(
            key=sample.key,
            split=record["split"],
            task=record["task"],
            instruction=record["instruction"],
            history=tuple(_part(Step, step) for step in record["history"]),
            conversations=tuple(Turn(turn["from"], turn["value"]) for turn in record["conversations"]),
            marks=tuple(_part(Mark, mark) for mark in record["marks"]),
            target_mark=record["target_mark"],
            action=_part(Action, record["action"]),
            state=_part(State, record["state"]),
            width=record["width"],
            height=record["height"],
            source=_part(Source, record["source"]),
            motion=_part(Motion, motion),
            tracker=_part(Tracker, record["tracker"]),
            quality=record["quality"],
            traces=sample.traces,
            marked=Picture(sample.marked_jpeg, size),
            clean=Picture(sample.clean_jpeg, size),
            earlier=tuple(picture for name, picture in extra if name.startswith("h")),
            cameras=tuple(picture for name, picture in extra if name.startswith("cam")),
            record=record,
        )


def _part(kind: type[_Part], values: Mapping[str, Any]) -> _Part:
    """Make a part of a record that `parse_record` held against the table; lists become tuples."""
    named = {field.name: values[field.name] for field in fields(kind)}  # type: ignore[arg-type]  # a dataclass
    return kind(**{name: tuple(one) if isinstance(one, list) else one for name, one in named.items()})


def _homographies(sample: Sample) -> NDArray[np.float64]:
    numbers = sample.record["motion"]["homographies"]
    if len(numbers) not in (0, 9 * len(sample.traces)):
        raise DataError(
            "bad_record", f"{sample.key}: {len(numbers)} numbers are no homographies of {len(sample.traces)}"
        )
    return np.array(numbers, np.float64).reshape(-1, 3, 3)
