"""target_rate: the mean label of the rows with the same id, drawn towards the mean of all.

(sum of labels + prior_weight * mean of all) / (rows + prior_weight): with few rows it stays near the
mean of all (D. Micci-Barreca, A preprocessing scheme for high-cardinality categorical attributes,
SIGKDD Explorations 3(1), 2001). An id that was never seen has the mean of all.
"""

import math

import numba as nb
import numpy as np

from mercer.features.fits import KeyCountsFit
from mercer.features.kernel_types import ROW_KERNEL
from mercer.features.lookup import place_of
from mercer.features.rate import RATE_PARAMS, rate_table
from mercer.features.transform import Arrays, Params, RowKernel, Transform

_NO_ID = np.uint64(0)


@nb.njit(ROW_KERNEL, cache=True, nogil=True)
def kernel(numbers, ids, n, inputs, outs, params, table_starts, table_keys, table_values) -> None:  # type: ignore[no-untyped-def]
    """The table of node j has the known keys and their rates; first of all key 0 and the mean."""
    for j in range(outs.size):
        key, out = ids[inputs[j, 0]], numbers[outs[j]]
        first, last = table_starts[j], table_starts[j + 1]
        mean = table_values[first]
        for i in range(n):
            at = place_of(table_keys, first, last, key[i])
            known = table_values[at] if at >= 0 else mean
            out[i] = np.nan if key[i] == _NO_ID else known


def twin(key: int, *, params: Params, fitted: Arrays) -> float:
    """The same of one value."""
    rates = rate_table(params, fitted)
    rate: dict[int, float] = dict(zip(rates.keys.tolist(), rates.values.tolist(), strict=True))
    return math.nan if key == 0 else float(rate.get(key, rate[0]))


TRANSFORM = Transform(
    name="target_rate",
    summary="The mean label of the fitted rows with the same text or id, drawn towards the mean of all.",
    inputs=(("id",),),
    output="number",
    run=RowKernel(kernel, rate_table),
    twin=twin,
    params=RATE_PARAMS,
    fit=KeyCountsFit(),
)
