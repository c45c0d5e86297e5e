"""quantile: the share of fitted values below x, in [0, 1], straight lines between the knots."""

import bisect
import math

import numba as nb
import numpy as np

from mercer.features.fits import QuantilesFit
from mercer.features.histogram import quantiles
from mercer.features.kernel_types import ROW_KERNEL
from mercer.features.lookup import count_at_most
from mercer.features.param import Param
from mercer.features.transform import Arrays, Params, RowKernel, Table, Transform


@nb.njit(ROW_KERNEL, cache=True, nogil=True)
def kernel(numbers, ids, n, inputs, outs, params, table_starts, table_keys, table_values) -> None:  # type: ignore[no-untyped-def]
    """The table of node j has n_knots + 1 values at evenly spaced ranks."""
    for j in range(outs.size):
        x, out = numbers[inputs[j, 0]], numbers[outs[j]]
        first, last = table_starts[j], table_starts[j + 1]
        n_steps = last - first - 1
        for i in range(n):
            if x[i] != x[i] or n_steps < 1:
                out[i] = np.nan
                continue
            above = int(count_at_most(table_values, first, last, x[i]))
            if above == 0 or above > n_steps:
                out[i] = 0.0 if above == 0 else 1.0
                continue
            low, high = table_values[first + above - 1], table_values[first + above]
            out[i] = (above - 1 + (x[i] - low) / (high - low)) / n_steps


def twin(x: float, *, params: Params, fitted: Arrays) -> float:
    """The same of one value."""
    knots = table(params, fitted).values.tolist()
    if math.isnan(x) or not knots:
        return math.nan
    above = bisect.bisect_right(knots, x)
    if above == 0 or above == len(knots):
        return 0.0 if above == 0 else 1.0
    low, high = knots[above - 1], knots[above]
    return float((above - 1 + (x - low) / (high - low)) / (len(knots) - 1))


def table(params: Params, fitted: Arrays) -> Table:
    """The knots; none where there were no values."""
    n_knots = params["n_knots"]
    knots = quantiles(fitted, [i / n_knots for i in range(n_knots + 1)])
    return Table(values=np.zeros(0) if np.isnan(knots).any() else knots)


TRANSFORM = Transform(
    name="quantile",
    summary="The share of the fitted values that lie below a number, in [0, 1].",
    inputs=(("number",),),
    output="number",
    run=RowKernel(kernel, table),
    twin=twin,
    params=(
        Param(name="n_knots", kind="integer", doc="straight pieces", default=100, low=1, high=1000),
    ),
    fit=QuantilesFit(),
)
