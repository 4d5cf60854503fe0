"""The data set's card, README.md: what it is, and the front matter from which `datasets` loads it."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from somtom.pipelines.card_loading import loading_lines
from somtom.pipelines.card_making import describe_tracker, limit_lines, made_by, making_lines
from somtom.schemas.books import LABEL, Books
from somtom.schemas.features import features_yaml
from somtom.schemas.files import write_whole
from somtom.schemas.folder import CARD, SHARDS, shard_path
from somtom.schemas.meta_tables import read_counts, read_samples
from somtom.schemas.reasons import REASONS
from somtom.schemas.record_fields import RECORD, SPLITS

_MEMBERS = """\
| member | content |
|---|---|
| `<key>.json` | the record: conversations, marks, source, motion, scores (fields below) |
| `<key>.jpg` | the picture with its numbered marks |
| `<key>.clean.jpg` | the same picture without marks |
| `<key>.traces.npy` | float32 (T, K, 3): x, y in pixels and visible 0 or 1 of each mark in each frame |
"""
_HISTORY_MEMBER = "| `<key>.h00.jpg`, ... | {count} earlier pictures, oldest first; black where none was |"
_CAMERA_MEMBER = "| `<key>.cam1.jpg`, ... | {count} further cameras; black where none was |"

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def title_of(names: Sequence[str]) -> str:
    """Name what is made of data sets of these names.

    >>> title_of(["clips", "robot"]), title_of(["clips", "pages", "robot"])
    ('clips-robot', 'clips and 2 more')
    """
    return "-".join(names) if len(names) <= 2 else f"{names[0]} and {len(names) - 1} more"


def write_card(folder: Path, name: str, extra: Sequence[str] = ()) -> None:
    """Write the card from what meta/ says; `extra` names the samples' further members.

    Raises:
        DataError: `unreadable`: counts.json or samples.parquet is damaged.
    """
    facts = _read_facts(folder)
    ordered = [split for split in SPLITS if split in facts.splits]
    books = read_counts(folder)
    lines = [
        "---",
        *_front_matter(name, ordered, facts, extra),
        "---",
        "",
        f"# {_cell(name)}",
        "",
        "Pictures with numbered marks (Set-of-Mark) and the marks' future traces (Trace-of-Mark), as",
        f"conversations in LLaVA's form, as Magma is trained on. Made by {made_by()}.",
        "",
        "## How many",
        "",
        _size_line(folder, facts),
        "",
        *_table(("split", "samples"), [(split, facts.splits[split]) for split in ordered]),
        *_table(("task", "samples"), sorted(facts.tasks.items())),
        *_source_table(books),
        *_lost_lines(books),
        "## Where the inputs come from",
        "",
        *_table(
            ("data set", "kind", "licence", "samples"),
            [(*origin, count) for origin, count in sorted(facts.origins.items())],
        ),
        "The licences are the inputs' own and hold for the pictures; trackers have theirs, below.",
        "",
        "## How it was made",
        "",
        *_table(("tracker", "samples", "version", "licence"), _tracker_rows(folder, facts)),
        *_table(("setting", "value", "meaning"), making_lines(folder)),
        "All settings are in `meta/config.toml`, the packages it was made with in `meta/provenance.json`.",
        "",
        "## Known limits",
        "",
        *limit_lines(facts.tasks),
        "",
        "## What a sample holds",
        "",
        *_MEMBERS.splitlines(),
        *_further_members(extra),
        "",
        *_table(("field of the record", "meaning"), [(one.name, one.meaning) for one in RECORD]),
        "`meta/samples.parquet` has one row a sample for queries, `meta/rejects.parquet` one for every input",
        "that gave none, `meta/croissant.json` describes all of it in Croissant's terms.",
        "",
        "## How to load it",
        "",
    ]
    if ordered:
        lines += loading_lines(ordered[0])
    else:
        lines.append("No input gave a sample: see `meta/rejects.parquet` for the reasons.")
    write_whole(folder / CARD, ("\n".join(lines).rstrip("\n") + "\n").encode())


@dataclass
class _Facts:
    """What the samples' rows say: how many there are of a kind, and one sample of each tracker."""

    splits: Counter[str] = field(default_factory=Counter)
    tasks: Counter[str] = field(default_factory=Counter)
    licences: Counter[str] = field(default_factory=Counter)
    origins: Counter[tuple[str, str, str]] = field(default_factory=Counter)  # data set, kind, licence
    trackers: Counter[str] = field(default_factory=Counter)
    tracked: dict[str, tuple[str, str]] = field(default_factory=dict)  # tracker -> shard, key
    shards: set[str] = field(default_factory=set)


