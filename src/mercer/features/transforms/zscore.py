"""zscore: (x - mean) / deviation of the request's candidates; 0 where all of them are the same."""

import math
from collections.abc import Sequence
from typing import Any

import numba as nb
import numpy as np

from mercer.features.kernel_types import LIST_KERNEL
from mercer.features.ordered import deviation_of, mean_of, sort_present
from mercer.features.transform import ListKernel, Transform


@nb.njit(LIST_KERNEL, cache=True, nogil=True)
def kernel(numbers, offsets, inputs, outs, params, stats) -> None:  # type: ignore[no-untyped-def]
    """Statistics: count, mean, deviation (of the population)."""
    rising = np.empty(numbers.shape[1])
    for j in range(outs.size):
        x, out = numbers[inputs[j, 0]], numbers[outs[j]]
        for g in range(offsets.size - 1):
            first, last = offsets[g], offsets[g + 1]
            n = sort_present(x, first, last, rising)
            mean = mean_of(rising, n)
            deviation = deviation_of(rising, n, mean)
            stats[j, g, 0], stats[j, g, 1], stats[j, g, 2] = n, mean, deviation
            for i in range(first, last):
                if x[i] != x[i]:
                    out[i] = np.nan
                elif deviation == 0.0:
                    out[i] = 0.0
                else:
                    out[i] = (x[i] - mean) / deviation


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
