"""Mind2Web: tasks done on web pages, as JSON beside screenshots, or as Multimodal-Mind2Web's Parquet."""

import json
import math
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from typing import ClassVar

from somtom.schemas.reasons import DataError
from somtom.schemas.refs import Item
from somtom.sources.annotations import fill
from somtom.sources.files import is_local_file, is_remote, local_path
from somtom.sources.mind2web_index import Record, StepPlace, first_step, step_of, steps_in
from somtom.sources.mind2web_page import PAGES
from somtom.sources.mind2web_steps import JsonStep, RowStep, WebEpisode
from somtom.sources.parquet_cells import ParquetCells
from somtom.sources.peeking import peek_records
from somtom.sources.picture_records import picture_uri, unusable
from somtom.sources.places import PARQUET, Place, list_tables, read_placed, table_locator
from somtom.sources.screens import ScreenEpisode, ScreenSource
from somtom.sources.source import Found

# Where screenshots lie in the layouts in circulation.
IMAGES = (
    "{annotation_id}-{action_uid}.jpg",
    "{annotation_id}_{action_uid}/images/0.jpg",
    "{action_uid}.jpg",
    "0.jpg",
)


@dataclass(frozen=True, kw_only=True)
class Mind2WebSource(ScreenSource):
    """Mind2Web: its JSON files and screenshots, or Multimodal-Mind2Web's Parquet files."""

    kind: ClassVar[str] = "mind2web"

    path: str  # the folder that the screenshots are in, or Parquet files with the screenshots in them
    annotations: str = ""  # JSON of tasks or JSON lines of steps: a file, folder or glob; "" = in `path`
    image: str = "{annotation_id}-{action_uid}.jpg"  # where in `path` a step's screenshot lies
    scale: float = 1.0  # pixels of the screenshots for each CSS pixel; held against the page's size
    page: str = "full"  # full (screenshots show the whole page) | viewport (its first screen)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.page not in PAGES:
            raise ValueError(f"page must be one of {', '.join(PAGES)}, got {self.page!r}")
        if not (math.isfinite(self.scale) and 0.1 <= self.scale <= 10):
            raise ValueError(f"scale must be 0.1 to 10, got {self.scale!r}")

    @property
    def tables(self) -> str:
        """Where the annotation files are."""
        return self.annotations or self.path

    @classmethod
    def recognise(cls, path: str) -> Found | None:
        """Look for steps with `pos_candidates`; see `Source.recognise`."""
        peeked = peek_records(path, lambda record: first_step(record) is not None, most=1)
        if peeked is None:
            return None
        if peeked.table.suffix == PARQUET:
            return Found(
                {"path": peeked.tables}, (f"{peeked.table.name}: steps of web tasks with their screenshots",)
            )
        step = first_step(peeked.records[0]) or {}
        settings: dict[str, object] = {"path": str(peeked.table.parent), "annotations": peeked.tables}
        for image in IMAGES:
            try:
                there = is_local_file(peeked.table.parent / picture_uri(fill(image, step)))
            except DataError:
                continue
            if there:
                return Found(
                    {**settings, "image": image},
                    (f"{peeked.table.name}: steps of web tasks", f"pictures: {image}"),
                )
        notes = (
            f"{peeked.table.name}: steps of web tasks",
            "its screenshots were not found: set path and image",
        )
        return Found(settings, notes)

    def items(self, index: int) -> Iterator[Item]:
        """List the trajectories, their steps gathered from all files; see `Source.items`."""
        if not is_remote(self.path) and not local_path(self.path).exists():
            raise DataError("missing", f"path {self.path!r} is not there")
        steps: dict[str, dict[int, StepPlace]] = {}
        items: list[Item] = []
        for table in list_tables(self.tables):
            row = 0
            try:
                for row, found in enumerate(steps_in(table), start=1):
                    if isinstance(found, DataError):
                        items.append(unusable(index, f"{table.uri}#n={row}", table.locator, found))
                        continue
                    name, step = found
                    if steps.setdefault(name, {}).setdefault(step.number, step) is not step:
                        again = DataError("duplicate", f"step {step.number} of {name} was listed before")
                        items.append(unusable(index, f"{table.uri}#n={row}", table.locator, again))
            except DataError as error:
                uri = f"{table.uri}#n={row + 1}" if row else table.uri
                items.append(unusable(index, uri, table.locator, error))
        for name, numbered in steps.items():
            places = [numbered[number] for number in sorted(numbered)]
            locator = table_locator(self.tables, places[0].table)
            items.append(Item(index, name, locator, json.dumps([astuple(one) for one in places])))
        yield from sorted(items, key=lambda item: item.uri)

    def open(self, uri: str, locator: str, payload: str) -> ScreenEpisode:
        """Find the steps of a trajectory; see `ScreenSource.open`."""
        says = json.loads(payload)
        if isinstance(says, dict):
            raise DataError(says["reason"], says["message"])
        places = [StepPlace(*one) for one in says]
        rows: dict[str, ParquetCells] = {}
        records: dict[tuple[str, int], Record] = {}
        steps: dict[int, JsonStep | RowStep] = {}
        for place in places:
            where = table_locator(self.tables, place.table)
            if place.table.lower().endswith(PARQUET):
                if place.table not in rows:
                    rows[place.table] = ParquetCells(where)
                steps[place.number] = RowStep(where, rows[place.table], place.at)
                continue
            key = (place.table, place.at)
            if key not in records:
                records[key] = next(read_placed(where, [Place(place.at, place.size)]))
            steps[place.number] = JsonStep(step_of(records[key], place.action), self.path, self.image)
        return WebEpisode(steps, self.scale, self.page, uri)
