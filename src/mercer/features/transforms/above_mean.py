"""above_mean: how far a number lies above what is usual for its id, such as a price for its category.

The mean of the fitted rows with the same id, drawn towards the mean of all as in `target_rate`. An id
that was never seen has the mean of all.
"""

import math
from collections.abc import Sequence

import numba as nb
import numpy as np

from mercer.features.column import Column, F64s, ids_of, numbers_of
from mercer.features.fits import KeyCountsFit
from mercer.features.kernel_types import ROW_KERNEL
from mercer.features.key_counts import counted
from mercer.features.lookup import place_of
from mercer.features.param import Param
from mercer.features.rate import rate_table
from mercer.features.transform import Arrays, Fit, Params, RowKernel, Transform

_NO_ID = np.uint64(0)


class KeyMeansFit(KeyCountsFit):
    """How often each id was seen with a number, and the sum of the numbers."""

    def add(
        self, state: Arrays, inputs: Sequence[Column], labels: F64s | None, params: Params, n: int
    ) -> Arrays:
        """Of an id and a number per row."""
        return counted(state, ids_of(inputs[0]), numbers_of(inputs[1]))


@nb.njit(ROW_KERNEL, cache=True, nogil=True)
def kernel(numbers, ids, n, inputs, outs, params, table_starts, table_keys, table_values) -> None:  # type: ignore[no-untyped-def]
    """The table of node j has the known keys and their means; first of all key 0 and that of all."""
    for j in range(outs.size):
        key, value, out = ids[inputs[j, 0]], numbers[inputs[j, 1]], numbers[outs[j]]
        first, last = table_starts[j], table_starts[j + 1]
        mean = table_values[first]
        for i in range(n):
            at = place_of(table_keys, first, last, key[i])
            known = table_values[at] if at >= 0 else mean
            out[i] = np.nan if key[i] == _NO_ID else value[i] - known


def twin(key: int, value: float, *, params: Params, fitted: Arrays) -> float:
    """The same of one row."""
    means = rate_table(params, fitted)
    mean: dict[int, float] = dict(zip(means.keys.tolist(), means.values.tolist(), strict=True))
    return math.nan if key == 0 else float(value - mean.get(key, mean[0]))


TRANSFORM = Transform(
    name="above_mean",
    summary="A number minus the mean of the fitted rows with the same text or id, which is drawn "
    "towards the mean of all.",
    inputs=(("id", "number"),),
    output="number",
    run=RowKernel(kernel, rate_table),
    twin=twin,
    params=(
        Param(
            name="prior_weight", kind="number", doc="rows that the mean of all counts for",
            default=20.0, low=0.0, high=1e9,
        ),
    ),
    fit=KeyMeansFit(),
)  # fmt: skip
_conforms: type[Fit] = KeyMeansFit