def _read_facts(folder: Path) -> _Facts:
    facts = _Facts()
    for row in read_samples(folder):
        facts.splits[row["split"]] += 1
        facts.tasks[row["task"]] += 1
        licence = row["licence"] or "not stated"
        facts.licences[licence] += 1
        facts.origins[row["dataset"], row["kind"], licence] += 1
        facts.shards.add(row["shard"])
        facts.trackers[row["tracker"]] += 1
        facts.tracked.setdefault(row["tracker"], (row["shard"], row["key"]))
    return facts


def _size_line(folder: Path, facts: _Facts) -> str:
    size_bytes = sum(shard_path(folder, name).stat().st_size for name in facts.shards)
    return f"{facts.splits.total():,} samples in {len(facts.shards):,} shards, {size_bytes / 1e6:,.1f} MB."


def _tracker_rows(folder: Path, facts: _Facts) -> list[tuple[object, ...]]:
    return [
        (tracker, count, *describe_tracker(folder, *facts.tracked[tracker]))
        if tracker
        else ("none (one picture)", count, "-", "-")
        for tracker, count in sorted(facts.trackers.items())
    ]


def _further_members(extra: Sequence[str]) -> list[str]:
    cameras = sum(1 for name in extra if name.startswith("cam"))
    counts = ((_HISTORY_MEMBER, len(extra) - cameras), (_CAMERA_MEMBER, cameras))
    return [line.format(count=count) for line, count in counts if count]


def _front_matter(name: str, splits: list[str], facts: _Facts, extra: Sequence[str]) -> list[str]:
    """YAML; a JSON string is one too."""
    only = next(iter(facts.licences)).lower() if len(facts.licences) == 1 else ""
    samples = facts.splits.total()
    lines = [
        f"pretty_name: {json.dumps(name)}",
        f"license: {only if re.fullmatch(r'[a-z0-9.-]+', only) else 'other'}",
        "task_categories:",
        "- image-text-to-text",
        "tags:",
        "- set-of-mark",
        "- trace-of-mark",
        "- webdataset",
        "size_categories:",
        f"- {next((size for limit, size in _SIZES if samples < limit), '1M<n<10M')}",
    ]
    if not splits:
        return lines
    lines += ["configs:", "- config_name: default", "  data_files:"]
    for split in splits:
        lines += [f"  - split: {split}", f"    path: {SHARDS}/{split}-*.tar"]
    return [*lines, "dataset_info:", "  features:", *(f"  {line}" for line in features_yaml(extra))]


def _source_table(books: Sequence[Books]) -> list[str]:
    rows = [
        (
            one.source,
            "planned samples" if one.stage == LABEL else "inputs",
            one.inputs,
            one.samples,
            one.filtered,
            one.failed,
        )
        for one in books
    ]
    return _table(("source", "of", "number", "used", "filtered", "failed"), rows)


def _lost_lines(books: Sequence[Books]) -> list[str]:
    """Why inputs and clips gave no sample, where some did not."""
    lost: Counter[tuple[str, str]] = Counter()
    for one in books:
        for reason, count in one.reasons:
            lost[reason, REASONS[reason][0]] += count
    rows = [(reason, outcome, count, REASONS[reason][1]) for (reason, outcome), count in sorted(lost.items())]
    return _table(("reason", "outcome", "inputs or clips", "meaning"), rows) if rows else []


def _table(head: tuple[str, ...], rows: Sequence[Sequence[object]]) -> list[str]:
    """Write a Markdown table and an empty line; numbers have their thousands apart."""
    cells = [[f"{one:,}" if isinstance(one, int) else _cell(str(one)) for one in row] for row in rows]
    lines = ["| " + " | ".join(row) + " |" for row in (list(head), ["---"] * len(head), *cells)]
    return [*lines, ""]


def _cell(text: str) -> str:
    """Keep a text from breaking out of its cell."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
