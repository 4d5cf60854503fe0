import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from somtom.schemas.check import check_dataset
from somtom.schemas.check_pictures import jpeg_form, picture_faults
from somtom.schemas.check_sample import is_safe_uri
from somtom.schemas.pictures import decode_jpeg, encode_jpeg
from somtom.schemas.sample import encode_traces
from somtom.schemas.tar import read_shard

SHARD = "shards/train-000000.tar"

Members = list[tuple[str, bytes]]
Repack = Callable[[Path, Callable[[Members], Members]], None]


def shard_faults(folder: Path) -> list[str]:
    """What is said of the tars; that the tables do not know the broken sample is another matter."""
    return [line for line in check_dataset(folder) if line.startswith("shards/")]


class Parts:
    """The second sample of the first shard, to be broken."""

    def __init__(self, members: dict[str, bytes]) -> None:
        self.members = members
        self.record: dict[str, Any] = json.loads(members["json"])
        self.traces = np.load(io.BytesIO(members["traces.npy"]))

    def answer(self, turn: int, old: str, new: str) -> None:
        value = self.record["conversations"][turn]["value"]
        assert old in value
        self.record["conversations"][turn]["value"] = value.replace(old, new, 1)

    def done(self) -> dict[str, bytes]:
        text = json.dumps(self.record, ensure_ascii=False, separators=(",", ":"))
        return self.members | {"json": text.encode(), "traces.npy": encode_traces(self.traces)}


def break_sample(folder: Path, change: Callable[[Parts], Any], repack: Repack) -> str:
    path = folder / SHARD
    (_, before), (key, members), *_ = read_shard(path)
    parts = Parts(members)
    change(parts)
    first = len(before)
    broken = [(f"{key}.{suffix}", data) for suffix, data in parts.done().items()]
    repack(path, lambda all_members: [*all_members[:first], *broken, *all_members[2 * first :]])
    return key


def setting(*path: str | int, value: Any) -> Callable[[Parts], None]:
    def change(parts: Parts) -> None:
        place: Any = parts.record
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value

    return change


def drawing(name: str, quality: int = 90, **size: int) -> Callable[[Parts], None]:
    def change(parts: Parts) -> None:
        picture = decode_jpeg(parts.members[name])[: size.get("height"), : size.get("width")]
        parts.members[name] = encode_jpeg(np.ascontiguousarray(picture), quality)

    return change


def moving_trace(frame: int, mark: int, channel: int, value: float) -> Callable[[Parts], None]:
    def change(parts: Parts) -> None:
        parts.traces[frame, mark, channel] = value

    return change


def both(*changes: Callable[[Parts], Any]) -> Callable[[Parts], None]:
    return lambda parts: [change(parts) for change in changes] and None


