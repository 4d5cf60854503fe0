"""Contact sheets of a built data set: each marked picture with its traces, and what is said about it."""

from collections.abc import Iterator, Sequence
from dataclasses import fields
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from somtom.marks.draw import draw_traces
from somtom.marks.sprites import embedded_font
from somtom.pipelines.sheet import (
    ANSWER,
    CELL,
    FONT,
    INK,
    PALE,
    PAPER,
    SMALL,
    Line,
    draw_page,
    fitted_size,
    line_height,
    wrap,
    write_sheet,
)
from somtom.schemas.folder import META, SHARDS, SHEETS
from somtom.schemas.marks import Mark, Marks
from somtom.schemas.pictures import decode_jpeg
from somtom.schemas.reasons import DataError
from somtom.schemas.record import Record
from somtom.schemas.sample import Sample, load_sample
from somtom.schemas.tar import count_samples, read_shard

_STRIP, _SMALL_PICTURES = 120, 5  # pixels: height of history and camera pictures; how many stand in a row


def write_contact_sheets(
    folder: Path, out: Path | None, per_sheet: int = 12, limit: int = 48, cell: int = CELL
) -> list[Path]:
    """Write PNG sheets of `limit` samples, or as many as there are, taken evenly from the data set's shards.

    Args:
        folder: a data set as `build` writes it.
        out: where the sheets go; None: the data set's meta/sheets.
        per_sheet: samples a sheet holds.
        limit: samples in all; 0 = every one.
        cell: pixels: width of a sample's cell on the sheet.

    Returns:
        The sheets written, in order; sheets of an earlier call with the same names are replaced.

    Raises:
        FileNotFoundError: the folder holds no shards.
        DataError: a shard or a sample cannot be read.
    """
    shards = sorted((folder / SHARDS).glob("*.tar"))
    if not shards:
        raise FileNotFoundError(
            f"{folder} holds no shards: nothing was built there, or no input gave a sample"
        )
    target = folder / META / SHEETS if out is None else out
    target.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    cells: list[NDArray[np.uint8]] = []
    for sample in _samples(shards, limit):
        cells.append(draw_cell(sample, cell))
        if len(cells) == max(1, per_sheet):
            written.append(write_sheet(target, len(written), cells))
            cells = []
    if cells:
        written.append(write_sheet(target, len(written), cells))
    return written


def draw_cell(sample: Sample, cell: int = CELL) -> NDArray[np.uint8]:
    """Draw one sample: its picture with the traces under the marks, then key, task and conversation."""
    picture = _picture_with_traces(sample, cell)
    record = sample.record
    facts = [record["task"], record["split"], said_of_marks(record)]
    facts.append(f"{record['width']} x {record['height']}")
    lines: list[Line] = wrap(sample.key, FONT, INK, cell)
    lines += wrap(" · ".join(filter(None, facts)), SMALL, PALE, cell)
    if record["instruction"]:
        lines += wrap(f"Instruction: {record['instruction']}", SMALL, PALE, cell)
    for turn in record["conversations"]:
        asked = turn["from"] == "human"
        text = turn["value"].replace("<image>", "").strip()
        lines += wrap(text, FONT, INK if asked else ANSWER, cell)
    return draw_page([picture, *_strips(sample, cell)], lines, cell)


def said_of_marks(record: Record) -> str:
    """Count the marks, and say what those in the foreground are in such a sample."""
    count, foreground = len(record["marks"]), sum(bool(mark["foreground"]) for mark in record["marks"])
    said = {
        "ui": f"target mark {record['target_mark']}" if record["target_mark"] > 0 else "no target",
        "vl": "",
    }
    return ", ".join(filter(None, (f"{count} marks", said.get(record["task"], f"{foreground} moving"))))


def _strips(sample: Sample, cell: int) -> list[NDArray[np.uint8]]:
    """Set the history pictures and further cameras side by side, small, each under its member's name."""
    past = {f"h{number:02d}.jpg": step for number, step in enumerate(sample.record["history"])}
    strips = []
    for start in range(0, len(sample.extra), _SMALL_PICTURES):
        some = sample.extra[start : start + _SMALL_PICTURES]
        strip = Image.new("RGB", (cell, _STRIP + line_height(SMALL)), PAPER)
        draw = ImageDraw.Draw(strip)
        for place, (name, data) in enumerate(some):
            left, room = place * cell // _SMALL_PICTURES, cell // _SMALL_PICTURES - 6
            step = past.get(name)
            said = f"{name} {step['t_s']:.2f}" if step else name
            draw.text(
                (left, 0), said if not step or step["known"] else f"{name} none", PALE, embedded_font(SMALL)
            )
            small = Image.fromarray(decode_jpeg(data))
            small.thumbnail((room, _STRIP))
            strip.paste(small, (left, line_height(SMALL)))
        strips.append(np.asarray(strip))
    return strips


def _samples(shards: Sequence[Path], limit: int) -> Iterator[Sample]:
    """Read `limit` samples, the same number of each shard where they have so many; 0 = all."""
    quotas = _quotas([count_samples(shard) for shard in shards], limit) if limit else [None] * len(shards)
    for shard, quota in zip(shards, quotas, strict=True):
        for key, members in islice(read_shard(shard), quota):
            try:
                yield load_sample(members)
            except DataError as error:
                raise DataError(error.reason, f"{shard.name}: {key}: {error.message}") from error


def _quotas(counts: Sequence[int], limit: int) -> list[int]:
    """Share `limit` out over shards of so many samples; what a small one lacks goes to the others."""
    quotas, left = [0] * len(counts), limit
    for place, index in enumerate(sorted(range(len(counts)), key=counts.__getitem__)):
        quotas[index] = min(counts[index], -(-left // (len(counts) - place)))
        left -= quotas[index]
    return quotas


def _picture_with_traces(sample: Sample, cell: int) -> NDArray[np.uint8]:
    """Scale the marked picture to the cell and draw the traces on it, but not over the marks."""
    marked, clean = decode_jpeg(sample.marked_jpeg), decode_jpeg(sample.clean_jpeg)
    height, width = marked.shape[:2]
    size = fitted_size(width, height, cell)
    how = cv2.INTER_AREA if size[0] < width else cv2.INTER_CUBIC
    marked, clean = (cv2.resize(picture, size, interpolation=how) for picture in (marked, clean))
    traces = sample.traces.copy()
    traces[..., :2] = (traces[..., :2] + 0.5) * np.array(size) / (width, height) - 0.5
    names = {field.name for field in fields(Mark)}
    marks = tuple(Mark(**{name: mark[name] for name in names}) for mark in sample.record["marks"])
    drawn = draw_traces(marked, Marks(marks, traces))
    # Marks are where the two pictures differ by more than JPEG's noise; closing fills their insides.
    differs = (cv2.absdiff(marked, clean).max(axis=2) > 40).astype(np.uint8)
    label = cv2.morphologyEx(differs, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8)).astype(bool)
    drawn[label] = marked[label]
    return drawn
