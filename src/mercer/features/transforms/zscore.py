"""zscore: (x - mean) / deviation of the request's candidates; 0 where all of them are the same."""

import math
from collections.abc import Sequence
from typing import Any

import numba as nb
import numpy as np

from mercer.features.kernel_types import LIST_KERNEL
from mercer.features.ordered import deviation_of, mean_of
from mercer.features.transform import ListKernel, Transform


@nb.njit(LIST_KERNEL, cache=True, nogil=True)
def kernel(numbers, offsets, outs, params, sorted_at, rising, order, present, stats) -> None:  # type: ignore[no-untyped-def]
    """Statistics: count, mean, deviation (of the population)."""
    for j in range(outs.size):
        out, values, places = numbers[outs[j]], rising[sorted_at[j]], order[sorted_at[j]]
        for g in range(offsets.size - 1):
            first, n = offsets[g], present[sorted_at[j], g]
            mean = mean_of(values, first, n)
            deviation = deviation_of(values, first, n, mean)
            stats[j, g, 0], stats[j, g, 1], stats[j, g, 2] = n, mean, deviation
            out[first : offsets[g + 1]] = np.nan
            for i in range(first, first + n):
                out[places[i]] = 0.0 if deviation == 0.0 else (values[i] - mean) / deviation


def twin(values: Sequence[float], **_: Any) -> list[float]:
    """The same of one list."""
    rising = sorted(x + 0.0 for x in values if not math.isnan(x))
    if not rising:
        return [math.nan] * len(values)
    total = 0.0
    for x in rising:
        total += x
    mean, squares = total / len(rising), 0.0
    for x in rising:
        squares += (x - mean) * (x - mean)
    deviation = math.sqrt(squares / len(rising))
    if deviation == 0.0:
        return [x if math.isnan(x) else 0.0 for x in values]
    return [(x - mean) / deviation for x in values]


TRANSFORM = Transform(
    name="zscore",
    summary="A number less the mean of the request's candidates, over their deviation.",
    inputs=(("number",),),
    output="number",
    run=ListKernel(kernel, ("count", "mean", "deviation")),
    twin=twin,
)
