"""bucketise_quantile: which of n buckets of equal share a number falls into, 0 to n - 1."""

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
    """The table of node j has the n - 1 inner edges."""
    for j in range(outs.size):
        x, out = numbers[inputs[j, 0]], numbers[outs[j]]
        first, last = table_starts[j], table_starts[j + 1]
        for i in range(n):
            missing = x[i] != x[i] or first == last
            out[i] = np.nan if missing else count_at_most(table_values, first, last, x[i])


def twin(x: float, *, params: Params, fitted: Arrays) -> float:
    """The same of one value."""
    edges = table(params, fitted).values.tolist()
    return math.nan if math.isnan(x) or not edges else float(bisect.bisect_right(edges, x))


def table(params: Params, fitted: Arrays) -> Table:
    """The inner edges; none where there were no values."""
    n = params["n_buckets"]
    edges = quantiles(fitted, [i / n for i in range(1, n)])
    return Table(values=np.zeros(0) if np.isnan(edges).any() else edges)


TRANSFORM = Transform(
    name="bucketise_quantile",
    summary="Which of n buckets of equal share, by the fitted quantiles, a number falls into.",
    inputs=(("number",),),
    output="number",
    run=RowKernel(kernel, table),
    twin=twin,
    params=(Param(name="n_buckets", kind="integer", doc="how many", default=10, low=2, high=1000),),
    fit=QuantilesFit(),
)
