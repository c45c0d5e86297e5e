"""counter_sum: how often something happened to a person together with the items of a list."""

import math
from collections.abc import Sequence
from typing import Any

from mercer.features.counter_params import HALF_LIFE, WHOSE, check_whose, kind_param, n_ids
from mercer.features.param import Param
from mercer.features.transform import CounterOp, Params, Transform

MAX_COUNT = 1e9


def _count(params: Params) -> str:
    return str(params["kind"])


def twin(counts: Sequence[float] | None, *, params: Params, **_: Any) -> float:
    """The same of the counts of one row's different items; None: there is no owner, or no list."""
    if counts is None:
        return math.nan
    total = 0.0
    for count in counts:
        total += min(count, params["at_most"])
    return total


TRANSFORM = Transform(
    name="counter_sum",
    summary="How often something happened to a person together with each different item of a list, "
    "added up: "
    "the colours and sizes of a listing that the session asked for. Older events count less.",
    inputs=(("id", "ids"), ("id", "words")),
    output="number",
    run=CounterOp(_count, is_sum=True),
    twin=twin,
    params=(
        WHOSE,
        kind_param("kind", "of event"),
        HALF_LIFE,
        Param(
            name="at_most", kind="number", default=MAX_COUNT, low=0.0, high=MAX_COUNT,
            doc="what one item counts at most; 1: that it happened, however often",
        ),
    ),
    check=check_whose,
    n_inputs=n_ids,
)  # fmt: skip