BROKEN_SAMPLES: dict[str, tuple[Callable[[Parts], Any], str]] = {
    "int for float": (setting("motion", "epsilon", value=1), "motion.epsilon must be float, got int"),
    "null": (setting("target_mark", value=None), "target_mark must be int, got NoneType"),
    "unknown field": (setting("colour", value="red"), "unknown ['colour']"),
    "missing field": (lambda p: p.record.pop("task"), "missing ['task']"),
    "order": (lambda p: p.record.update(id=p.record.pop("id")), "not the table's: order"),
    "id": (setting("id", value="other"), "id must be the key"),
    "version": (setting("schema_version", value=9), "schema_version must be 1"),
    "split": (setting("split", value="val"), "split must be the shard's, 'train'"),
    "task": (setting("task", value="sleep"), "task must be one of som, tom"),
    "group": (setting("source", "group", value=""), "source.group must not be empty"),
    "uri": (setting("source", "uri", value="/home/me/a.mp4"), "source.uri must be relative"),
    "score": (setting("quality", "visible_share", value=1.5), "quality.visible_share must be 0 to 1"),
    "action": (
        setting("action", value={"kind": "", "text": "", "values": [0.5], "bins": [256], "names": ["dx"]}),
        "a sample of task 'tom' must have no robot's action and no state",
    ),
    "state": (setting("state", value={"values": [0.5], "names": []}), "must have no robot's action"),
    "mark numbers": (setting("marks", 2, "id", value=4), "marks must be numbered from 1, got [1, 2, 4]"),
    "mark count": (lambda p: p.record["marks"].pop(), "traces must be (T, 2, 3), got (3, 3, 3)"),
    "mark off its trace": (setting("marks", 1, "x", value=30.5), "but its trace starts at [30.0, 24.0]"),
    "mark outside": (
        both(setting("marks", 1, "x", value=70.0), moving_trace(0, 1, 0, 70.0)),
        "outside of 64 x 48",
    ),
    "half a box": (setting("marks", 1, "x0", value=3.0), "its box must be four -1.0"),
    "box off its point": (
        lambda p: p.record["marks"][1].update(x0=0.0, y0=0.0, x1=4.0, y1=4.0),
        "its box must be four -1.0, or lie in the picture around the point",
    ),
    "target": (setting("target_mark", value=7), "target_mark must be -1 or a mark's id, got 7"),
    "visible": (moving_trace(1, 1, 2, 0.5), "visible must be 0 or 1"),
    "trace not finite": (moving_trace(1, 1, 0, np.nan), "traces must be finite"),
    "homographies": (lambda p: p.record["motion"]["homographies"].pop(), "homographies must be 27"),
    "first homography": (
        both(setting("motion", "camera_moved", value=True), setting("motion", "homographies", 2, value=3.0)),
        "must start with the identity",
    ),
    "still camera": (setting("motion", "homographies", 11, value=3.0), "where camera_moved is false"),
    "inlier ratio": (setting("motion", "inlier_ratio", 1, value=2.0), "inlier_ratio must be 0 to 1"),
    "negative count": (setting("motion", "static", value=-2), "motion.static must not be negative"),
    "step": (setting("source", "step_s", value=0.0), "must have positive epsilon, fps and step_s"),
    "clamped": (setting("motion", "clamped", value=5), "motion.clamped must be 0, got 5"),
    "clamped in the text": (
        moving_trace(2, 0, 0, 99.0),
        "motion.clamped must be 1, got 0",
    ),
    "speakers": (setting("conversations", 1, "from", value="human"), "must alternate human, gpt"),
    "no turns": (setting("conversations", value=[]), "must alternate human, gpt"),
    "empty turn": (setting("conversations", 2, "value", value=" "), "must not hold an empty turn"),
    "two images": (
        setting("conversations", 2, "value", value="<image>"),
        "<image> must stand 1 times",
    ),
    "no image": (
        setting("conversations", 0, "value", value="Hm?"),
        "<image> must stand 1 times",
    ),
    "som text": (
        setting("conversations", 1, "value", value="There."),
        "first answer must locate the marks",
    ),
    "som numbers": (
        lambda p: p.answer(1, "Mark 2", "Mark 7"),
        "locates marks [1, 3, 7], but it must be",
    ),
    "som place": (lambda p: p.answer(1, "Mark 2 at [122,", "Mark 2 at [121,"), "locates mark 2 at (121"),
    "som place out of range": (lambda p: p.answer(1, "[122,", "[256,"), "locates mark 2 at (256"),
    "tom text": (setting("conversations", 3, "value", value="up"), "must hold the moving marks' traces"),
    "tom marks": (lambda p: p.answer(3, "Mark 1", "Mark 2"), "traces marks [2], but it must be [1]"),
    "tom trace": (lambda p: p.answer(3, "[[", "[[1"), "traces mark 1 at"),
    "tom without movers": (setting("marks", 0, "foreground", value=False), "task 'tom' with 0 foreground"),
    "tom without turns": (
        lambda p: p.record.update(conversations=p.record["conversations"][:2]),
        "must have 4 turns, got 2",
    ),
    "history without pictures": (
        both(
            setting("history", value=[{"t_s": -1.0, "action_text": "x", "known": True}]),
            setting("conversations", 0, "value", value="<image><image>"),
        ),
        "1 entries of history, but 0 pictures",
    ),
    "picture cut off": (lambda p: p.members.update(jpg=p.members["jpg"][:-9]), "jpg is not a whole JPEG"),
    "no picture": (lambda p: p.members.update({"clean.jpg": b"GIF89a"}), "clean.jpg is not a whole JPEG"),
    "picture size": (drawing("jpg", width=32), "jpg is 32 x 48, but the record says 64 x 48"),
    "clean size": (drawing("clean.jpg", height=32), "clean.jpg is 64 x 32, but the record says 64 x 48"),
    "marks not drawn": (
        lambda p: p.members.update(jpg=p.members["clean.jpg"]),
        "3 marks, but jpg and",
    ),
}


