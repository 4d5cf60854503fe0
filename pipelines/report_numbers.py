"""The report's later sections: distributions, actions, duplicates, throughput, and how it was made."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from somtom.pipelines.report_charts import heat_map, histogram_figure, legend, number, small_bars, split_bar
from somtom.pipelines.report_duplicates import SHOWN, SHOWN_INPUTS, Look, Looks
from somtom.pipelines.report_facts import SCORES, Facts, score_columns
from somtom.pipelines.report_figures import Scale, histogram
from somtom.pipelines.report_html import Html, element, section, table
from somtom.pipelines.report_records import RecordSums
from somtom.schemas.action_stats import ActionStats
from somtom.schemas.books import LABEL
from somtom.schemas.near_pictures import NEAR_BITS
from somtom.schemas.record import RECORD
from somtom.schemas.record_fields import TASKS

_UNITS = {"0..1": "share"}
_FEW = 10  # dimensions of actions; more are shown when asked for


@dataclass(frozen=True)
class _Figure:
    """A figure of the records: its name there, what it shows, and how."""

    name: str
    title: str
    unit: str
    of: str
    scale: Scale
    note: str = ""


_OF_RECORDS = (
    _Figure("trace_moving", "Trace length, marks that move", "% of the shorter side", "marks", "log"),
    _Figure("trace_static", "Trace length, marks that stand still", "% of the shorter side", "marks", "log"),
    _Figure(
        "camera",
        "Camera motion, where it moved",
        "% of the shorter side a step",
        "clips",
        "log",
        "the path of the picture's middle",
    ),
    _Figure("box_side", "Box sizes", "pixels: root of the area", "boxes", "log"),
    _Figure("instruction", "Length of the instruction", "letters", "samples", "log"),
    _Figure("asked", "Length of what is asked", "letters", "samples", "log"),
    _Figure("answered", "Length of the answers", "letters", "samples", "log"),
)
_OF_TABLE = (
    _Figure("marks", "Marks per image", "marks", "samples", "count"),
    _Figure("foreground", "Marks in the foreground", "marks", "samples", "count"),
    _Figure("frames", "Frames per sample", "frames", "samples", "count"),
    _Figure("height", "Height of the pictures", "pixels", "samples", "linear"),
    _Figure("width", "Width of the pictures", "pixels", "samples", "linear"),
)


def figures_section(facts: Facts, sums: RecordSums) -> Html:
    """Distributions over all samples: of the table's columns, of the records, of the scores."""
    if not facts.samples:
        return Html("")
    tasks = facts.columns["task"].astype(str)
    counts = Counter(tasks.tolist())
    said = f"Over all {facts.samples:,} samples"
    if sums.records < facts.samples:
        said += (
            f"; what is not in samples.parquet (traces, boxes, texts, places) over the {sums.records:,} of a "
            "seeded choice of shards"
        )
    return section(
        "figures",
        "Distributions",
        element("p", said, ". A click on a bar of a score shows its samples."),
        legend({task: counts[task] for task in TASKS if counts[task]}),
        element("div", *_record_figures(sums), *_table_figures(facts, tasks), class_="figures"),
        *_part("Where marks lie", "figures maps", _maps(sums)),
        *_part("Scores", "figures", _scores(facts, tasks)),
        _medians(facts),
    )


def _medians(facts: Facts) -> Html:
    """The median of each count and score by source: a source that is unlike the others stands out."""
    sources = facts.columns["dataset"].astype(str)
    names = [name for name in ("marks", "foreground") if name in facts.columns]
    names += score_columns(facts.columns)
    rows = []
    for source in np.unique(sources).tolist():
        inside = sources == source
        cells: list[object] = [int(inside.sum())]
        for name in names:
            values = facts.columns[name][inside].astype(np.float64)
            measured = values[values != -1.0]
            cells.append(number(float(np.median(measured))) if len(measured) else "–")
        rows.append((source, *cells))
    head = ("source", "samples", *(name.removeprefix(SCORES).replace("_", " ") for name in names))
    title = "Medians by source"
    return element("div", element("h3", title), table(title, head, rows))


def _part(title: str, kind: str, figures: Iterator[Html]) -> Iterator[Html]:
    found = list(figures)
    if found:
        yield element("h3", title)
        yield element("div", *found, class_=kind)


