"""clip: a number brought into [low, high]; what is missing stays missing."""

import math
from typing import Any

import numba as nb
import numpy as np

from mercer.features.kernel_types import ROW_KERNEL
from mercer.features.param import Param
from mercer.features.transform import Params, RowKernel, Transform


@nb.njit(ROW_KERNEL, cache=True, nogil=True)
def kernel(numbers, ids, n, inputs, outs, params, table_starts, table_keys, table_values) -> None:  # type: ignore[no-untyped-def]
    """params[j] is low, high."""
    for j in range(outs.size):
        x, out, low, high = numbers[inputs[j, 0]], numbers[outs[j]], params[j, 0], params[j, 1]
        for i in range(n):
            out[i] = low if x[i] < low else (high if x[i] > high else x[i])


def twin(x: float, *, params: Params, **_: Any) -> float:
    """The same of one value."""
    return x if math.isnan(x) else float(np.clip(x, params["low"], params["high"]))


def check(params: Params) -> str | None:
    """The bounds must be in order."""
    low, high = params["low"], params["high"]
    return None if low <= high else f"low {low:g} is above high {high:g}"


TRANSFORM = Transform(
    name="clip",
    summary="A number brought into [low, high].",
    inputs=(("number",),),
    output="number",
    run=RowKernel(kernel),
    twin=twin,
    params=(
        Param(name="low", kind="number", doc="what is below becomes this", default=-math.inf),
        Param(name="high", kind="number", doc="what is above becomes this", default=math.inf),
    ),
    check=check,
)
