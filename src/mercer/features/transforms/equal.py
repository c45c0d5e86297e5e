"""equal: 1 where two ids are the same, 0 where they differ, missing where one is missing."""

import math
from typing import Any

import numba as nb
import numpy as np

from mercer.features.kernel_types import ROW_KERNEL
from mercer.features.transform import RowKernel, Transform

_NO_ID = np.uint64(0)


@nb.njit(ROW_KERNEL, cache=True, nogil=True)
def kernel(numbers, ids, n, inputs, outs, params, table_starts, table_keys, table_values) -> None:  # type: ignore[no-untyped-def]
    """Of two ids."""
    for j in range(outs.size):
        a, b, out = ids[inputs[j, 0]], ids[inputs[j, 1]], numbers[outs[j]]
        for i in range(n):
            missing = a[i] == _NO_ID or b[i] == _NO_ID
            out[i] = np.nan if missing else (1.0 if a[i] == b[i] else 0.0)


def twin(a: int, b: int, **_: Any) -> float:
    """The same of one row."""
    return float(a == b) if a and b else math.nan


TRANSFORM = Transform(
    name="equal",
    summary="1 where two texts or ids are the same, 0 where they differ.",
    inputs=(("id", "id"),),
    output="number",
    run=RowKernel(kernel),
    twin=twin,
)
