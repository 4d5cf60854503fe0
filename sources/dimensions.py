"""Which dimensions of a robot's action are taken, by name, part of a name or number."""

import difflib
import re
from collections.abc import Sequence

from somtom.schemas.reasons import DataError


def pick_dimensions(names: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Find dimensions by name, place or part (`arm` for arm_0, arm_1, ...); all where none is wanted.

    >>> pick_dimensions(("arm_0", "arm_1", "hand_0"), ("hand", "0"))
    [2, 0]

    Raises:
        DataError: `bad_action`: there is no such dimension, or one is asked for twice.
    """
    found: list[int] = []
    for one in wanted:
        part = [n for n, name in enumerate(names) if re.fullmatch(re.escape(one) + r"_[0-9]+", name)]
        if one in names:
            found.append(names.index(one))
        elif part:
            found += part
        elif one.isdecimal() and len(one) < 6 and int(one) < len(names):
            found.append(int(one))
        else:
            near = difflib.get_close_matches(one, names, n=1, cutoff=0.0)
            raise DataError("bad_action", f"action_dims: {one!r} is none of {len(names)}; is it {near[0]!r}?")
    if len(set(found)) != len(found):
        raise DataError("bad_action", "action_dims names a dimension twice")
    return found if wanted else list(range(len(names)))
