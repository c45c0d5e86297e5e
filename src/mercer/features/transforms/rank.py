"""rank: 1 for the best candidate of the request; of equal values all have the best place."""

import math
from collections.abc import Sequence
from typing import Any

import numba as nb
import numpy as np

from mercer.features.kernel_types import LIST_KERNEL
from mercer.features.lookup import count_at_most
from mercer.features.ordered import count_below, sort_present
from mercer.features.param import Param
from mercer.features.transform import ListKernel, Params, Transform


@nb.njit(LIST_KERNEL, cache=True, nogil=True)
def kernel(numbers, offsets, inputs, outs, params, stats) -> None:  # type: ignore[no-untyped-def]
    """params[j, 0]: 0 the highest is best, 1 the lowest. Statistics: count, lowest, highest."""
    rising = np.empty(numbers.shape[1])
    for j in range(outs.size):
        x, out, lowest_first = numbers[inputs[j, 0]], numbers[outs[j]], params[j, 0] == 1.0
        for g in range(offsets.size - 1):
            first, last = offsets[g], offsets[g + 1]
            n = sort_present(x, first, last, rising)
            stats[j, g, 0] = n
            stats[j, g, 1] = rising[0] if n else np.nan
            stats[j, g, 2] = rising[n - 1] if n else np.nan
            for i in range(first, last):
                if x[i] != x[i]:
                    out[i] = np.nan
                elif lowest_first:
                    out[i] = 1.0 + count_below(rising, n, x[i])
                else:
                    out[i] = 1.0 + n - count_at_most(rising, 0, n, x[i])


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
