"""Leaves out samples whose scores are not what the settings ask for."""

import math
from collections.abc import Mapping

from somtom.schemas.reasons import DataError
from somtom.schemas.settings import FilterSettings

UNMEASURED = -1.0


def refuse_scores(quality: Mapping[str, float], limits: FilterSettings) -> None:
    """Hold the record's `quality` against the limits, in the order of the scores; unmeasured ones pass.

    Raises:
        DataError: `filter_...`, named after the first score outside of its limits.
    """
    for name, ends in limits.limits().items():
        low, high = ends.get("min", -math.inf), ends.get("max", math.inf)
        score = quality[name]
        if score != UNMEASURED and not low <= score <= high:
            word = "max" if score > high else "min"
            raise DataError(
                f"filter_{name}", f"{name} is {score:.4g}; filter.{name} has {word} = {ends[word]:g}"
            )
