"""percentile: the share of the request's candidates below this one, in (0, 1); ties count half."""

import math
from collections.abc import Sequence
from typing import Any

import numba as nb
import numpy as np

from mercer.features.kernel_types import LIST_KERNEL
from mercer.features.ordered import end_of_ties
from mercer.features.transform import ListKernel, Transform


@nb.njit(LIST_KERNEL, cache=True, nogil=True)
def kernel(numbers, offsets, outs, params, sorted_at, rising, order, present, stats) -> None:  # type: ignore[no-untyped-def]
    """Statistics: count, median (the lower one of two)."""
    for j in range(outs.size):
        out, values, places = numbers[outs[j]], rising[sorted_at[j]], order[sorted_at[j]]
        for g in range(offsets.size - 1):
            first, n = offsets[g], present[sorted_at[j], g]
            out[first : offsets[g + 1]] = np.nan
            stats[j, g, 0] = n
            stats[j, g, 1] = values[first + (n - 1) // 2] if n else np.nan
            at = first
            while at < first + n:
                end = end_of_ties(values, at, first + n)
                share = float((at - first) + (end - first)) * 0.5 / n
                for i in range(at, end):
                    out[places[i]] = share
                at = end


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
