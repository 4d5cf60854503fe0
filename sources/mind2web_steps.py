"""One task of Mind2Web, opened: its steps, wherever they lie."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from somtom.schemas.annotation import Screen
from somtom.schemas.keys import digest
from somtom.schemas.reasons import DataError
from somtom.sources.annotations import fill
from somtom.sources.fingerprint import fingerprint, shared_fingerprint
from somtom.sources.images import read_image
from somtom.sources.mind2web_page import (
    action_in_words,
    make_screen,
    parse_candidates,
    parse_operation,
    summary_in_words,
)
from somtom.sources.parquet_cells import ParquetCells
from somtom.sources.picture_records import picture_uri
from somtom.sources.screens import ScreenEpisode
from somtom.sources.words import words_of

HELD_PICTURES = 8  # encoded, of one task
HEAD = ("annotation_id", "confirmed_task", "website", "action_reprs", "operation")
BODY = ("pos_candidates", "neg_candidates", "cleaned_html")

Record = Mapping[str, object]


class JsonStep:
    """A step of a JSON file, its screenshot at `image` in `folder`.

    `head` says what is asked and done, `body` what is on the page.
    """

    def __init__(self, record: Record, folder: str, image: str) -> None:
        self.head = record
        self.body = record
        self._folder = folder
        self._image = image

    def _locator(self) -> str:
        for name in ("annotation_id", "action_uid"):
            if not words_of(self.head.get(name)):
                raise DataError("bad_record", f"the step has no {name}")
        return f"{self._folder.rstrip('/') or '/'}/{picture_uri(fill(self._image, self.head))}"

    def picture(self) -> bytes:
        """Read the screenshot."""
        return read_image(self._locator())

    @cached_property
    def stamp(self) -> str:
        """A hash of the screenshot's file and of what the step says."""
        says = [self.head.get(name) for name in (*HEAD, *BODY)]
        return digest(fingerprint(self._locator()), says)


class RowStep:
    """A row of a Parquet file, its screenshot in it; see `JsonStep`."""

    def __init__(self, locator: str, cells: ParquetCells, row: int) -> None:
        self._locator = locator
        self._cells = cells
        self._row = row

    def _read(self, columns: tuple[str, ...]) -> Record:
        return self._cells.row(self._row, [name for name in columns if name in self._cells.columns])

    @cached_property
    def head(self) -> Record:
        """What is asked and done."""
        return self._read(HEAD)

    @cached_property
    def body(self) -> Record:
        """What is on the page."""
        return self._read(BODY)

    def picture(self) -> bytes:
        """Read the screenshot, and no other column."""
        held: Any = self._cells.row(self._row, ["screenshot.bytes"]).get("screenshot")
        data = held.get("bytes") if isinstance(held, dict) else None
        if not isinstance(data, bytes) or not data:
            raise DataError("missing", f"row {self._row} holds no screenshot")
        return data

    @cached_property
    def stamp(self) -> str:
        """A hash of the file and of the row's number."""
        return digest(shared_fingerprint(self._locator), self._row)


class WebEpisode(ScreenEpisode):
    """One task, done in steps, each on the page as it then was; a step is numbered as in the whole task."""

    is_trajectory = True

    def __init__(self, steps: Mapping[int, JsonStep | RowStep], scale: float, page: str, name: str) -> None:
        self.count = len(steps)
        self._steps = steps
        self._scale = scale
        self._page = page
        self._pictures: dict[int, bytes] = {}
        head = next(iter(steps.values())).head
        if head.get("annotation_id") != name:
            raise DataError("changed_input", f"{name} is not where it was planned: plan again")
        self.group = words_of(head.get("website")) or name

    def steps(self) -> Iterator[int]:
        """The steps that the data set has."""
        return iter(self._steps)

    def has(self, step: int) -> bool:
        """Whether it has this one."""
        return step in self._steps

    def instruction(self, step: int) -> str:
        """The task, the same at each step."""
        text = words_of(self._steps[step].head.get("confirmed_task"))
        if not text:
            raise DataError("bad_record", "the step has no confirmed_task, or it is no text")
        return text

    def picture(self, step: int) -> bytes:
        """The page's screenshot."""
        if step not in self._pictures:
            self._pictures[step] = self._steps[step].picture()
            for old in list(self._pictures)[:-HELD_PICTURES]:
                del self._pictures[old]
        return self._pictures[step]

    def fingerprint(self, step: int) -> str:
        """A hash of the screenshot's file and of what is said of the step."""
        return self._steps[step].stamp

    def screen(self, step: int, width: int, height: int) -> Screen:
        """The page's elements and what is done."""
        head, body = self._steps[step].head, self._steps[step].body
        return make_screen(
            parse_candidates(body.get("pos_candidates"), is_target=True),
            parse_candidates(body.get("neg_candidates"), is_target=False),
            parse_operation(head.get("operation")),
            body.get("cleaned_html"),
            (width, height),
            self._scale,
            self._page,
        )

    def action_text(self, step: int) -> str:
        """What was done, such as "click [button] Search"."""
        head = self._steps[step].head
        summaries = head.get("action_reprs")
        said = summaries[step] if isinstance(summaries, list) and step < len(summaries) else None
        if words_of(said):
            return summary_in_words(said)
        targets = parse_candidates(self._steps[step].body.get("pos_candidates"), is_target=True)
        return action_in_words(parse_operation(head.get("operation")), targets)
