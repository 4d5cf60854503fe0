"""Statistics of each robot data set's actions: the published ones, else what scanning summed up."""

import logging
from collections.abc import Iterable, Mapping, Sequence

from somtom.schemas.action_stats import ActionStats
from somtom.schemas.sketch import ActionSketch
from somtom.sources.episodes import EpisodeSource
from somtom.sources.source import Source

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
        published = (
            source.published_stats()
            for source in sources
            if isinstance(source, EpisodeSource) and source.name == name
        )
        fitting = (one for one in published if one is not None and one.names == names)
        stats[name] = next(fitting, None) or ActionStats.of_sketch(names, of_name[names])
    return stats
