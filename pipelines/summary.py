"""The table that ends a run."""

from pathlib import Path

from somtom.pipelines.finish import Totals


def summary_lines(totals: Totals, folder: Path, wall_s: float) -> list[str]:
    """Say what a run made of its inputs, a line each: books by source and stage, reasons, time and size."""
    rows = [("data set", "stage", "inputs", "samples", "filtered", "failed")]
    for books in totals.books:
        went_on = f"{books.samples}" if books.stage == "label" else f"{books.samples} used"
        rows.append(
            (books.source, books.stage, f"{books.inputs}", went_on, f"{books.filtered}", f"{books.failed}")
        )
        rows += [("", "", "", "", f"{reason}", f"{count}") for reason, count in books.reasons]
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    lines = [
        "  ".join(
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    rate = totals.clips / wall_s if wall_s > 0 else 0.0
    spent = ", ".join(f"{step} {seconds:.1f} s" for step, seconds in sorted(totals.seconds.items()))
    lines.append(
        f"{totals.samples} samples in {totals.shards} shards, {totals.size_bytes / 1e6:.1f} MB, "
        f"in {folder / 'shards'}"
    )
    lines.append(
        f"this run: {totals.clips} clips in {wall_s:.1f} s, {rate:.2f} clips/s; "
        f"all workers and runs together: {spent or 'nothing'}"
    )
    return lines
