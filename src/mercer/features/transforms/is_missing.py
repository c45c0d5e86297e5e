"""is_missing: 1 where there is no number, else 0."""

import math
from typing import Any

import numba as nb

from mercer.features.kernel_types import ROW_KERNEL
from mercer.features.transform import RowKernel, Transform


@nb.njit(ROW_KERNEL, cache=True, nogil=True)
def kernel(numbers, ids, n, inputs, outs, params, table_starts, table_keys, table_values) -> None:  # type: ignore[no-untyped-def]
    """Whether the number is NaN."""
    for j in range(outs.size):
        x, out = numbers[inputs[j, 0]], numbers[outs[j]]
        for i in range(n):
            out[i] = 1.0 if x[i] != x[i] else 0.0


def twin(x: float, **_: Any) -> float:
    """The same of one value."""
    return float(math.isnan(x))


TRANSFORM = Transform(
    name="is_missing",
    summary="1 where there is no number, else 0.",
    inputs=(("number",),),
    output="number",
    run=RowKernel(kernel),
    twin=twin,
)
