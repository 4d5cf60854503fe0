"""`somtom report`: one HTML page, all inside, that says what a data set holds and shows it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from somtom.pipelines.card import title_of
from somtom.pipelines.report_choice import stratified_order
from somtom.pipelines.report_duplicates import find_looks
from somtom.pipelines.report_facts import read_facts
from somtom.pipelines.report_gallery import LISTED, make_gallery, rows_block
from somtom.pipelines.report_html import Html, element, gallery_of, page_of
from somtom.pipelines.report_numbers import (
    actions_section,
    duplicates_section,
    figures_section,
    making_section,
    throughput_section,
)
from somtom.pipelines.report_overview import books_section, header_line, overview_section, rejects_section
from somtom.pipelines.report_records import read_records
from somtom.schemas.action_stats import read_action_stats
from somtom.schemas.files import write_whole
from somtom.schemas.folder import META, REPORT


@dataclass(frozen=True)
class Written:
    """A report: where it is, how large, what it shows."""

    path: Path
    size_bytes: int
    samples: int
    listed: int
    pictures: int
    finished: bool


def write_report(
    folder: Path, out: Path | None = None, pictures: int = 300, budget_mb: float = 8.0
) -> Written:
    """Write the report of a data set, also of one that is still being built or has no samples.

    Args:
        folder: a data set as `build` writes it.
        out: the page; None: the data set's meta/report.html.
        pictures: samples shown with their picture at most.
        budget_mb: 10^6 bytes that the pictures may take in the page.

    Raises:
        OutputError: the folder holds no build.
        DataError: a table or a shard is damaged.
    """
    facts = read_facts(folder)
    looks = find_looks(facts.columns)
    order = stratified_order(facts.columns)
    # What looks the same is to be seen side by side.
    first = looks.shown(facts.columns)[: pictures // 4] if looks is not None else []
    chosen = list(dict.fromkeys([*first, *order.tolist()]))[:pictures]
    keys = facts.columns["key"]
    sums, samples = read_records(facts, {str(keys[row]) for row in chosen})
    found = ((row, samples[str(keys[row])]) for row in chosen if str(keys[row]) in samples)
    gallery = make_gallery(found, round(budget_mb * 1e6))
    ranks = {row: rank for rank, row in enumerate(order.tolist())}
    pictured = sorted(gallery.rows, key=ranks.__getitem__)
    listed = np.union1d(order[:LISTED], np.array(pictured, dtype=np.int64))
    sections = {
        "overview": overview_section(facts, looks),
        "books": books_section(facts),
        "rejects": rejects_section(facts),
        "figures": figures_section(facts, sums),
        "actions": actions_section(read_action_stats(folder), sums),
        "duplicates": duplicates_section(facts, looks),
        "throughput": throughput_section(facts),
        "making": making_section(facts),
    }
    title = title_of(sorted({one.source for one in facts.books})) if facts.books else "An empty data set"
    links = [("overview", "Overview"), ("books", "Books"), ("rejects", "Rejects")]
    links += [("samples", "Samples")] if facts.samples else []
    later = {"figures": "Distributions"} | {
        name: name.capitalize() for name in ("actions", "duplicates", "throughput")
    }
    links += [(name, said) for name, said in later.items() if sections[name]]
    slots = {
        **sections,
        "heading": element("h1", title, dir="auto"),
        "line": header_line(facts),
        "links": Html("".join(element("a", said, href=f"#{name}") for name, said in links)),
        "samples": gallery_of(_said_of_samples(facts.samples, len(listed), len(gallery.rows)))
        if facts.samples
        else Html(""),
        "rows": rows_block(facts, listed, pictured) if facts.samples else Html(""),
        "blocks": gallery.blocks,
    }
    page = page_of(f"{title}: report", slots)
    path = folder / META / REPORT if out is None else out
    write_whole(path, page)
    return Written(path, len(page), facts.samples, len(listed), len(gallery.rows), facts.finished)


def _said_of_samples(samples: int, listed: int, pictures: int) -> Html:
    """What stands above the gallery."""
    said = f"{pictures:,} samples have their picture here: a seeded choice of every source, task and split"
    if listed < samples:
        said += f". The list holds {listed:,} of {samples:,} samples"
    return element("p", said, ".")
