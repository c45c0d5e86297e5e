"""log1p: ln(1 + x), which tames counts and prices; missing below 0."""

import math
from typing import Any

import numba as nb
import numpy as np

from mercer.features.kernel_types import ROW_KERNEL
from mercer.features.transform import RowKernel, Transform


@nb.njit(ROW_KERNEL, cache=True, nogil=True)
def kernel(numbers, ids, n, inputs, outs, params, table_starts, table_keys, table_values) -> None:  # type: ignore[no-untyped-def]
    """numbers[outs[j]] = log1p(numbers[inputs[j, 0]])."""
    for j in range(outs.size):
        x, out = numbers[inputs[j, 0]], numbers[outs[j]]
        for i in range(n):
            out[i] = math.log1p(x[i]) if x[i] >= 0.0 else np.nan


def twin(x: float, **_: Any) -> float:
    """The same of one value."""
    return math.log1p(x) if x >= 0.0 else math.nan


TRANSFORM = Transform(
    name="log1p",
    summary="ln(1 + x), which tames counts and prices; missing below 0.",
    inputs=(("number",),),
    output="number",
    run=RowKernel(kernel),
    twin=twin,
)
