"""A first look into a path that may hold annotated pictures: a few records, and where their pictures are."""

import contextlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from somtom.schemas.reasons import DataError
from somtom.schemas.settings import ClipSettings
from somtom.sources.boxes import CONVENTIONS, box_in_pixels
from somtom.sources.files import is_local_file, is_remote, local_path
from somtom.sources.images import image_size, read_image
from somtom.sources.picture_records import picture_uri
from somtom.sources.places import PATTERNS, PICTURE, first_records
from somtom.sources.source import Found

MAX_TABLES = 40  # files looked into
MAX_RECORDS = 20  # of each
MAX_FOLDERS = 60  # tried for the pictures

Record = Mapping[str, object]


@dataclass(frozen=True)
class PeekedRecords:
    """Records that were recognised.

    Args:
        table: the annotation file.
        tables: that one, or a glob of it and its like.
        records: its first ones.
        images: the folder in which the first record's picture lies, "" where it was not found.
    """

    table: Path
    tables: str
    records: tuple[Record, ...]
    images: str

    def found(self, boxes_of: Callable[[Record], list[object]], convention: str) -> Found:
        """Say what settings would read it; how boxes are written is counted over the first pictures."""
        if any(isinstance(record.get(PICTURE), dict) for record in self.records):
            note = f"{self.table.name}: pictures with boxes, documented as {convention}"
            return Found({"path": self.tables}, (note,))
        settings: dict[str, object] = {
            "path": self.images or str(self.table.parent),
            "annotations": self.tables,
        }
        notes = [f"{self.table.name}: records of pictures with boxes"]
        if not self.images:
            notes.append("its pictures were not found: set path to their folder")
            return Found(settings, tuple(notes))
        fits = dict.fromkeys((convention, *CONVENTIONS), 0)
        boxes = 0
        for record in self.records:
            try:
                data = read_image(f"{self.images}/{picture_uri(name_in(record))}")
                width, height = image_size(data, ClipSettings())
            except (DataError, OSError):
                continue
            for box in boxes_of(record):
                boxes += 1
                for name in fits:
                    fits[name] += _fits(box, name, width, height)
        best = max(fits, key=lambda name: fits[name])
        notes.append(f"{fits[best]} of the first {boxes} boxes fit their picture as {best}")
        if best != convention:
            settings["boxes"] = best
            notes.append(f"documented are {convention}, of which {fits[convention]} fit")
        return Found(settings, tuple(notes))


def name_in(record: Record) -> object:
    """The picture's path under any of the names that are in use."""
    return next(
        (record[name] for name in ("img_filename", "img_path", "image", "file_name") if name in record), ""
    )


def peek_records(path: str, fits: Callable[[Record], bool], most: int = MAX_RECORDS) -> PeekedRecords | None:
    """Look for an annotation file whose first record fits, at the path or in the folder; local ones only."""
    if is_remote(path):
        return None
    where = local_path(path)
    for table in [where] if where.is_file() else _tables_in(where)[:MAX_TABLES]:
        if _fits_first(table, fits):
            with contextlib.suppress(DataError, OSError):
                records = tuple(one for one in first_records(str(table), most) if not isinstance(one, str))
                tables = str(table) if where.is_file() else _with_its_like(table, fits)
                return PeekedRecords(table, tables, records, _folder_of(records, table))
    return None


def _fits_first(table: Path, fits: Callable[[Record], bool]) -> bool:
    """Whether it is an annotation file, and its first record fits."""
    if not any(table.match(pattern) for pattern in PATTERNS):
        return False
    try:
        first = next(first_records(str(table), 1), "it is empty")
    except (DataError, OSError):
        return False
    return not isinstance(first, str) and fits(first)


def _with_its_like(table: Path, fits: Callable[[Record], bool]) -> str:
    """The file, or a glob where all files beside it of its suffix fit as well."""
    beside = sorted(table.parent.glob(f"*{table.suffix}"))
    all_fit = len(beside) > 1 and all(_fits_first(one, fits) for one in beside[:MAX_TABLES])
    return str(table.parent / f"*{table.suffix}") if all_fit else str(table)


def _tables_in(folder: Path) -> list[Path]:
    """Annotation files in a folder and one below."""
    return sorted(
        {one for pattern in PATTERNS for deep in (pattern, f"*/{pattern}") for one in folder.glob(deep)}
    )


def _folder_of(records: tuple[Record, ...], table: Path) -> str:
    """The folder that the first record's picture lies in, among those around the annotation file."""
    try:
        uri = picture_uri(name_in(records[0]))
    except DataError:
        return ""
    near = [table.parent, table.parent.parent]
    below = [
        Path(one.path)
        for folder in near
        for one in sorted(os.scandir(folder), key=lambda one: one.name)
        if one.is_dir()
    ]
    return next((str(folder) for folder in (*near, *below[:MAX_FOLDERS]) if is_local_file(folder / uri)), "")


def _fits(box: object, convention: str, width: int, height: int) -> bool:
    try:
        box_in_pixels(box, convention, width, height)
    except DataError:
        return False
    return True
