"""The report's first sections: what there is, the books, and what gave no sample."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from somtom.pipelines.report_charts import legend, number, series_class, split_bar
from somtom.pipelines.report_duplicates import Looks
from somtom.pipelines.report_facts import EXAMPLES, Facts, balanced, books_of
from somtom.pipelines.report_gallery import reject_picture
from somtom.pipelines.report_html import Html, element, joined, section, table
from somtom.schemas.books import LABEL, SCAN, Books
from somtom.schemas.folder import plan_path, tracks_path
from somtom.schemas.parquet import find_rows, read_runs
from somtom.schemas.plan_table import PLAN_COLUMNS
from somtom.schemas.reasons import FAILED, REASONS, DataError, Reject
from somtom.schemas.record_fields import SPLITS, TASKS
from somtom.schemas.tracks_table import TRACKS_COLUMNS

_STAGES = {SCAN: ("What went in", "inputs", "used"), LABEL: ("What was planned", "planned", "samples")}
_WHEN = {SCAN: "when scanned", LABEL: "when labelled"}
_PICTURES = 40  # of rejects


def overview_section(facts: Facts, looks: Looks | None) -> Html:
    """Totals, whether they may be trusted, and samples by task, split and source."""
    scanned, planned = books_of(facts, SCAN), books_of(facts, LABEL)
    tiles = [
        ("samples", number(facts.samples) if facts.samples < 1e6 else f"{facts.samples:,}", _splits(facts)),
        (
            "sources",
            f"{len({one.source for one in facts.books}):,}",
            f"{sum(b.inputs for b in scanned):,} inputs",
        ),
        ("filtered", f"{sum(one.filtered for one in facts.books):,}", "left out on purpose"),
        ("failed", f"{sum(one.failed for one in facts.books):,}", "could not be used"),
        ("shards", f"{sum(facts.shards.values()):,}", f"{facts.size_bytes() / 1e6:,.1f} MB"),
    ]
    return section(
        "overview",
        "Overview",
        _under_way(facts),
        element("dl", *(_tile(*one) for one in tiles), class_="tiles"),
        element("ul", *_checks(facts, planned, looks), class_="checks"),
        *_composition(facts),
    )


def _tile(name: str, value: str, below: str) -> Html:
    return element("div", element("dt", name), element("dd", value), element("dd", below, class_="below"))


def _splits(facts: Facts) -> str:
    counts = Counter(facts.columns["split"].astype(str).tolist())
    return ", ".join(f"{counts[split]:,} {split}" for split in SPLITS if counts[split]) or "none"


def _under_way(facts: Facts) -> Html:
    if facts.finished:
        return Html("")
    whole = sum(facts.shards.values())
    said = (
        f"This build is not finished: {whole:,} of {len(facts.shards):,} shards are whole, and only they are "
        "told of here. Run the same build again to go on with it."
    )
    return element("p", said, class_="notice", role="note")


def _checks(facts: Facts, planned: Sequence[Books], looks: Looks | None) -> Iterable[Html]:
    """What a person would ask first, each answered with yes or no."""
    yield _check(
        balanced(facts),
        "The books balance: every input is a sample, filtered or failed, and every sample is in the table.",
        "The books do not balance: inputs are not accounted for. Run `somtom check`.",
    )
    split_of: dict[str, set[str]] = {}
    if "group" in facts.columns:
        for group, split in zip(facts.columns["group"], facts.columns["split"], strict=True):
            split_of.setdefault(str(group), set()).add(str(split))
        torn = sum(len(splits) > 1 for splits in split_of.values())
        yield _check(
            not torn, "No group stands in two splits.", f"{torn:,} groups stand in more than one split."
        )
    if looks is not None:
        leaks = sum(look.leaks for look in looks.several)
        yield _check(
            not leaks,
            "No picture, by its look, stands in two splits.",
            f"{leaks:,} pictures, by their look, stand in more than one split: see Duplicates.",
        )
    failed = sum(one.failed for one in facts.books)
    yield _check(
        not failed, "No input failed.", f"{failed:,} inputs could not be used: see Rejects for each reason."
    )


def _check(holds: bool, yes: str, no: str) -> Html:
    sign = element("span", "✓" if holds else "!", aria_hidden="true", class_="sign")
    return element("li", sign, yes if holds else no, class_="holds" if holds else "fails")


def _composition(facts: Facts) -> Iterable[Html]:
    tasks = facts.columns["task"].astype(str)
    counts = Counter(tasks.tolist())
    order = [task for task in TASKS if counts[task]]
    if not order:
        yield element("p", "No input gave a sample; the reasons stand below.", class_="notice")
        return
    yield element("h3", "Samples by source and task")
    yield legend({task: counts[task] for task in order})
    sources = facts.columns["dataset"].astype(str)
    names, totals = np.unique(sources, return_counts=True)
    most = int(totals.max())
    rows = []
    for place in np.lexsort((names, -totals)):
        of_source = Counter(tasks[sources == names[place]].tolist())
        parts = [(task, of_source[task], series_class(task, 0)) for task in order]
        tip = f"{names[place]}: " + ", ".join(f"{task} {count:,}" for task, count, _ in parts if count)
        rows.append((str(names[place]), split_bar(parts, most, tip), int(totals[place])))
    yield table("Samples by source and task", ("source", "tasks", "samples"), rows, text_columns=2)


def books_section(facts: Facts) -> Html:
    """For each stage and source: inputs = samples + filtered + failed."""
    parts: list[Html] = [
        element(
            "ul",
            *(
                element("li", element("i", class_=f"swatch {kind}"), said)
                for kind, said in (
                    ("of-used", "used"),
                    ("of-filtered", "filtered: left out on purpose"),
                    ("of-failed", "failed: could not be used"),
                )
            ),
            class_="legend",
        )
    ]
    for stage, (title, inputs, used) in _STAGES.items():
        books = books_of(facts, stage)
        rows = [_book_row(one) for one in [_sum(books, stage), *books]]
        parts += [
            element("h3", title),
            table(
                f"{title}, by source", ("source", "", inputs, used, "filtered", "failed", "balance"), rows, 2
            ),
        ]
    return section("books", "Books", *parts)


def _book_row(one: Books) -> tuple[object, ...]:
    parts = [
        ("used", one.samples, "of-used"),
        ("filtered", one.filtered, "of-filtered"),
        ("failed", one.failed, "of-failed"),
    ]
    tip = f"{one.source}: " + ", ".join(f"{count:,} {name}" for name, count, _ in parts)
    sign = "✓" if one.balanced else f"{one.inputs - one.samples - one.filtered - one.failed:+,}"
    return (
        one.source,
        split_bar(parts, one.inputs, tip),
        one.inputs,
        one.samples,
        one.filtered,
        one.failed,
        sign,
    )


def _sum(books: Sequence[Books], stage: str) -> Books:
    reasons: Counter[str] = Counter()
    for one in books:
        reasons.update(dict(one.reasons))
    inputs, samples = sum(one.inputs for one in books), sum(one.samples for one in books)
    return Books("all sources", stage, inputs, samples, tuple(sorted(reasons.items())))


def rejects_section(facts: Facts) -> Html:
    """Every reason, the most frequent first, with examples of each source."""
    counts: Counter[str] = Counter()
    by_source: dict[str, Counter[tuple[str, str]]] = {}
    for books in facts.books:
        for reason, count in books.reasons:
            counts[reason] += count
            by_source.setdefault(reason, Counter())[books.source, books.stage] += count
    if not counts:
        return section("rejects", "Rejects", element("p", "Every input gave a sample."))
    pictures = _pictures(facts)
    blocks = [
        _reason(facts, reason, count, by_source[reason], pictures) for reason, count in counts.most_common()
    ]
    said = (
        f"{sum(counts.values()):,} inputs gave no sample. Below, up to {EXAMPLES} examples of each reason, "
        "source and stage; meta/rejects.parquet has them all."
    )
    return section("rejects", "Rejects", element("p", said), *blocks, _warnings(facts))


def _reason(
    facts: Facts,
    reason: str,
    count: int,
    sources: Counter[tuple[str, str]],
    pictures: Mapping[tuple[str, str], str],
) -> Html:
    outcome, meaning = REASONS[reason]
    kind = "of-failed" if outcome == FAILED else "of-filtered"
    head = element(
        "summary",
        element("i", class_=f"swatch {kind}"),
        element("b", reason),
        element("span", meaning, class_="meaning"),
        element("span", outcome, class_="outcome"),
        element("span", count, class_="count"),
    )
    groups = []
    for (source, stage), number_of in sources.most_common():
        examples = [
            one for one in facts.examples if (one.source, one.stage, one.reason) == (source, stage, reason)
        ]
        title = f"{source}: {number_of:,} {_WHEN[stage]}"
        groups.append(element("h4", title))
        groups.append(
            element(
                "ul",
                *(_example(one, pictures.get((one.key, one.uri), "")) for one in examples),
                class_="examples",
            )
        )
    return element("details", head, *groups, class_="reason")


def _example(one: Reject, picture: str) -> Html:
    place = f" at {one.position_s:.2f} s" if one.position_s >= 0 else ""
    shown = element("img", src=picture, alt="the picture, without marks", loading="lazy") if picture else ""
    where = element("code", one.uri, dir="auto")
    key = element("code", one.key, class_="key") if one.key else ""
    text = element("div", element("p", where, place), element("p", one.message, dir="auto"), key)
    return element("li", shown, text)


def _pictures(facts: Facts) -> dict[tuple[str, str], str]:
    """The clean pictures of the first examples whose clip was decoded: (key, uri) -> address."""
    shards = _shards_of({one.key for one in facts.examples if one.stage == LABEL and one.key}, facts)
    found: dict[tuple[str, str], str] = {}
    for one in facts.examples:
        if len(found) == _PICTURES:
            break
        path = tracks_path(facts.folder, shards.get(one.key, ""))
        if one.key not in shards or not path.is_file():
            continue
        for row in find_rows(path, TRACKS_COLUMNS, "key", one.key):
            if row["key"] == one.key and row["clean_jpeg"]:
                try:
                    found[one.key, one.uri] = reject_picture(row["clean_jpeg"])
                except DataError as error:
                    raise DataError(error.reason, f"{path.name}: {one.key}: {error.message}") from error
    return found


def _warnings(facts: Facts) -> Html:
    if not facts.warned:
        return Html("")
    rows = [(f"{source}: {uri}", warning) for source, uri, warning in facts.warnings]
    said = f"{facts.warned:,} inputs were odd but usable"
    return element(
        "details",
        element("summary", element("b", said), class_="plain"),
        table(said, ("input", "what was odd"), rows, 2),
        class_="reason",
    )


def _shards_of(keys: set[str], facts: Facts) -> dict[str, str]:
    """Which shard each of the keys was planned for."""
    if not keys:
        return {}
    rows = read_runs(plan_path(facts.folder), PLAN_COLUMNS, ["key", "shard"])
    return {row["key"]: row["shard"] for row, _ in rows if row["key"] in keys}


def header_line(facts: Facts) -> Html:
    """One sentence that says what this is."""
    made = facts.provenance.get("packages")
    version = made.get("somtom", "") if isinstance(made, dict) else ""
    licences = sorted({str(one) or "not stated" for one in facts.columns.get("licence", ())})
    said = f"{facts.samples:,} samples from {len({one.source for one in facts.books}):,} sources"
    if licences:
        said += f"; licences of the inputs: {', '.join(licences)}"
    return joined([said, f"; made by somtom {version}" if isinstance(version, str) and version else ""])
