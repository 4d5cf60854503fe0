"""`somtom duplicates`: lines for meta/removals.txt that take out pictures which look like others."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from somtom.pipelines.output import OutputError
from somtom.schemas.duplicates import choose_copies, read_duplicates
from somtom.schemas.reasons import DataError
from somtom.schemas.record_fields import SPLITS


def duplicate_lines(folder: Path, split: str, copies: bool) -> Iterator[str]:
    """Name the samples of `split` whose picture stands in another split, too, after a line that says of what.

    Args:
        copies: name also those whose picture stands in the same split, but in an earlier group.

    Raises:
        OutputError: the folder holds no finished data set, or `split` is none.
    """
    if split not in SPLITS:
        raise OutputError(f"--from {split}: must be one of {', '.join(SPLITS)}")
    try:
        rows = list(read_duplicates(folder))
    except DataError as error:
        raise OutputError(f"{folder}: {error.message}; finish its build first") from error
    for _, members in groupby(rows, key=lambda row: int(row["look"])):
        doomed, like = choose_copies(list(members), split, copies)
        if doomed:
            yield f"# like {like['key']} in {like['split']} ({like['uri']})"
            yield from (row["key"] for row in doomed)
