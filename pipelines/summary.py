"""The table that ends a run."""

from pathlib import Path

from somtom.pipelines.finish import Totals
from somtom.pipelines.job_metrics import metrics_lines
from somtom.schemas.reasons import Reject
from somtom.schemas.tracker_load import TrackerLoad

_WIDEST = 110  # characters of what is said of a reject
_WIDEST_URI = 40


def summary_lines(totals: Totals, folder: Path | str, wall_s: float) -> list[str]:
    """Say what a run made of its inputs, a line each: books by source and stage, reasons, time and size.

    Below each reason stands the first message of it.
    """
    rows = [("data set", "stage", "inputs", "samples", "filtered", "failed")]
    below: dict[int, str] = {}
    firsts = {(one.source, one.stage, one.reason): one for one in totals.firsts}
    for books in totals.books:
        went_on = f"{books.samples}" if books.stage == "label" else f"{books.samples} used"
        rows.append(
            (books.source, books.stage, f"{books.inputs}", went_on, f"{books.filtered}", f"{books.failed}")
        )
        for reason, count in books.reasons:
            rows.append(("", "", "", "", f"{reason}", f"{count}"))
            below[len(rows) - 1] = _said_first(firsts[books.source, books.stage, reason])
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    lines = []
    for index, row in enumerate(rows):
        cells = (
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  ".join(cells).rstrip())
        if index in below:
            lines.append(below[index])
    rate = totals.clips / wall_s if wall_s > 0 else 0.0
    spent = ", ".join(f"{step} {seconds:.1f} s" for step, seconds in sorted(totals.seconds.items()))
    lines += metrics_lines(totals.metrics)
    lines.append(
        f"{totals.samples} samples in {totals.shards} shards, {totals.size_bytes / 1e6:.1f} MB, "
        f"in {str(folder).rstrip('/')}/shards"
    )
    lines.append(
        f"this run: {totals.clips} clips in {wall_s:.1f} s, {rate:.2f} clips/s; "
        f"all workers and runs together: {spent or 'nothing'}"
    )
    return [*lines, *_load_lines(totals.load)]


def _load_lines(load: TrackerLoad) -> list[str]:
    """Say how busy the tracker was, where clips were brought to it in batches: that is what a GPU costs."""
    lines = []
    if load.total_s:
        lines.append(
            f"tracker busy {load.busy_s / load.total_s:.0%} of the time, "
            f"waited for clips {load.waited_s / load.total_s:.0%}, "
            f"for labelling and writing {load.other_s / load.total_s:.0%}"
        )
    if load.halved:
        lines.append(f"batches halved, since they did not fit into memory: {load.halved}")
    return lines


def _said_first(reject: Reject) -> str:
    """One line of a reject: where, and what is wrong."""
    uri = reject.uri if len(reject.uri) <= _WIDEST_URI else f"...{reject.uri[3 - _WIDEST_URI :]}"
    said = " ".join(f"{uri}: {reject.message}".split())
    return f"  {said}" if len(said) <= _WIDEST else f"  {said[: _WIDEST - 3]}..."
