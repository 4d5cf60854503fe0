"""ScreenSpot v1, v2 and Pro: instructions on screenshots, each with the box of the icon or text meant.

JSON records are {img_filename, bbox, instruction, data_type, data_source}, in Pro {img_filename, bbox,
img_size, instruction, application, platform, ui_type}. Parquet files hold the pictures as well.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import ClassVar

from somtom.sources.peeking import peek_records
from somtom.sources.picture_records import Asked, PictureRecords
from somtom.sources.source import Found

# version -> how boxes are written in JSON, and in Parquet
VERSIONS: dict[str, tuple[str, str]] = {
    "v1": ("xywh_px", "xyxy_ratio"),
    "v2": ("xywh_px", "xyxy_ratio"),
    "pro": ("xyxy_px", "xyxy_px"),
}


@dataclass(frozen=True, kw_only=True)
class ScreenSpotSource(PictureRecords):
    """ScreenSpot's JSON files and screenshots, or Parquet files with the screenshots in them."""

    kind: ClassVar[str] = "screenspot"

    version: str = "v1"  # v1 | v2 | pro: says how boxes are written, unless `boxes` does
    text: str = "instruction"  # the record's instruction, by name; Pro also has instruction_cn

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.version not in VERSIONS:
            raise ValueError(f"version must be one of {', '.join(VERSIONS)}, got {self.version!r}")

    @classmethod
    def recognise(cls, path: str) -> Found | None:
        """Look for records of one box with its kind of target or application; see `Source.recognise`."""
        peeked = peek_records(path, _is_screenspot)
        if peeked is None:
            return None
        is_pro = any("application" in record for record in peeked.records)
        version = "pro" if is_pro else "v2" if "v2" in str(peeked.table).lower() else "v1"
        embedded = peeked.table.suffix == ".parquet"
        found = peeked.found(lambda record: [record["bbox"]], VERSIONS[version][embedded])
        return Found({**found.settings, **({"version": version} if version != "v1" else {})}, found.notes)

    def picture_of(self, record: Mapping[str, object]) -> object:
        """Its path under any of the names in use; None where it is embedded and has none."""
        image = record.get("image")
        if isinstance(image, dict):
            name = record.get("file_name")
            return PurePosixPath(name).name if isinstance(name, str) and name else None
        names = ("img_filename", "img_path", "file_name")
        return next((record[name] for name in names if name in record), image or "")

    def convention(self, table: str) -> str:
        """As the version documents it for JSON, or for Parquet."""
        return VERSIONS[self.version][table.lower().endswith(".parquet")]

    def group_of(self, uri: str, record: Mapping[str, object]) -> str:
        """The application, or the picture where none is named."""
        application = record.get("application")
        return application if isinstance(application, str) and application else uri

    def asked_in(self, record: Mapping[str, object]) -> list[Asked]:
        """The record itself; its instruction says what to do, not what is written on the element."""
        text = record.get(self.text, record.get("prompt_to_evaluate"))
        role = record.get("data_type", record.get("ui_type"))
        return [Asked(text, record.get("bbox"), role=role, size=record.get("img_size"))]


def _is_screenspot(record: Mapping[str, object]) -> bool:
    is_marked = any(name in record for name in ("data_source", "data_type", "ui_type", "application"))
    is_asked = any(name in record for name in ("instruction", "prompt_to_evaluate"))
    return "bbox" in record and is_asked and is_marked and "elements" not in record
