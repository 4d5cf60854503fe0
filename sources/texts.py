"""Instructions that come beside the videos: a table of (video, text)."""

import csv
import io
import json
from pathlib import PurePosixPath

from somtom.schemas.reasons import DataError
from somtom.sources.files import open_binary

MAX_BYTES = 1 << 28


def load_texts(locator: str) -> dict[str, str]:
    """Read a CSV (with a header) or JSONL of `video` (its uri) and `text`; the first text of a video counts.

    Raises:
        DataError: `missing` or `bad_record`.
    """
    with open_binary(locator) as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise DataError("bad_record", f"{locator} is larger than {MAX_BYTES} bytes")
    lines = io.StringIO(content.decode("utf-8-sig", "replace"), newline="")
    rows = _json_rows(lines, locator) if PurePosixPath(locator).suffix == ".jsonl" else csv.DictReader(lines)
    texts: dict[str, str] = {}
    try:
        for number, row in enumerate(rows, start=1):
            video, text = row.get("video"), row.get("text")
            if not isinstance(video, str) or not isinstance(text, str):
                raise DataError("bad_record", f"{locator}: record {number} must have a `video` and a `text`")
            texts.setdefault(video, " ".join(text.split()))
    except csv.Error as error:
        raise DataError("bad_record", f"{locator} is not valid CSV: {error}") from error
    return texts


def _json_rows(lines: io.StringIO, locator: str) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError("bad_record", f"{locator}: line {number} is not JSON: {error}") from error
        if not isinstance(row, dict):
            raise DataError(
                "bad_record", f"{locator}: line {number} must be an object, got {type(row).__name__}"
            )
        rows.append(row)
    return rows
