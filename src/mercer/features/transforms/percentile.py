"""percentile: the share of the request's candidates below this one, in (0, 1); ties count half."""

import math
from collections.abc import Sequence
from typing import Any

import numba as nb
import numpy as np

from mercer.features.kernel_types import LIST_KERNEL
from mercer.features.lookup import count_at_most
from mercer.features.ordered import count_below, sort_present
from mercer.features.transform import ListKernel, Transform


@nb.njit(LIST_KERNEL, cache=True, nogil=True)
def kernel(numbers, offsets, inputs, outs, params, stats) -> None:  # type: ignore[no-untyped-def]
    """Statistics: count, median (the lower one of two)."""
    rising = np.empty(numbers.shape[1])
    for j in range(outs.size):
        x, out = numbers[inputs[j, 0]], numbers[outs[j]]
        for g in range(offsets.size - 1):
            first, last = offsets[g], offsets[g + 1]
            n = sort_present(x, first, last, rising)
            stats[j, g, 0] = n
            stats[j, g, 1] = rising[(n - 1) // 2] if n else np.nan
            for i in range(first, last):
                if x[i] == x[i]:
                    below, at_most = count_below(rising, n, x[i]), count_at_most(rising, 0, n, x[i])
                    out[i] = (below + at_most) * 0.5 / n
                else:
                    out[i] = np.nan


def twin(values: Sequence[float], **_: Any) -> list[float]:
    """The same of one list."""
    present = [x for x in values if not math.isnan(x)]
    return [
        math.nan
        if math.isnan(x)
        else (sum(o < x for o in present) + sum(o <= x for o in present)) * 0.5 / len(present)
        for x in values
    ]


TRANSFORM = Transform(
    name="percentile",
    summary="The share of the request's candidates that lie below this one; ties count half.",
    inputs=(("number",),),
    output="number",
    run=ListKernel(kernel, ("count", "median")),
    twin=twin,
)
