"""rank: 1 for the best candidate of the request; of equal values all have the best place."""

import math
from collections.abc import Sequence
from typing import Any

import numba as nb
import numpy as np

from mercer.features.kernel_types import LIST_KERNEL
from mercer.features.ordered import end_of_ties
from mercer.features.param import Param
from mercer.features.transform import ListKernel, Params, Transform


@nb.njit(LIST_KERNEL, cache=True, nogil=True)
def kernel(numbers, offsets, outs, params, sorted_at, rising, order, present, stats) -> None:  # type: ignore[no-untyped-def]
    """params[j, 0]: 0 the highest is best, 1 the lowest. Statistics: count, lowest, highest."""
    for j in range(outs.size):
        out, lowest_first = numbers[outs[j]], params[j, 0] == 1.0
        values, places = rising[sorted_at[j]], order[sorted_at[j]]
        for g in range(offsets.size - 1):
            first, n = offsets[g], present[sorted_at[j], g]
            out[first : offsets[g + 1]] = np.nan
            stats[j, g, 0] = n
            stats[j, g, 1] = values[first] if n else np.nan
            stats[j, g, 2] = values[first + n - 1] if n else np.nan
            at = first
            while at < first + n:
                end = end_of_ties(values, at, first + n)
                better = at - first if lowest_first else first + n - end
                for i in range(at, end):
                    out[places[i]] = 1.0 + better
                at = end


def twin(values: Sequence[float], *, params: Params, **_: Any) -> list[float]:
    """The same of one list."""
    sign = 1.0 if params["best"] == "lowest" else -1.0
    return [
        math.nan if math.isnan(x) else 1.0 + sum(sign * other < sign * x for other in values)
        for x in values
    ]


TRANSFORM = Transform(
    name="rank",
    summary="The place of a candidate among those of the request, 1 for the best.",
    inputs=(("number",),),
    output="number",
    run=ListKernel(kernel, ("count", "lowest", "highest")),
    twin=twin,
    params=(
        Param(
            name="best",
            kind="choice",
            choices=("highest", "lowest"),
            doc="which value comes first",
            default="highest",
        ),
    ),
)
