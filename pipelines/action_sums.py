"""Statistics of each robot data set's actions: the published ones, else what scanning summed up."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from somtom.schemas.action_stats import ActionStats
from somtom.schemas.sketch import ActionSketch
from somtom.sources.episodes import EpisodeSource
from somtom.sources.source import Source

# Share of a data set's numbers outside of the published q01..q99, which should be 2 %, up to which they are
# believed. LeRobot averages its episodes' quantiles, and then half of the numbers can lie outside.
MOST_OUTSIDE = 0.1

ActionSums = dict[str, dict[tuple[str, ...], ActionSketch]]  # data set -> names of the dimensions -> sum


def sum_actions(
    sources: Sequence[Source], parts: Iterable[tuple[int, tuple[str, ...], ActionSketch]]
) -> ActionSums:
    """Add up the sums of parts (position of the source, names, sum), in whatever order they come."""
    sums: ActionSums = {}
    for source, names, sketch in parts:
        of_name = sums.setdefault(sources[source].name, {})
        of_name.setdefault(names, ActionSketch(len(names))).merge(sketch)
    return sums


def gather_stats(
    sources: Sequence[Source], sums: ActionSums, known: Mapping[str, ActionStats]
) -> dict[str, ActionStats]:
    """Decide the statistics of each data set that has actions; those `known` before stay as they are.

    Labels already written were made with the known ones. Where episodes differ in their dimensions, most
    steps decide; the others' clips are rejected when they are labelled.
    """
    stats = dict(known)
    for name, of_name in sorted(sums.items()):
        if name in stats:
            continue
        names = max(of_name, key=lambda one: (of_name[one].rows, one))
        if len(of_name) > 1:
            logging.getLogger(__name__).warning(
                "%s: its episodes' actions differ in width or names; most have %d (%s), others are rejected",
                name,
                len(names),
                ", ".join(names)[:200],
            )
        robots = (source for source in sources if isinstance(source, EpisodeSource) and source.name == name)
        found = [_published(source, names, of_name[names]) for source in robots]
        stats[name] = next(filter(None, found), None) or ActionStats.of_sketch(names, of_name[names])
    return stats


def _published(source: EpisodeSource, names: tuple[str, ...], sketch: ActionSketch) -> ActionStats | None:
    """The statistics that a data set comes with, where they are wanted and fit what was scanned."""
    stats = source.published_stats() if source.statistics != "measured" else None
    if stats is None:
        return None
    log = logging.getLogger(__name__)
    if stats.names != names:
        log.warning(
            "%s: its published statistics are of other dimensions: measured ones are used", source.name
        )
        return None
    outside = float(sketch.share_outside(stats.q01, stats.q99).mean()) if sketch.rows else 0.0
    if outside > MOST_OUTSIDE and source.statistics == "auto":
        log.warning(
            "%s: %.0f%% of its actions lie outside of its published q01..q99: measured ones are used "
            '(statistics = "published" insists)',
            source.name,
            100 * outside,
        )
        return None
    return replace(stats, not_finite=sketch.bad_rows)
