"""Kernels of the step that reads counters: all keys in one call, all features in another."""

import numba as nb
import numpy as np

from mercer.features.column import F32s, F64s, I64s, U64s
from mercer.features.hash import combined
from mercer.features.kernel_types import U8S
from mercer.text.kernel_types import F8S, I8S, read_only

_U8_TABLE = read_only(nb.u8, ndim=2)
_F4_TABLE = read_only(nb.f4, ndim=2)
_NO_ID = np.uint64(0)


@nb.njit(nb.void(_U8_TABLE, nb.i8, U8S, I8S, I8S, nb.u8[:, ::1]), cache=True, nogil=True)
def write_keys(ids: U64s, n: int, begins: U64s, first: I64s, second: I64s, keys: U64s) -> None:
    """keys[k, row] = begins[k] combined with its one or two ids; 0 where one of them is missing.

    Args:
        first, second: (k,) registers of the ids; -1: there is no second one.
    """
    for k in range(begins.size):
        a = ids[first[k]]
        has_second = second[k] >= 0
        b = ids[second[k]] if has_second else a
        for row in range(n):
            if a[row] == _NO_ID or b[row] == _NO_ID:
                keys[k, row] = _NO_ID
            else:
                key = combined(begins[k], a[row])
                keys[k, row] = combined(key, b[row]) if has_second else key


@nb.njit(
    nb.void(_F4_TABLE, _U8_TABLE, I8S, I8S, I8S, F8S, F8S, I8S, nb.f8[:, ::1]),
    cache=True, nogil=True,
)  # fmt: skip
def write_counts(
    counts: F32s, keys: U64s, count: I64s, per: I64s, half_life: I64s, prior: F64s,
    prior_weight: F64s, outs: I64s, numbers: F64s,
) -> None:  # fmt: skip
    """numbers[outs[j], row] = a count, or (count + prior) / (per + prior_weight); NaN without a key.

    Args:
        counts: (n_keys * n, n_half_lives), key by key.
        keys: (n_keys, n).
        count, per: (k,) which key; -1: no rate, the count itself.
        half_life: (k,) column of the counts.
    """
    n = keys.shape[1]
    for j in range(outs.size):
        out, above, below, column = numbers[outs[j]], count[j] * n, per[j] * n, half_life[j]
        key = keys[count[j]]
        for row in range(n):
            if key[row] == _NO_ID:
                out[row] = np.nan
            elif per[j] < 0:
                out[row] = counts[above + row, column]
            else:
                a, b = np.float64(counts[above + row, column]), counts[below + row, column]
                out[row] = (a + prior[j]) / (np.float64(b) + prior_weight[j])
