"""difference: a - b; missing where one of them is."""

from typing import Any

import numba as nb

from mercer.features.kernel_types import ROW_KERNEL
from mercer.features.transform import RowKernel, Transform


@nb.njit(ROW_KERNEL, cache=True, nogil=True)
def kernel(numbers, ids, n, inputs, outs, params, table_starts, table_keys, table_values) -> None:  # type: ignore[no-untyped-def]
    """The first input less the second."""
    for j in range(outs.size):
        a, b, out = numbers[inputs[j, 0]], numbers[inputs[j, 1]], numbers[outs[j]]
        for i in range(n):
            out[i] = a[i] - b[i]


def twin(a: float, b: float, **_: Any) -> float:
    """The same of one row."""
    return a - b


TRANSFORM = Transform(
    name="difference",
    summary="The first number less the second.",
    inputs=(("number", "number"),),
    output="number",
    run=RowKernel(kernel),
    twin=twin,
)
