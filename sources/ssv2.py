"""Something-Something v2: short videos that each show one action, named by a template of 174."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from somtom.schemas.reasons import DataError
from somtom.schemas.record import load_json
from somtom.sources.annotated_video import AnnotatedVideos
from somtom.sources.annotation_files import read_records
from somtom.sources.annotations import BadRow, Row
from somtom.sources.files import open_binary

TEXTS = ("label", "template")
MAX_LABELS_BYTES = 1 << 24


@dataclass(frozen=True, kw_only=True)
class SomethingSomethingSource(AnnotatedVideos):
    """Something-Something v2: its list of {id, template, label, placeholders} and the videos."""

    kind: ClassVar[str] = "ssv2"
    known_by: ClassVar[tuple[str, ...]] = ("id", "template")

    video: str = "{id}.webm"  # where in `path` a video lies
    labels: str = ""  # labels.json, the classes: a row of none of them is rejected; "" = all are taken
    text: str = "label"  # label (what this video shows) | template (its class): the instruction

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.text not in TEXTS:
            raise ValueError(f"text must be one of {', '.join(TEXTS)}, got {self.text!r}")

    def rows(self) -> Iterator[Row | BadRow]:
        """Read the list; see `AnnotatedVideos.rows`. The test list has no templates: all its rows are bad."""
        known = load_labels(self.labels) if self.labels else None
        for number, record in enumerate(read_records(self.annotations, ("id", "template")), start=1):
            if isinstance(record, str):
                yield BadRow(number, "bad_record", record)
                continue
            name = class_of(record["template"])
            if known is not None and name not in known:
                yield BadRow(number, "bad_record", f"{name[:80]!r} is no class of {self.labels}")
                continue
            text = record.get("label") if self.text == "label" else name
            yield self.row(number, record, 0.0, float("inf"), text or name)


def class_of(template: object) -> str:
    """Name the class of a template: its words without the brackets, "" where it is no text.

    >>> class_of("Putting [something] on [something]")
    'Putting something on something'
    """
    return " ".join(re.sub(r"[\[\]]", "", template).split()) if isinstance(template, str) else ""


def load_labels(locator: str) -> Mapping[str, str]:
    """Read the ids, which are texts, of the classes.

    Raises:
        DataError: `missing` or `bad_record`.
    """
    with open_binary(locator) as file:
        content = file.read(MAX_LABELS_BYTES + 1)
    if len(content) > MAX_LABELS_BYTES:
        raise DataError("bad_record", f"{locator} is larger than {MAX_LABELS_BYTES} bytes")
    labels = load_json(content)
    if not isinstance(labels, dict) or not all(isinstance(one, str) for one in labels.values()):
        raise DataError("bad_record", f"{locator} must be an object of class: id, each id a text")
    return labels
