"""What a build would give and cost, guessed from a few of its inputs; nothing is written to the output."""

import dataclasses
import math
import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from somtom.pipelines.action_sums import gather_stats, sum_actions
from somtom.pipelines.config import BuildConfig
from somtom.pipelines.config_rules import check_tracker
from somtom.pipelines.group_splits import TRAIN
from somtom.pipelines.plan import list_items
from somtom.pipelines.runners import RunOptions
from somtom.schemas.folder import shard_name
from somtom.schemas.keys import generator_of
from somtom.schemas.manifest import Manifest, read_manifest
from somtom.schemas.reasons import REASONS, DataError
from somtom.schemas.refs import Item, Ref, Scan, ShardSpec
from somtom.sources.episodes import EpisodeSource
from somtom.sources.files import is_remote, local_path
from somtom.sources.listing import list_files
from somtom.sources.screens import ScreenSource
from somtom.sources.video import VideoSource
from somtom.transforms.label_shard import LabelShards
from somtom.transforms.place import InFolder
from somtom.transforms.scan import ScanItems, ScanTask, read_actions, read_scans
from somtom.transforms.shared_tracker import shared_tracker

INPUTS = 60  # looked into at most
CLIPS = 4  # labelled of each
BUDGET_S = 30.0  # no further input is labelled after so long
SCAN_BUDGET_S = 10.0  # no further one is scanned after so long


@dataclass(frozen=True)
class Trial:
    """What one input gave; `size_bytes` is 0 where it is not known."""

    size_bytes: float
    scan: Scan
    scan_s: float
    manifest: Manifest | None
    label_s: float


@dataclass(frozen=True)
class Total:
    """A quantity of all inputs guessed from a few of them; `error` is one standard error as a share of it."""

    value: float
    error: float


def estimate_lines(config: BuildConfig, options: RunOptions) -> Iterator[str]:
    """Look into some of the inputs, label a few of their clips aside, and say what the whole build would be.

    Raises:
        ConfigError: a source lists nothing, or the tracker cannot be made.
    """
    check_tracker(config.settings.tracking)
    items = list_items(config)
    sizes = _sizes(items)
    trials = list(_try(config, items, sizes))
    listed = Counter(config.sources[item.source].name for item in items)
    for name, count in listed.items():
        yield f"{name}: {_inputs(count)}"
    yield f"all together: {_inputs(len(items))}, {_size_text(config, items)}"
    yield from _seen(trials)
    yield from _expected(config, options, sizes, trials)


def choose_inputs(count: int) -> list[int]:
    """Pick up to `INPUTS` of `count` inputs, one of each equal part of the list, in an order of chance.

    Whoever stops early has still seen inputs from all over the list.
    """
    parts = min(count, INPUTS)
    middles = [(2 * part + 1) * count // (2 * parts) for part in range(parts)]
    order = generator_of("estimate", "order").permutation(parts)
    return [middles[part] for part in order]


def extrapolate(
    values: Sequence[float], sizes: Sequence[float], all_sizes: Sequence[float]
) -> tuple[Total, str]:
    """Guess the sum over all inputs from a few `values`: by count, or by bytes where that fits them better.

    Args:
        values, sizes: of the inputs looked into.
        all_sizes: of all inputs; 0 where it is not known.

    Returns:
        The sum, and "count" or "bytes".
    """
    seen = np.asarray(values, float)
    weights = {"count": (np.ones(len(seen)), float(len(all_sizes)))}
    if min(all_sizes) > 0:
        weights["bytes"] = (np.asarray(sizes, float), float(sum(all_sizes)))
    found: dict[str, Total] = {}
    for name, (weight, whole) in weights.items():
        rate = seen.sum() / weight.sum()
        spread = math.sqrt(float(((seen - rate * weight) ** 2).sum()))
        value = float(rate * whole)
        unseen = 1 - len(seen) / len(all_sizes)
        deviation = spread / math.sqrt(max(len(seen) - 1, 1) * len(seen)) * math.sqrt(unseen) * len(all_sizes)
        found[name] = Total(value, deviation / value if value else 0.0)
    # Where both fit alike, by bytes: long files hold more clips.
    best = min(found, key=lambda name: (round(found[name].error, 9), name))
    return found[best], best


def _try(config: BuildConfig, items: Sequence[Item], sizes: Sequence[float]) -> Iterator[Trial]:
    """Scan some inputs, then label a few clips of each: what all robots did decides how actions are told."""
    cv2.setNumThreads(1)
    settings = config.settings
    # Loading a model counts once a worker, not once a clip.
    shared_tracker(settings.tracking)
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="somtom-estimate-") as name:
        folder = Path(name)
        scanning = ScanItems(
            config.sources,
            settings.shots,
            settings.clips,
            settings.output.clips_per_run,
            InFolder(folder),
            "",
            None,
        )
        trials: list[Trial] = []
        tasks: list[ScanTask] = []
        for number, index in enumerate(choose_inputs(len(items))):
            if number and time.perf_counter() - begun > SCAN_BUDGET_S:
                break
            tasks.append(ScanTask(f"trial-{number}", (items[index],)))
            start = time.perf_counter()
            scanning.run(tasks[-1])
            scan_s = time.perf_counter() - start
            (_, scan), *_ = read_scans(folder / f"{tasks[-1].name}.jsonl")
            trials.append(Trial(sizes[index], scan, scan_s, None, 0.0))
        actions = (part for task in tasks for part in read_actions(folder, task))
        stats = gather_stats(config.sources, sum_actions(config.sources, actions), {})
        labelling = LabelShards(config.sources, settings, InFolder(folder), None, stats=stats)
        is_first = True
        for number, trial in enumerate(trials):
            spec = _trial_spec(number, trial.scan.refs)
            if spec is None or (time.perf_counter() - begun > BUDGET_S and not is_first):
                yield trial
                continue
            is_first = False
            start = time.perf_counter()
            labelling.run(spec)
            label_s = time.perf_counter() - start
            manifest = read_manifest(folder, spec.name)
            yield dataclasses.replace(trial, manifest=manifest, label_s=label_s)


