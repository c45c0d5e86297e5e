"""bucketise: how many of the edges lie at or below a number, 0 to n_edges."""

import bisect
import math
from typing import Any

import numba as nb
import numpy as np

from mercer.features.kernel_types import ROW_KERNEL
from mercer.features.lookup import count_at_most
from mercer.features.param import Param
from mercer.features.transform import Arrays, Params, RowKernel, Table, Transform


@nb.njit(ROW_KERNEL, cache=True, nogil=True)
def kernel(numbers, ids, n, inputs, outs, params, table_starts, table_keys, table_values) -> None:  # type: ignore[no-untyped-def]
    """The table of node j has its edges, ascending."""
    for j in range(outs.size):
        x, out = numbers[inputs[j, 0]], numbers[outs[j]]
        first, last = table_starts[j], table_starts[j + 1]
        for i in range(n):
            missing = x[i] != x[i]
            out[i] = np.nan if missing else count_at_most(table_values, first, last, x[i])


def twin(x: float, *, params: Params, **_: Any) -> float:
    """The same of one value."""
    return math.nan if math.isnan(x) else float(bisect.bisect_right(params["edges"], x))


def table(params: Params, fitted: Arrays) -> Table:
    """The edges as they are."""
    return Table(values=np.array(params["edges"], np.float64))


def check(params: Params) -> str | None:
    """Edges must rise."""
    edges = params["edges"]
    return None if list(edges) == sorted(edges) else f"edges {list(edges)} must rise"


TRANSFORM = Transform(
    name="bucketise",
    summary="Which bucket a number falls into: how many edges lie at or below it.",
    inputs=(("number",),),
    output="number",
    run=RowKernel(kernel, table),
    twin=twin,
    params=(Param(name="edges", kind="numbers", doc="where buckets begin, rising"),),
    check=check,
)
