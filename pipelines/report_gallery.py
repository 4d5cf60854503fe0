"""What the page's scripts read: a table of samples, and one block for each sample with a picture."""

import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from somtom.pipelines.report_facts import SCORES, Columns, Facts, score_columns
from somtom.pipelines.report_html import Html, picture_uri, script_data
from somtom.schemas.reasons import DataError
from somtom.schemas.record import RECORD, Record
from somtom.schemas.sample import Sample

LISTED = 20_000  # samples the page's list holds
_LONG_SIDE, _LONGEST = 512, 1600  # pixels of a picture in the page: width at most, height at most
_QUALITY, _METHOD = 70, 2  # of WebP: three fifths of the bytes of a JPEG that looks as good
_SMALL_SIDE = 160  # of earlier pictures and further cameras
_PARTS = 4096  # positions are whole numbers, this many over the picture's width and height
_LETTERS, _MARK_LETTERS = 4_000, 120  # of a turn, of a mark's text
_CODED = ("task", "dataset", "split", "uri", "shard", "kind")
_COUNTS = {"marks": "marks", "foreground": "foreground marks", "frames": "frames"}


@dataclass(frozen=True)
class Gallery:
    """The pictures that a page carries.

    Args:
        blocks: one for each sample with a picture.
        rows: of the table, those with a picture, in the order in which they were chosen.
        bytes: what the pictures take in the page.
    """

    blocks: Html
    rows: tuple[int, ...]
    bytes: int


def make_gallery(samples: Iterable[tuple[int, Sample]], budget_bytes: int) -> Gallery:
    """Make the blocks of (row, sample) one after the other until the budget is spent."""
    blocks: dict[int, Html] = {}
    spent = 0
    for row, sample in samples:
        block, size = sample_block(row, sample)
        if spent + size > budget_bytes:
            break
        blocks[row] = block
        spent += size
    return Gallery(Html("\n".join(blocks.values())), tuple(blocks), spent)


def sample_block(row: int, sample: Sample) -> tuple[Html, int]:
    """Write what the page shows of a sample, and how many bytes of it are pictures."""
    record, traces = sample.record, sample.traces
    picture, small = _small_picture(sample.marked_jpeg, _LONG_SIDE, _LONGEST)
    known = {f"h{number:02d}.jpg": step["known"] for number, step in enumerate(record["history"])}
    further = [
        (name, _small_picture(data, _SMALL_SIDE, _SMALL_SIDE)[0])
        for name, data in sample.extra
        if known.get(name, True)
    ]
    values = {
        "picture": picture,
        "size": list(small),
        "was": [record["width"], record["height"]],
        "marks": [_mark(mark, record) for mark in record["marks"]],
        "target": record["target_mark"],
        # T x K x 2 and T x K, flat
        "xy": _parts(traces[..., :2], record).ravel().tolist() if len(traces) > 1 else [],
        "seen": (traces[..., 2] > 0).astype(int).ravel().tolist() if len(traces) > 1 else [],
        "step_s": record["source"]["step_s"],
        "turns": [[turn["from"], _cut(turn["value"], _LETTERS)] for turn in record["conversations"]],
        "instruction": _cut(record["instruction"], _LETTERS),
        "action": record["action"] | {"text": _cut(record["action"]["text"], _LETTERS)},
        "state": record["state"],
        "history": [
            [step["t_s"], _cut(step["action_text"], 200), step["known"]] for step in record["history"]
        ],
        "further": further,
        "source": record["source"],
        "motion": {
            name: value
            for name, value in record["motion"].items()
            if name not in ("homographies", "inlier_ratio")
        },
        "tracker": record["tracker"]["name"],
    }
    pictures = len(picture) + sum(len(uri) for _, uri in further)
    return script_data(f"sample-{row}", values), pictures