@pytest.mark.parametrize("name", BROKEN_SAMPLES)
def test_a_sample_that_breaks_one_rule_is_one_fault(small_dataset: Path, repack: Repack, name: str) -> None:
    change, said = BROKEN_SAMPLES[name]

    key = break_sample(small_dataset, change, repack)

    lines = shard_faults(small_dataset)
    assert any(line.startswith(f"{SHARD}: {key}: ") and said in line for line in lines), lines
    # A trace that leaves the picture is another trace than the one in the text, too.
    assert len(lines) == (2 if name == "clamped in the text" else 1), lines


def test_a_sample_written_with_other_json_is_one_fault(small_dataset: Path, repack: Repack) -> None:
    def spread(members: Members) -> Members:
        return [(members[0][0], json.dumps(json.loads(members[0][1])).encode()), *members[1:]]

    repack(small_dataset / SHARD, spread)

    (line,) = shard_faults(small_dataset)

    assert "as somtom writes it" in line


def test_large_pictures_that_show_something_else_are_a_fault() -> None:
    dark, light = (encode_jpeg(np.full((300, 300, 3), level, np.uint8), 90) for level in (20, 200))
    record = {"width": 300, "height": 300, "history": [], "marks": [{}]}

    assert list(picture_faults(record, {"jpg": dark, "clean.jpg": light})) == [
        "jpg and clean.jpg are different pictures"
    ]


def test_a_picture_that_claims_more_pixels_than_are_sane_is_not_decoded(
    small_dataset: Path, repack: Repack
) -> None:
    def grow(parts: Parts) -> None:
        data = bytearray(parts.members["jpg"])
        at = data.index(b"\xff\xc0") + 5
        data[at : at + 4] = b"\xff\xff\xff\xff"
        parts.members["jpg"] = bytes(data)

    break_sample(small_dataset, grow, repack)

    (line,) = shard_faults(small_dataset)
    assert "jpg is not a whole JPEG" in line


def test_the_form_of_a_jpeg_is_read_from_its_header() -> None:
    assert jpeg_form(encode_jpeg(np.zeros((48, 64, 3), np.uint8), 90)) == (64, 48, 3)
    assert jpeg_form(b"") is jpeg_form(b"\xff\xd8\xff") is jpeg_form(b"\xff\xd8" + bytes(99)) is None


@pytest.mark.parametrize("uri", ["/a", "../a", "a/../b", "gs://b/a", "C:\\a", "c:/../a", "", "\\\\host\\a"])
def test_uris_that_leave_the_folder_are_not_safe(uri: str) -> None:
    assert not is_safe_uri(uri)


@pytest.mark.parametrize("uri", ["a.mp4", "a/b..c.mp4", "a:b.mp4", "é/日本.mp4"])
def test_plain_relative_uris_are_safe(uri: str) -> None:
    assert is_safe_uri(uri)
