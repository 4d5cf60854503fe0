"""Android in the Wild as it is published: compressed TFRecord files, a `tf.train.Example` for each step."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from somtom.schemas.annotation import Screen, ScreenAction
from somtom.schemas.reasons import DataError
from somtom.sources.action_words import action_words
from somtom.sources.aitw_steps import make_action, make_point, make_views, scale_action
from somtom.sources.images import MAX_IMAGE_BYTES
from somtom.sources.screen_stream import Payload, StreamedStep, StreamSource
from somtom.sources.source import Found
from somtom.sources.tf_example import Example
from somtom.sources.tfrecord import Span
from somtom.sources.view_hierarchy import View, plain_text, text_at, to_elements
from somtom.sources.words import words_of

MAX_SHARE = 1.5  # a position beyond it is in pixels, or no position
FEATURES = ("image/encoded", "image/ui_annotations_positions", "results/action_type", "episode_id")


@dataclass(frozen=True, kw_only=True)
class AitwSource(StreamSource):
    """Android in the Wild's TFRecord files; `path` is one of them, a folder or a glob."""

    kind: ClassVar[str] = "aitw"

    @classmethod
    def recognise(cls, path: str) -> Found | None:
        """TFRecord files of which the first record is a step."""
        place, count = cls.files_of_kind(path)
        return Found({"path": place}, (f"{count} files of Android in the Wild",)) if place else None

    @classmethod
    def is_mine(cls, payload: bytes) -> bool:
        """Whether a record has a step's features."""
        try:
            return set(FEATURES) <= set(_example(payload).keys)
        except DataError:
            return False

    def steps_of(self, payload: Payload) -> Iterator[StreamedStep]:
        """A record is one step."""
        yield _Step(payload)


class _Step(StreamedStep):
    def __init__(self, payload: Payload) -> None:
        self._payload = payload
        self._example = _example(payload.data)
        self.size = len(payload.data)
        self.trajectory = _text(self._example, "episode_id") or f"record {payload.number}"
        is_number = self._example.kind("step_id") == "int64"
        self.follows = not is_number or self._example.ints("step_id").tolist() != [0]

    @property
    def fingerprint(self) -> str:
        """Of the whole record."""
        return self._payload.fingerprint

    def instruction(self) -> str:
        """What the whole episode is about."""
        return plain_text(_text(self._example, "goal_info"))

    def picture(self) -> bytes:
        """The pixels, which are stored bare, under the header of a PPM picture."""
        width, height, channels = (self._side(name) for name in ("width", "height", "channels"))
        pixels = next(self._example.values("image/encoded", MAX_IMAGE_BYTES), b"")
        if channels != 3 or not pixels or len(pixels) != width * height * channels:
            raise DataError(
                "bad_record",
                f"{len(pixels)} bytes are no picture of {width}x{height} with {channels} channels",
            )
        return b"P6 %d %d 255\n" % (width, height) + pixels

    def screen(self, width: int, height: int) -> Screen:
        """Elements by OCR and icon detection, and the action."""
        elements = to_elements(self._views, width, height, width, height) if self._views else ()
        return Screen(tuple(elements), scale_action(self._action, width, height))

    def words(self) -> str:
        """The action, with what is read where it is done."""
        action = self._action
        return action_words(
            action.kind, action.argument, text_at(self._views, *action.point) if action.point else ""
        )

    @cached_property
    def _views(self) -> list[View]:
        """In shares of the picture's sides."""
        numbers = self._example.floats("image/ui_annotations_positions")
        if len(numbers) % 4:
            raise DataError("bad_box", f"{len(numbers)} numbers are no boxes of four")
        positions = numbers.reshape(-1, 4).tolist()
        if any(not abs(number) <= MAX_SHARE for position in positions for number in position):
            raise DataError("bad_box", "positions must be shares of the picture's sides, 0 to 1")
        names = ("image/ui_annotations_text", "image/ui_annotations_ui_types")
        return make_views(positions, *(_texts(self._example, name) for name in names))

    @cached_property
    def _action(self) -> ScreenAction:
        kinds = self._example.ints("results/action_type").tolist()
        if len(kinds) != 1:
            raise DataError("bad_action", f"results/action_type must be one number, are {len(kinds)}")
        touch, lift = (
            make_point(self._example.floats(f"results/yx_{name}").tolist()) for name in ("touch", "lift")
        )
        return make_action(kinds[0], _text(self._example, "results/type_action"), touch, lift)

    def _side(self, name: str) -> int:
        numbers = self._example.ints(f"image/{name}").tolist()
        if len(numbers) != 1 or not 0 < numbers[0] < 1 << 20:
            raise DataError("bad_record", f"image/{name} must be one number, is {str(numbers)[:40]}")
        return int(numbers[0])


def _example(data: bytes) -> Example:
    return Example(io.BytesIO(data), Span(0, len(data)))


def _texts(example: Example, key: str) -> list[str]:
    return [words_of(value.decode("utf-8", "replace")) for value in example.values(key, MAX_IMAGE_BYTES)]


def _text(example: Example, key: str) -> str:
    """The first text of a list, "" where there is none."""
    value = next(example.values(key, MAX_IMAGE_BYTES), b"") if example.kind(key) == "bytes" else b""
    return words_of(value.decode("utf-8", "replace"))
