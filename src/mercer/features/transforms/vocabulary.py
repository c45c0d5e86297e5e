"""vocabulary: the place of a text among the fitted ones, most frequent first, from 1; 0 unknown."""

import math

import numba as nb
import numpy as np

from mercer.features.fits import KeyCountsFit
from mercer.features.kernel_types import ROW_KERNEL
from mercer.features.lookup import place_of
from mercer.features.param import Param
from mercer.features.transform import Arrays, Params, RowKernel, Table, Transform

_NO_ID = np.uint64(0)


@nb.njit(ROW_KERNEL, cache=True, nogil=True)
def kernel(numbers, ids, n, inputs, outs, params, table_starts, table_keys, table_values) -> None:  # type: ignore[no-untyped-def]
    """The table of node j has the known keys and their places."""
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
    place = dict(zip(known.keys.tolist(), known.values.tolist(), strict=True))
    return math.nan if key == 0 else float(place.get(key, 0.0))


def table(params: Params, fitted: Arrays) -> Table:
    """The most frequent keys; of equal counts the lower key is first."""
    keys, counts = fitted["keys"], fitted["counts"]
    order = np.lexsort((keys, -counts))
    order = order[counts[order] >= params["min_count"]][: params["max_size"]]
    places = np.arange(1.0, order.size + 1.0)
    by_key = np.argsort(keys[order])
    return Table(keys[order][by_key], places[by_key])


TRANSFORM = Transform(
    name="vocabulary",
    summary="The place of a text or id among the fitted ones, most frequent first; 0 is unknown.",
    inputs=(("id",),),
    output="number",
    run=RowKernel(kernel, table),
    twin=twin,
    params=(
        Param(name="min_count", kind="integer", doc="seen at least so often", default=1, low=1),
        Param(name="max_size", kind="integer", doc="at most so many", default=1_000_000, low=1),
    ),
    fit=KeyCountsFit(),
)
