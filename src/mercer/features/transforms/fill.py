"""fill: a value in the place of what is missing."""

import math
from typing import Any

import numba as nb

from mercer.features.kernel_types import ROW_KERNEL
from mercer.features.param import Param
from mercer.features.transform import Params, RowKernel, Transform


@nb.njit(ROW_KERNEL, cache=True, nogil=True)
def kernel(numbers, ids, n, inputs, outs, params, table_starts, table_keys, table_values) -> None:  # type: ignore[no-untyped-def]
    """NaN becomes params[j, 0]."""
    for j in range(outs.size):
        x, out, value = numbers[inputs[j, 0]], numbers[outs[j]], params[j, 0]
        for i in range(n):
            out[i] = x[i] if x[i] == x[i] else value


def twin(x: float, *, params: Params, **_: Any) -> float:
    """The same of one value."""
    return float(params["value"]) if math.isnan(x) else x


TRANSFORM = Transform(
    name="fill",
    summary="A value in the place of what is missing; `missing` of a feature does the same.",
    inputs=(("number",),),
    output="number",
    run=RowKernel(kernel),
    twin=twin,
    params=(Param(name="value", kind="number", doc="what stands there"),),
)
