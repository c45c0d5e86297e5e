"""Rates of labels by id, smoothed by a prior."""

import numpy as np

from mercer.features.key_counts import LABEL_SCALE
from mercer.features.param import Param
from mercer.features.transform import Arrays, Params, Table

RATE_PARAMS = (
    Param(name="label", kind="text", doc="the column that is averaged, read when fitting only"),
    Param(
        name="prior_weight", kind="number", doc="rows that the mean of all counts for",
        default=20.0, low=0.0, high=1e9,
    ),
)  # fmt: skip


def rate_table(params: Params, fitted: Arrays) -> Table:
    """Keys rising and their rates; the first is key 0, for the mean of all (0 where there were none)."""
    counts, sums = fitted["counts"], fitted["sums"]
    n, weight = int(counts.sum()), params["prior_weight"]
    mean = int(sums.sum()) / LABEL_SCALE / n if n else 0.0
    rates = (sums / LABEL_SCALE + weight * mean) / (counts + weight)
    zero = np.zeros(1, np.uint64)
    return Table(np.concatenate([zero, fitted["keys"]]), np.concatenate([[mean], rates]))
