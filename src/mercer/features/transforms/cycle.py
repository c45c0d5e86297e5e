"""cycle: hour of the day, day of the week or of the year as a point on a circle.

23:00 and 01:00 are near each other on a circle and far apart as numbers; a circle takes two features,
its sine and its cosine.
"""

import math
from typing import Any

import numba as nb
import numpy as np

from mercer.features.kernel_types import ROW_KERNEL
from mercer.features.param import Param
from mercer.features.transform import Params, RowKernel, Transform

HOUR_MS = 3_600_000.0
PERIODS = ("day", "week", "year")
PERIODS_MS = np.array([24 * HOUR_MS, 168 * HOUR_MS, 8_765.82 * HOUR_MS])


@nb.njit(ROW_KERNEL, cache=True, nogil=True)
def kernel(numbers, ids, n, inputs, outs, params, table_starts, table_keys, table_values) -> None:  # type: ignore[no-untyped-def]
    """params[j]: the period's place in PERIODS, 0 sine or 1 cosine, hours to add to UTC."""
    for j in range(outs.size):
        x, out = numbers[inputs[j, 0]], numbers[outs[j]]
        period_ms, is_cosine = PERIODS_MS[int(params[j, 0])], params[j, 1] == 1.0
        shift_ms = params[j, 2] * HOUR_MS
        for i in range(n):
            local = x[i] + shift_ms
            if not np.isfinite(local):
                out[i] = np.nan
                continue
            turns = local / period_ms
            angle = 2.0 * math.pi * (turns - np.floor(turns))
            out[i] = math.cos(angle) if is_cosine else math.sin(angle)


def twin(x: float, *, params: Params, **_: Any) -> float:
    """The same of one value."""
    local = x + params["utc_offset_h"] * HOUR_MS
    if not math.isfinite(local):
        return math.nan
    turns = local / float(PERIODS_MS[PERIODS.index(params["period"])])
    angle = 2.0 * math.pi * (turns - float(math.floor(turns)))
    return math.cos(angle) if params["part"] == "cos" else math.sin(angle)


TRANSFORM = Transform(
    name="cycle",
    summary="A moment in ms as a point on the circle of the day, the week or the year.",
    inputs=(("number",),),
    output="number",
    run=RowKernel(kernel),
    twin=twin,
    params=(
        Param(name="period", kind="choice", choices=PERIODS, doc="what the circle stands for"),
        Param(name="part", kind="choice", choices=("sin", "cos"), doc="which of the two numbers"),
        Param(
            name="utc_offset_h", kind="number", doc="the market's hours ahead of UTC",
            default=0.0, low=-24, high=24,
        ),
    ),
)  # fmt: skip
