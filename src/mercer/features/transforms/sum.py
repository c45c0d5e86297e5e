"""sum: a + b; what is missing adds nothing, missing where both are."""

import math
from typing import Any

import numba as nb
import numpy as np

from mercer.features.kernel_types import ROW_KERNEL
from mercer.features.transform import RowKernel, Transform


@nb.njit(ROW_KERNEL, cache=True, nogil=True)
def kernel(numbers, ids, n, inputs, outs, params, table_starts, table_keys, table_values) -> None:  # type: ignore[no-untyped-def]
    """The first input and the second."""
    for j in range(outs.size):
        a, b, out = numbers[inputs[j, 0]], numbers[inputs[j, 1]], numbers[outs[j]]
        for i in range(n):
            if np.isnan(a[i]):
                out[i] = b[i]
            else:
                out[i] = a[i] if np.isnan(b[i]) else a[i] + b[i]


def twin(a: float, b: float, **_: Any) -> float:
    """The same of one row."""
    if math.isnan(a):
        return b
    return a if math.isnan(b) else a + b


TRANSFORM = Transform(
    name="sum",
    summary="Two numbers added up; what is missing adds nothing.",
    inputs=(("number", "number"),),
    output="number",
    run=RowKernel(kernel),
    twin=twin,
)