def _mark(mark: Mapping[str, Any], record: Record) -> list[Any]:
    """[number, foreground, text, role] and, where it has one, its box x0, y0, x1, y1 in parts."""
    said = [mark["id"], int(mark["foreground"]), _cut(mark["text"], _MARK_LETTERS), mark["role"]]
    point = [_parts(np.array([mark["x"], mark["y"]]), record).tolist()]
    if mark["x1"] > mark["x0"] and mark["y1"] > mark["y0"]:
        corners = np.array([[mark["x0"], mark["y0"]], [mark["x1"], mark["y1"]]])
        return [*said, *point, _parts(corners, record).ravel().tolist()]
    return [*said, *point]


def _parts(xy: NDArray[Any], record: Record) -> NDArray[np.int64]:
    size = np.array([record["width"], record["height"]])
    bounded = np.clip((xy.astype(np.float64) + 0.5) / size, -8, 9)  # a trace may leave the picture by far
    parts: NDArray[np.int64] = np.rint(bounded * _PARTS).astype(np.int64)
    return parts


def _small_picture(data: bytes, width: int, height: int) -> tuple[str, tuple[int, int]]:
    """Make a picture fit, never larger than it was; gives its address and its size.

    Raises:
        DataError: `bad_record`: the bytes are no picture.
    """
    try:
        with Image.open(io.BytesIO(data), formats=["JPEG"]) as picture:
            picture.thumbnail((width, height))  # decodes a large JPEG at a fraction of its size
            small = io.BytesIO()
            picture.convert("RGB").save(small, "WEBP", quality=_QUALITY, method=_METHOD)
            return picture_uri(small.getvalue()), picture.size
    except (OSError, Image.DecompressionBombError) as error:
        raise DataError("bad_record", "a picture is not a readable JPEG; build its shard again") from error


def reject_picture(data: bytes) -> str:
    """The address of the picture of an input that gave no sample, as small as it is of use."""
    return _small_picture(data, 240, 240)[0]


def _cut(text: str, letters: int) -> str:
    return text if len(text) <= letters else f"{text[:letters]} … ({len(text) - letters:,} letters more)"


def rows_block(facts: Facts, listed: NDArray[np.int64], pictured: Sequence[int]) -> Html:
    """Write the table of the samples `listed`, rows that rise, a list a column; texts that repeat once."""
    columns = facts.columns
    kept = {name: column[listed] for name, column in columns.items()}
    values = {
        "keys": [str(key) for key in kept["key"]],
        "rows": listed.tolist(),
        "pictured": list(pictured),
        "coded": {name: _coded(kept[name]) for name in _CODED if name in kept},
        "instruction": _coded(np.array([_cut(str(one), 160) for one in kept.get("instruction", ())], object)),
        "start_s": [_measured(one) for one in kept.get("start_s", ())],
        "scores": list(_scores(columns, kept)),
    }
    return script_data("rows", values)


def _coded(column: NDArray[Any]) -> dict[str, list[Any]]:
    names, codes = np.unique(column.astype(str), return_inverse=True)
    return {"names": names.tolist(), "codes": codes.tolist()}


def _scores(columns: Columns, kept: Columns) -> Iterator[dict[str, Any]]:
    """Each score that any sample has: -1.0 stands for "not measured" and becomes null."""
    quality = next(one for one in RECORD if one.name == "quality")
    known = {f"{SCORES}{one.name}": one for one in quality.fields}
    for name, said in _COUNTS.items():
        if name in kept:
            yield {"column": name, "name": said, "unit": "", "values": kept[name].tolist()}
    for name in score_columns(columns):
        one = known.get(name)
        yield {
            "column": name,
            "name": name.removeprefix(SCORES).replace("_", " "),
            "unit": one.unit if one else "",
            "meaning": one.meaning if one else "",
            "values": [_measured(value) for value in kept[name].tolist()],
        }


def _measured(value: float) -> float | None:
    return None if value == -1.0 or not math.isfinite(value) else float(f"{value:.4g}")
