"""Which samples a report lists and which pictures it carries: a seeded choice of every kind there is."""

import numpy as np
from numpy.typing import NDArray

from somtom.pipelines.report_facts import Columns
from somtom.schemas.keys import seed_of

Rows = NDArray[np.int64]


def stratified_order(columns: Columns) -> Rows:
    """Put the samples in an order of which any beginning has as much as can be of each stratum.

    A stratum is a task, source and split; within it the order is a hash of the key. First comes one sample
    of each stratum, task after task in turn, then a second one of each that has two, and so on.

    Returns:
        (N,) rows of the table.
    """
    tasks = _codes(columns["task"])
    strata = tasks
    for name in ("dataset", "split"):
        strata = strata * (len(columns["key"]) + 1) + _codes(columns[name])
        strata = _codes(strata)
    seeds = np.array([seed_of(str(key), "report") for key in columns["key"]], dtype=np.int64)
    # The number of each stratum within its task, so that the tasks take turns.
    first, of_stratum = np.unique(strata, return_index=True)[1], strata
    turns = _ranks(tasks[first], np.arange(len(first)))[of_stratum]
    return np.lexsort((seeds, tasks, turns, _ranks(strata, seeds))).astype(np.int64)


def _codes(values: NDArray[np.generic]) -> Rows:
    """Number the different values from 0, in their order."""
    plain = values.astype(str) if values.dtype == object else values
    codes: Rows = np.unique(plain, return_inverse=True)[1].astype(np.int64)
    return codes


def _ranks(groups: Rows, order: Rows) -> Rows:
    """(N,): the place of each within its group when sorted by `order`, from 0."""
    sorting = np.lexsort((order, groups))
    ordered = groups[sorting]
    ranks = np.empty(len(groups), dtype=np.int64)
    ranks[sorting] = np.arange(len(groups)) - np.searchsorted(ordered, ordered)
    return ranks
