"""What a run counts: the same on every runner, and what the books say."""

import json
from collections import Counter
from pathlib import Path

import pytest
from builds import THREADS, build
from hypothesis import given, settings
from hypothesis import strategies as st
from three_kinds import draw_three_kinds, tree_of_three_kinds

from somtom.pipelines.config import BuildConfig, parse_config
from somtom.pipelines.job_metrics import JobMetrics, Spread, read_metrics, write_metrics
from somtom.pipelines.runners import RunOptions
from somtom.schemas.books import LABEL, SCAN
from somtom.schemas.meta_tables import read_counts, read_samples
from somtom.schemas.reasons import REASONS
from somtom.transforms.beam_metrics import BeamSink
from somtom.transforms.metrics import COUNTERS, DISTRIBUTIONS, count, counting, observe

ROOT = Path(__file__).resolve().parent.parent
METRICS = Path("meta", "timings", "metrics.json")
TIMES = {name for name in DISTRIBUTIONS if name.endswith("_ms")}


def on(runner: str) -> RunOptions:
    return RunOptions(progress=False, is_chosen=False, runner=runner)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> BuildConfig:
    """Three kinds of source, with a file that is no video and clips that are left out."""
    root = draw_three_kinds(tmp_path_factory.mktemp("inputs"))
    some = min(path.name for path in (root / "videos").iterdir())
    (root / "removals.txt").write_text(f"{some}\n")
    (root / "videos" / "cut.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + bytes(100))
    tree = tree_of_three_kinds(root)
    tree["output"]["removals"] = str(root / "removals.txt")
    return parse_config(tree)


@pytest.fixture(scope="module")
def in_threads(config: BuildConfig, tmp_path_factory: pytest.TempPathFactory) -> JobMetrics:
    out = tmp_path_factory.mktemp("threads") / "out"
    build(config, out)
    return read_metrics([out / METRICS])


@pytest.mark.parametrize("runner", ["local", "direct", "portable"])
def test_counters_say_what_the_books_say_on_every_runner(
    config: BuildConfig, in_threads: JobMetrics, tmp_path: Path, runner: str
) -> None:
    out = tmp_path / "out"
    options = RunOptions(2, "processes", progress=False) if runner == "local" else on(runner)
    totals = build(config, out, options)
    counted = totals.metrics
    scanned, labelled = ([one for one in read_counts(out) if one.stage == stage] for stage in (SCAN, LABEL))
    expected = Counter(
        items_scanned=sum(one.inputs for one in scanned),
        items_used=sum(one.samples for one in scanned),
        clips_found=sum(one.inputs for one in labelled),
        clips_taken=sum(one.inputs for one in labelled),
        samples=sum(one.samples for one in labelled),
        shards_written=len(list((out / "meta" / "manifests").iterdir())),
    )
    for unit, books in (("items", scanned), ("clips", labelled)):
        for one in books:
            for reason, number in one.reasons:
                outcome = next(
                    kind for kind in ("filtered", "failed") if f"{unit}_{kind}_{reason}" in COUNTERS
                )
                expected[f"{unit}_{outcome}_{reason}"] += number
    assert expected["clips_filtered_removed"] and any(name.startswith("items_failed") for name in expected)
    named = {name: counted.counters[name] for name in expected}
    assert named == dict(expected)
    lost = [
        number
        for name, number in counted.counters.items()
        if name.startswith(("clips_filtered_", "clips_failed_"))
    ]
    assert counted.counters["samples"] + sum(lost) == counted.counters["clips_taken"]
    written = [*out.glob("shards/*.tar"), *out.glob("tracks/*.parquet")]
    assert counted.counters["bytes_written"] == sum(path.stat().st_size for path in written)
    marks = [row["marks"] for row in read_samples(out)]
    assert counted.distributions["marks_per_sample"] == Spread(len(marks), sum(marks), min(marks), max(marks))
    assert counted.counters == in_threads.counters
    for name in DISTRIBUTIONS:
        one, other = counted.distributions[name], in_threads.distributions[name]
        assert one.count == other.count and (name in TIMES or one == other), name


def test_a_run_that_goes_on_adds_to_what_was_counted(config: BuildConfig, tmp_path: Path) -> None:
    first = build(config, tmp_path / "out", THREADS).metrics
    (tmp_path / "out" / "meta" / "manifests" / "train-000000.json").unlink()
    both = build(config, tmp_path / "out", THREADS).metrics
    assert both.counters["shards_written"] == first.counters["shards_written"] + 1
    assert both.counters["items_scanned"] == first.counters["items_scanned"]
    assert not list((tmp_path / "out" / "meta").glob("work/notes/*"))


def test_what_is_not_listed_cannot_be_counted() -> None:
    with counting(BeamSink()):
        count("samples")
        with pytest.raises(KeyError):
            count("sampels")
        with pytest.raises(KeyError):
            observe("marks", 1)
    count("sampels")  # nobody listens


SPREADS = st.lists(st.integers(0, 1000), min_size=1).map(
    lambda some: Spread(len(some), sum(some), min(some), max(some))
)
COUNTED = st.builds(
    JobMetrics,
    st.dictionaries(st.sampled_from(sorted(COUNTERS)), st.integers(0, 10**12), max_size=5).map(Counter),
    st.dictionaries(st.sampled_from(sorted(DISTRIBUTIONS)), SPREADS, max_size=3),
)


@settings(deadline=None)
@given(st.lists(COUNTED, max_size=4))
def test_files_of_metrics_add_up(tmp_path_factory: pytest.TempPathFactory, some: list[JobMetrics]) -> None:
    folder = tmp_path_factory.mktemp("metrics")
    for number, one in enumerate(some):
        write_metrics(folder / f"{number}.json", one)
    total = read_metrics(folder.iterdir())
    for name in COUNTERS:
        assert total.counters[name] == sum(one.counters[name] for one in some)
    for name in DISTRIBUTIONS:
        spreads = [one.distributions[name] for one in some if name in one.distributions]
        assert (name in total.distributions) == bool(spreads)
        if spreads:
            found = total.distributions[name]
            assert found.count == sum(one.count for one in spreads)
            assert found.mean == sum(one.sum for one in spreads) / found.count
            assert (found.min, found.max) == (min(o.min for o in spreads), max(o.max for o in spreads))


def test_a_damaged_file_counts_nothing(tmp_path: Path) -> None:
    whole = JobMetrics(Counter(samples=2), {"scan_ms": Spread(1, 5, 5, 5)})
    write_metrics(tmp_path / "whole.json", whole)
    texts = ["", "[]", "{}", json.dumps({"counters": {"samples": "x"}, "distributions": {}})]
    texts += [json.dumps({"counters": {"samples": 1}, "distributions": {"scan_ms": {"count": 1}}})]
    for number, text in enumerate(texts):
        (tmp_path / f"{number}.json").write_text(text)
    assert read_metrics([*sorted(tmp_path.iterdir()), tmp_path / "absent"]) == whole


def test_the_document_names_every_counter_and_distribution_and_no_other() -> None:
    text = (ROOT / "docs" / "observability.md").read_text(encoding="utf-8")
    text = text.partition("## Where to look")[0]
    rows = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in text.splitlines()]
    listed = {row[0].strip("`"): row[1:] for row in rows if len(row) == 3 and row[0].startswith("`")}
    of_reasons = {
        f"{unit}_{outcome}_{reason}"
        for unit in ("items", "clips")
        for reason, (outcome, _) in REASONS.items()
    }
    named = {name: about for name, about in (COUNTERS | DISTRIBUTIONS).items() if name not in of_reasons}
    for pattern in (
        "items_filtered_REASON`, `items_failed_REASON",
        "clips_filtered_REASON`, `clips_failed_REASON",
    ):
        assert listed.pop(pattern)
    assert listed == named
    assert of_reasons <= set(COUNTERS)
