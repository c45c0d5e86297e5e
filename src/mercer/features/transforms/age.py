"""age: time from a moment to the request, in days; below 0 where the moment is still to come."""

from typing import Any

import numba as nb

from mercer.features.kernel_types import ROW_KERNEL
from mercer.features.transform import RowKernel, Transform

DAY_MS = 86_400_000.0


@nb.njit(ROW_KERNEL, cache=True, nogil=True)
def kernel(numbers, ids, n, inputs, outs, params, table_starts, table_keys, table_values) -> None:  # type: ignore[no-untyped-def]
    """Inputs: now, the moment; both in ms."""
    for j in range(outs.size):
        now, then, out = numbers[inputs[j, 0]], numbers[inputs[j, 1]], numbers[outs[j]]
        for i in range(n):
            out[i] = (now[i] - then[i]) / DAY_MS


def twin(now_ms: float, then_ms: float, **_: Any) -> float:
    """The same of one row."""
    return (now_ms - then_ms) / DAY_MS


TRANSFORM = Transform(
    name="age",
    summary="Days from a moment (second input, ms) to now (first input, ms).",
    inputs=(("number", "number"),),
    output="number",
    run=RowKernel(kernel),
    twin=twin,
)