def _trial_spec(number: int, refs: Sequence[Ref]) -> ShardSpec | None:
    """Take neighbouring clips from the middle of the input: they are decoded in one pass, as in a build."""
    if not refs:
        return None
    first = max(0, (len(refs) - CLIPS) // 2)
    chosen = tuple(dataclasses.replace(ref, run=0, split=TRAIN) for ref in refs[first : first + CLIPS])
    return ShardSpec(shard_name(TRAIN, number), TRAIN, chosen, "", "")


def _sizes(items: Sequence[Item]) -> list[float]:
    """Bytes of each input, 0 where they are not known; those of one file share its bytes."""
    shares = Counter(item.locator for item in items)
    size_of = {locator: sum(_files(locator).values()) for locator in shares}
    return [size_of[item.locator] / shares[item.locator] for item in items]


def _size_text(config: BuildConfig, items: Sequence[Item]) -> str:
    """Say how many bytes all inputs have, each file once.

    An episode and a screenshot are often made of several files, of which the listing names one: what lies in
    the folder of such a source is counted.
    """
    places = {(item.source, item.locator) for item in items}
    is_whole = True
    for index, source in enumerate(config.sources):
        if isinstance(source, (EpisodeSource, ScreenSource)) and local_path(source.path).is_dir():
            places = {place for place in places if place[0] != index} | {(index, source.path)}
        elif is_remote(source.path) or not isinstance(source, VideoSource):
            is_whole = False
    files = {file: size for _, place in places for file, size in _files(place).items()}
    if not files:
        return "of unknown size"
    return f"{'' if is_whole else 'at least '}{_gigabytes(sum(files.values()))}"


def _files(locator: str) -> dict[str, int]:
    """Bytes of each file of a local input, by its absolute path; none where they are not known."""
    if is_remote(locator):
        return {}
    path = local_path(locator)
    try:
        files = [local_path(one.locator) for one in list_files(locator)] if path.is_dir() else [path]
        return {str(file.absolute()): file.stat().st_size for file in files}
    except (DataError, OSError):
        return {}


def _seen(trials: Sequence[Trial]) -> Iterator[str]:
    """Say what the inputs looked into gave."""
    manifests = [trial.manifest for trial in trials if trial.manifest is not None]
    clips = sum(len(trial.scan.refs) for trial in trials)
    labelled = sum(len(one.samples) + len(one.rejects) for one in manifests)
    usable = sum(bool(trial.scan.refs) for trial in trials)
    yield (
        f"looked into {len(trials)} of them: {usable} usable, {clips} clips; labelled {labelled} in "
        f"{sum(trial.label_s for trial in trials):.1f} s"
    )
    reasons = Counter(trial.scan.reject.reason for trial in trials if trial.scan.reject is not None)
    reasons.update(reject.reason for one in manifests for reject in one.rejects)
    for reason, count in sorted(reasons.items()):
        outcome, meaning = REASONS[reason]
        yield f"  {count} x {reason} ({outcome}): {meaning}"


def _expected(
    config: BuildConfig, options: RunOptions, sizes: Sequence[float], trials: Sequence[Trial]
) -> Iterator[str]:
    """Say what the whole build would be."""
    output = config.settings.output
    looked = [trial.size_bytes for trial in trials]
    clips, by = extrapolate([len(trial.scan.refs) for trial in trials], looked, sizes)
    scan, _ = extrapolate([trial.scan_s for trial in trials], looked, sizes)
    manifests = [trial.manifest for trial in trials if trial.manifest is not None]
    labelled = sum(len(one.samples) + len(one.rejects) for one in manifests)
    if not labelled:
        yield "no input that was looked into holds a clip, so nothing can be said of the rest"
        return
    expected = min(clips.value, output.limit) if output.limit else clips.value
    per_clip = expected / labelled
    samples = per_clip * sum(len(one.samples) for one in manifests)
    label_s = per_clip * sum(trial.label_s for trial in trials)
    workers = min(options.workers, len(os.sched_getaffinity(0)))
    how = (
        "every input was looked into; labelling is extrapolated from a few clips of each"
        if len(trials) == len(sizes)
        else f"an extrapolation by {by} from {len(trials)} of {len(sizes)} inputs, "
        f"one standard error {clips.error:.0%}"
    )
    yield f"to be expected ({how}):"
    yield f"  clips    {expected:,.0f} in about {math.ceil(expected / output.clips_per_shard):,} shards"
    yield f"  samples  {samples:,.0f}"
    yield (
        f"  time     {_hours((scan.value + label_s) / workers)} with {workers} workers "
        f"(of one: scanning {_hours(scan.value)}, labelling {_hours(label_s)})"
    )
    yield (
        f"  disk     {_gigabytes(per_clip * sum(one.size_bytes for one in manifests))} of shards, "
        f"{_gigabytes(per_clip * sum(one.tracks_size_bytes for one in manifests))} of tracks"
    )


def _inputs(count: int) -> str:
    return "1 input" if count == 1 else f"{count} inputs"


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.2f} h" if seconds >= 360 else f"{seconds:.0f} s"


def _gigabytes(size_bytes: float) -> str:
    return f"{size_bytes / 1e9:,.2f} GB" if size_bytes >= 1e8 else f"{size_bytes / 1e9:.5f} GB"
