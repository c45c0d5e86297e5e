"""Kernels of the step that reads counters: all keys in one call, all features in another."""

import numba as nb
import numpy as np
import numpy.typing as npt

from mercer.features.column import F32s, F64s, I64s, U64s
from mercer.features.hash import combined
from mercer.features.kernel_types import U8S
from mercer.text.kernel_types import F8S, I8S, read_only

_U8_TABLE = read_only(nb.u8, ndim=2)
_F4_TABLE = read_only(nb.f4, ndim=2)
_I4_TABLE = read_only(nb.i4, ndim=2)
I32s = npt.NDArray[np.int32]
_NO_ID = np.uint64(0)
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_TRIED = 64


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


@nb.njit(nb.i8(_U8_TABLE, nb.i4[:, ::1], nb.u8[::1]), cache=True, nogil=True)
def find_different(keys: U64s, place: I32s, different: U64s) -> int:
    """different[place[k, row]] = keys[k, row], each key of a k once; how many there are.

    Candidates share their category, many of them their seller: what is read twice costs more than what
    is found twice. Where the first _TRIED rows of a k are all different, so are the others taken to be.

    Args:
        different: (>= n_keys * n,)
    """
    n_keys, n = keys.shape
    bits = 6
    while (1 << bits) < 2 * n:
        bits += 1
    slots, shift, mask = np.empty(1 << bits, np.int32), np.uint64(64 - bits), (1 << bits) - 1
    total = 0
    for k in range(n_keys):
        slots[:] = -1
        first = total
        for row in range(n):
            key = keys[k, row]
            if row >= _TRIED and total - first == row:
                place[k, row], different[total] = total, key
                total += 1
                continue
            slot = np.int64((key * _SPREAD) >> shift)
            at = slots[slot]
            while at >= 0 and different[at] != key:
                slot = (slot + 1) & mask
                at = slots[slot]
            if at < 0:
                at = np.int32(total)
                slots[slot], different[total] = at, key
                total += 1
            place[k, row] = at
    return total


@nb.njit(
    nb.void(_F4_TABLE, _U8_TABLE, _I4_TABLE, I8S, I8S, I8S, F8S, F8S, I8S, nb.f8[:, ::1]),
    cache=True, nogil=True,
)  # fmt: skip
def write_counts(
    counts: F32s, keys: U64s, place: I32s, count: I64s, per: I64s, half_life: I64s, prior: F64s,
    prior_weight: F64s, outs: I64s, numbers: F64s,
) -> None:  # fmt: skip
    """numbers[outs[j], row] = a count, or (count + prior) / (per + prior_weight); NaN without a key.

    Args:
        counts: (n_different, n_half_lives).
        keys: (n_keys, n).
        place: (n_keys, n) row of `counts`.
        count, per: (k,) which key; -1: no rate, the count itself.
        half_life: (k,) column of the counts.
    """
    n = keys.shape[1]
    for j in range(outs.size):
        out, column, key, above = numbers[outs[j]], half_life[j], keys[count[j]], place[count[j]]
        below = place[per[j]] if per[j] >= 0 else above
        for row in range(n):
            if key[row] == _NO_ID:
                out[row] = np.nan
            elif per[j] < 0:
                out[row] = counts[above[row], column]
            else:
                a, b = np.float64(counts[above[row], column]), counts[below[row], column]
                out[row] = (a + prior[j]) / (np.float64(b) + prior_weight[j])
