"""recency: 2^(-age / half-life), 1 now and 0.5 a half-life ago; a moment to come counts as now."""

import math
from typing import Any

import numba as nb

from mercer.features.kernel_types import ROW_KERNEL
from mercer.features.param import Param
from mercer.features.transform import Params, RowKernel, Transform

DAY_MS = 86_400_000.0


@nb.njit(ROW_KERNEL, cache=True, nogil=True)
def kernel(numbers, ids, n, inputs, outs, params, table_starts, table_keys, table_values) -> None:  # type: ignore[no-untyped-def]
    """Inputs: now, the moment; both in ms. params[j, 0] is the half-life in days."""
    for j in range(outs.size):
        now, then, out = numbers[inputs[j, 0]], numbers[inputs[j, 1]], numbers[outs[j]]
        half_life_ms = params[j, 0] * DAY_MS
        for i in range(n):
            age_ms = now[i] - then[i]
            out[i] = 1.0 if age_ms < 0.0 else math.exp2(-(age_ms / half_life_ms))


def twin(now_ms: float, then_ms: float, *, params: Params, **_: Any) -> float:
    """The same of one row."""
    age_ms = now_ms - then_ms
    return 1.0 if age_ms < 0.0 else math.exp2(-(age_ms / (params["half_life_d"] * DAY_MS)))


TRANSFORM = Transform(
    name="recency",
    summary="2^(-age / half-life) of a moment (second input, ms) at now (first input, ms).",
    inputs=(("number", "number"),),
    output="number",
    run=RowKernel(kernel),
    twin=twin,
    params=(Param(name="half_life_d", kind="number", doc="in days", low=1e-3, high=1e5),),
)
