"""What a fitted table says of an id: the kernel and the twin of transforms that only look one up."""

import math

import numba as nb
import numpy as np

from mercer.features.kernel_types import ROW_KERNEL
from mercer.features.lookup import place_of
from mercer.features.transform import Table

_NO_ID = np.uint64(0)


@nb.njit(ROW_KERNEL, cache=True, nogil=True)
def look_up_key(numbers, ids, n, inputs, outs, params, table_starts, table_keys, table_values) -> None:  # type: ignore[no-untyped-def]  # fmt: skip
    """The value of each row's id in the table of node j; 0 where it has none, NaN where there is no id."""
    for j in range(outs.size):
        key, out = ids[inputs[j, 0]], numbers[outs[j]]
        first, last = table_starts[j], table_starts[j + 1]
        for i in range(n):
            at = place_of(table_keys, first, last, key[i])
            unknown = np.nan if key[i] == _NO_ID else 0.0
            out[i] = table_values[at] if at >= 0 else unknown


def plain_look_up_key(key: int, known: Table) -> float:
    """The twin: the same of one id."""
    value = dict(zip(known.keys.tolist(), known.values.tolist(), strict=True))
    return math.nan if key == 0 else float(value.get(key, 0.0))
