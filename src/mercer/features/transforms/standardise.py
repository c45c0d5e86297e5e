"""standardise: (x - mean) / standard deviation, both fitted; 0 where all values were the same."""

import math
from fractions import Fraction

import numba as nb
import numpy as np

from mercer.features.exact_sum import exact_value
from mercer.features.fits import MomentsFit
from mercer.features.kernel_types import ROW_KERNEL
from mercer.features.transform import Arrays, Params, RowKernel, Table, Transform


@nb.njit(ROW_KERNEL, cache=True, nogil=True)
def kernel(numbers, ids, n, inputs, outs, params, table_starts, table_keys, table_values) -> None:  # type: ignore[no-untyped-def]
    """The table of node j has the mean and the deviation."""
    for j in range(outs.size):
        x, out = numbers[inputs[j, 0]], numbers[outs[j]]
        mean, deviation = table_values[table_starts[j]], table_values[table_starts[j] + 1]
        for i in range(n):
            if deviation > 0.0:
                out[i] = (x[i] - mean) / deviation
            else:
                out[i] = np.nan if x[i] != x[i] else 0.0


def twin(x: float, *, params: Params, fitted: Arrays) -> float:
    """The same of one value."""
    mean, deviation = table(params, fitted).values.tolist()
    if deviation > 0.0:
        return float((x - mean) / deviation)
    return x if math.isnan(x) else 0.0


def table(params: Params, fitted: Arrays) -> Table:
    """Mean and deviation of the population; 0 and 0 where there were no values."""
    count = int(fitted["count"][0])
    if count == 0:
        return Table(values=np.zeros(2))
    mean = exact_value(fitted["sum"]) / count
    variance = exact_value(fitted["squares"]) / count - mean * mean
    return Table(values=np.array([float(mean), math.sqrt(max(variance, Fraction(0)))]))


TRANSFORM = Transform(
    name="standardise",
    summary="A number less its mean, over its standard deviation; both are fitted.",
    inputs=(("number",),),
    output="number",
    run=RowKernel(kernel, table),
    twin=twin,
    fit=MomentsFit(),
)
