"""The data set's card, README.md: what it is, and the front matter from which `datasets` loads it."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from somtom.schemas.books import LABEL, Books
from somtom.schemas.features import features_yaml
from somtom.schemas.files import write_whole
from somtom.schemas.folder import CARD, SHARDS
from somtom.schemas.meta_tables import read_counts, read_samples
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

_LOAD = """\
```python
from datasets import load_dataset

data = load_dataset("path/to/this/folder", split="{split}", streaming=True)
sample = next(iter(data))
sample["jpg"], sample["json"]["conversations"]
```

```python
import webdataset as wds

data = wds.WebDataset("path/to/this/folder/shards/{shard}", shardshuffle=False).decode("rgb8")
sample = next(iter(data))
sample["jpg"], sample["json"]["conversations"], sample["traces.npy"]
```

`meta/samples.parquet` has one row a sample for queries,
`meta/rejects.parquet` one for every input that gave none.
"""


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
    splits, tasks, licences, trackers = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    first_shard: dict[str, str] = {}
    for row in read_samples(folder):
        splits[row["split"]] += 1
        tasks[row["task"]] += 1
        licences[row["licence"] or "not stated"] += 1
        trackers[row["tracker"] or "none (one picture)"] += 1
        first_shard.setdefault(row["split"], row["shard"])
    ordered = [split for split in SPLITS if split in splits]
    lines = [
        "---",
        *_front_matter(name, ordered, licences, extra),
        "---",
        "",
        f"# {_cell(name)}",
        "",
        "Pictures with numbered marks (Set-of-Mark) and the marks' future traces (Trace-of-Mark), as",
        "conversations in LLaVA's form. Made by somtom with the settings in `meta/config.toml`.",
        "",
        "## How many",
        "",
        *_table(("split", "samples"), [(split, splits[split]) for split in ordered]),
        *_table(("task", "samples"), sorted(tasks.items())),
        *_source_table(read_counts(folder)),
        "## Licences of the inputs",
        "",
        *_table(("licence", "samples"), sorted(licences.items())),
        "## How the traces were made",
        "",
        *_table(("tracker", "samples"), sorted(trackers.items())),
        "## What a sample holds",
        "",
        *_MEMBERS.splitlines(),
        *_further_members(extra),
        "",
        *_table(("field of the record", "meaning"), [(field.name, field.meaning) for field in RECORD]),
        "## How to load it",
        "",
    ]
    if ordered:
        lines += _LOAD.format(split=ordered[0], shard=f"{first_shard[ordered[0]]}.tar").splitlines()
    else:
        lines.append("No input gave a sample: see `meta/rejects.parquet` for the reasons.")
    write_whole(folder / CARD, ("\n".join(lines) + "\n").encode())


def _further_members(extra: Sequence[str]) -> list[str]:
    cameras = sum(1 for name in extra if name.startswith("cam"))
    counts = ((_HISTORY_MEMBER, len(extra) - cameras), (_CAMERA_MEMBER, cameras))
    return [line.format(count=count) for line, count in counts if count]


def _front_matter(name: str, splits: list[str], licences: Counter[str], extra: Sequence[str]) -> list[str]:
    """YAML; a JSON string is one too."""
    only = next(iter(licences)).lower() if len(licences) == 1 else ""
    lines = [
        f"pretty_name: {json.dumps(name)}",
        f"license: {only if re.fullmatch(r'[a-z0-9.-]+', only) else 'other'}",
        "task_categories:",
        "- image-text-to-text",
        "tags:",
        "- set-of-mark",
        "- trace-of-mark",
        "- webdataset",
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


def _table(head: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> list[str]:
    """Write a Markdown table and an empty line; numbers have their thousands apart."""
    cells = [[f"{one:,}" if isinstance(one, int) else _cell(str(one)) for one in row] for row in rows]
    lines = ["| " + " | ".join(row) + " |" for row in (list(head), ["---"] * len(head), *cells)]
    return [*lines, ""]


def _cell(text: str) -> str:
    """Keep a text from breaking out of its cell."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