def _in_order(values: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {task: values[task] for task in TASKS if task in values}


def _record_figures(sums: RecordSums) -> Iterator[Html]:
    for one in _OF_RECORDS:
        shown = histogram(_in_order(sums.of(one.name)), one.scale)
        if shown is not None:
            yield histogram_figure(one.title, one.unit, one.of, shown, one.note)


def _table_figures(facts: Facts, tasks: NDArray[Any]) -> Iterator[Html]:
    for one in _OF_TABLE:
        if one.name in facts.columns:
            values = facts.columns[one.name].astype(np.float64)
            shown = histogram(_by_task(values, tasks), one.scale)
            if shown is not None:
                column = one.name if one.name in ("marks", "foreground", "frames") else ""
                yield histogram_figure(one.title, one.unit, one.of, shown, column=column)


def _by_task(values: NDArray[np.float64], tasks: NDArray[Any]) -> dict[str, NDArray[np.float64]]:
    return _in_order({task: values[tasks == task] for task in np.unique(tasks).tolist()})


def _scores(facts: Facts, tasks: NDArray[Any]) -> Iterator[Html]:
    fields = {one.name: one for one in next(one for one in RECORD if one.name == "quality").fields}
    for column in score_columns(facts.columns):
        values = facts.columns[column].astype(np.float64)
        measured = values != -1.0
        shown = histogram(_by_task(values[measured], tasks[measured]), "linear")
        if shown is None:
            continue
        name = column.removeprefix(SCORES)
        known = fields.get(name)
        yield histogram_figure(
            name.replace("_", " "),
            _UNITS.get(known.unit, known.unit) if known else "",
            "samples",
            shown,
            known.meaning if known else "",
            column,
        )


def _maps(sums: RecordSums) -> Iterator[Html]:
    for task in TASKS:
        if task in sums.places:
            cells = sums.places[task]
            yield heat_map(f"{task}: marks over the picture", cells, f"{int(cells.sum()):,} marks")


def actions_section(stats: dict[str, ActionStats], sums: RecordSums) -> Html:
    """The actions of each robot data set, a row a dimension."""
    if not stats:
        return Html("")
    parts = []
    for dataset, one in stats.items():
        said = f"of {one.count:,} actions" if one.count >= 0 else "of an unknown number of actions"
        bins = sums.bins.get(dataset)
        rows = []
        for place, name in enumerate(one.names):
            drawn: Html | str = "no sample"
            if bins is not None and len(bins) == len(one.names):
                drawn = small_bars(bins[place].tolist(), f"{name}: how often each of 32 parts of q01 to q99")
            row = (one.min, one.q01, one.mean, one.q99, one.max, one.std)
            rows.append((name, drawn, *(number(values[place]) for values in row)))
        title = element("b", dataset, dir="auto")
        about = element("span", f"{len(rows)} dimensions; statistics {one.origin}, {said}", class_="meaning")
        numbers = table(
            f"Actions of {dataset}",
            ("dimension", "samples from q01 to q99", "min", "q01", "mean", "q99", "max", "std"),
            rows,
            2,
        )
        few = len(stats) == 1 or len(rows) <= _FEW
        parts.append(element("details", element("summary", title, about), numbers, class_="reason", open=few))
    return section("actions", "Actions", *parts)


def duplicates_section(facts: Facts, found: Looks | None) -> Html:
    """Pictures that look the same within and across splits."""
    if found is None or not found.hashed:
        return Html("")
    leaks = [look for look in found.several if look.leaks]
    within = [look for look in found.several if not look.leaks]
    samples = sum(len(one.rows) for one in found.several)
    said = (
        f"Of {found.hashed:,} pictures with a hash, {samples:,} look like one of another group "
        f"(at most {NEAR_BITS} of 64 bits differ): {len(leaks):,} looks across splits, "
        f"{len(within):,} within one. {found.repeats:,} samples repeat a picture of their own group, such as "
        "further instructions on one screenshot. `somtom duplicates` names all."
    )
    parts = [
        _look_table(facts, title, looks)
        for title, looks in (("Across splits", leaks), ("Within a split", within))
        if looks
    ]
    return section("duplicates", "Duplicates", element("p", said), *parts)


def _look_table(facts: Facts, title: str, looks: list[Look]) -> Html:
    keys, uris, sources, splits = (facts.columns[name] for name in ("key", "uri", "dataset", "split"))
    rows = []
    for look in looks[:SHOWN]:
        inputs = look.inputs(facts.columns)
        entries = []
        for of_input in inputs[:SHOWN_INPUTS]:
            row = of_input[0]
            link = element("a", f"{sources[row]}: {uris[row]}", href=f"#sample={keys[row]}", dir="auto")
            many = f", {len(of_input):,} samples" if len(of_input) > 1 else ""
            entries.append(element("li", link, element("span", f"{splits[row]}{many}", class_="small")))
        if len(inputs) > len(entries):
            entries.append(element("li", f"and {len(inputs) - len(entries):,} more inputs"))
        hashes = "same hash" if look.exact else "near"
        rows.append((hashes, element("ul", *entries, class_="links"), len(look.rows)))
    more = len(looks) - len(rows)
    note = element("p", f"and {more:,} more looks") if more > 0 else ""
    return element("div", element("h3", title), table(title, ("look", "inputs", "samples"), rows, 2), note)


def throughput_section(facts: Facts) -> Html:
    """What the steps of labelling cost, and how even the shards were."""
    seconds: Counter[str] = Counter()
    for one in facts.seconds.values():
        for step, spent in one.items():
            seconds[step] += spent  # type: ignore[assignment]  # a Counter adds floats as well
    total = sum(seconds.values())
    refs = sum(one.inputs for one in facts.books if one.stage == LABEL)
    if not total or not refs:
        return Html("")
    steps = seconds.most_common()
    parts = [(step, round(spent * 1000), f"s{place % 5}") for place, (step, spent) in enumerate(steps)]
    tip = ", ".join(f"{step} {spent:.1f} s" for step, spent in steps)
    rows = [
        (
            element("span", element("i", class_=f"swatch s{place % 5}"), step),
            f"{spent:,.1f}",
            f"{spent / total:.0%}",
            f"{1000 * spent / refs:,.1f}",
        )
        for place, (step, spent) in enumerate(steps)
    ]
    shown = histogram(
        {"all": np.array([sum(one.values()) for one in facts.seconds.values() if one])}, "linear"
    )
    said = (
        f"Labelling {refs:,} planned samples took {total:,.1f} s of work, added up over all workers: "
        f"{refs / total:.2f} a second and worker."
    )
    figure = histogram_figure("Time of a shard", "seconds of work", "shards", shown) if shown else ""
    return section(
        "throughput",
        "Throughput",
        element("p", said),
        split_bar(parts, sum(count for _, count, _ in parts), tip),
        table("Seconds by step", ("step", "seconds", "share", "ms a planned sample"), rows),
        *_load_of_tracker(facts),
        element("div", figure, class_="figures"),
    )


def _load_of_tracker(facts: Facts) -> Iterator[Html]:
    """How busy a tracker was that clips were brought to; nothing where it works clip by clip."""
    load = facts.tracker_load
    if not load.total_s:
        return
    steps = (
        ("busy", load.busy_s),
        ("waited for clips", load.waited_s),
        ("waited for the rest", load.other_s),
    )
    parts = [(name, round(1000 * spent), f"s{place}") for place, (name, spent) in enumerate(steps)]
    said = ", ".join(f"{name} {spent / load.total_s:.0%}" for name, spent in steps)
    yield element("h3", "The tracker")
    yield element(
        "p", f"Of {load.total_s:,.1f} s: {said}. Batches halved for want of memory: {load.halved:,}."
    )
    yield split_bar(parts, sum(count for _, count, _ in parts), said)


def making_section(facts: Facts) -> Html:
    """The settings, and what it was made with."""
    packages = facts.provenance.get("packages")
    rows = (
        sorted((str(name), str(one)) for name, one in packages.items()) if isinstance(packages, dict) else []
    )
    plain = [(name, str(facts.provenance[name])) for name in ("python", "system") if name in facts.provenance]
    return section(
        "making",
        "How it was made",
        table("What it was made with", ("what", "version"), [*plain, *rows], 2),
        element(
            "details",
            element("summary", element("b", "Settings"), class_="plain"),
            element("pre", facts.config, tabindex=0, dir="ltr"),
            class_="reason",
        ),
    )
