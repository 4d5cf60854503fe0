"""JSON files that are small enough to be read whole."""

import os
from pathlib import PurePosixPath

from somtom.schemas.reasons import DataError
from somtom.schemas.record import load_json
from somtom.sources.files import open_binary

MAX_JSON_BYTES = 1 << 26


def read_json(locator: str) -> object:
    """Read a JSON file, up to a bound; a byte-order mark is skipped.

    Raises:
        DataError: `missing`, or `bad_record`: it is too large or not valid JSON.
        OSError: the store failed.
    """
    name = PurePosixPath(locator).name
    with open_binary(locator) as file:
        # A read of so many bytes would set all of them aside.
        if file.seek(0, os.SEEK_END) > MAX_JSON_BYTES:
            raise DataError("bad_record", f"{name} is larger than {MAX_JSON_BYTES} bytes")
        file.seek(0)
        data = file.read()
    try:
        return load_json(data.removeprefix(b"\xef\xbb\xbf"))
    except DataError as error:
        raise DataError(error.reason, f"{name} is {error.message}") from error
