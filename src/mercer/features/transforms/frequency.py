"""frequency: the share of fitted rows that have the same text or id; 0 for one never seen."""

import math

import numba as nb
import numpy as np

from mercer.features.fits import KeyCountsFit
from mercer.features.kernel_types import ROW_KERNEL
from mercer.features.lookup import place_of
from mercer.features.transform import Arrays, Params, RowKernel, Table, Transform

_NO_ID = np.uint64(0)


@nb.njit(ROW_KERNEL, cache=True, nogil=True)
def kernel(numbers, ids, n, inputs, outs, params, table_starts, table_keys, table_values) -> None:  # type: ignore[no-untyped-def]
    """The table of node j has the known keys and their shares."""
    for j in range(outs.size):
        key, out = ids[inputs[j, 0]], numbers[outs[j]]
        first, last = table_starts[j], table_starts[j + 1]
        for i in range(n):
            at = place_of(table_keys, first, last, key[i])
            unknown = np.nan if key[i] == _NO_ID else 0.0
            out[i] = table_values[at] if at >= 0 else unknown


def twin(key: int, *, params: Params, fitted: Arrays) -> float:
    """The same of one value."""
    known = table(params, fitted)
    share = dict(zip(known.keys.tolist(), known.values.tolist(), strict=True))
    return math.nan if key == 0 else float(share.get(key, 0.0))


def table(params: Params, fitted: Arrays) -> Table:
    """Shares of the rows that had a key."""
    total = max(int(fitted["counts"].sum()), 1)
    return Table(fitted["keys"], fitted["counts"] / total)


TRANSFORM = Transform(
    name="frequency",
    summary="The share of the fitted rows that have the same text or id.",
    inputs=(("id",),),
    output="number",
    run=RowKernel(kernel, table),
    twin=twin,
    fit=KeyCountsFit(),
)
