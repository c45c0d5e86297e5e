"""ratio: a / b; missing where b is 0 or one of them is missing."""

import math
from typing import Any

import numba as nb
import numpy as np

from mercer.features.kernel_types import ROW_KERNEL
from mercer.features.transform import RowKernel, Transform


@nb.njit(ROW_KERNEL, cache=True, nogil=True, error_model="numpy")
def kernel(numbers, ids, n, inputs, outs, params, table_starts, table_keys, table_values) -> None:  # type: ignore[no-untyped-def]
    """The first input over the second."""
    for j in range(outs.size):
        a, b, out = numbers[inputs[j, 0]], numbers[inputs[j, 1]], numbers[outs[j]]
        for i in range(n):
            out[i] = a[i] / b[i] if b[i] != 0.0 else np.nan


def twin(a: float, b: float, **_: Any) -> float:
    """The same of one row."""
    return a / b if b != 0.0 else math.nan


TRANSFORM = Transform(
    name="ratio",
    summary="The first number over the second; missing where that is 0.",
    inputs=(("number", "number"),),
    output="number",
    run=RowKernel(kernel),
    twin=twin,
)
