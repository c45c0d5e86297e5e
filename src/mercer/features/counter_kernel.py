"""Kernels of the step that reads counters: the different ids of all rows, their keys, all features."""

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
_SPREAD_1, _SPREAD_2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
_TRIED = 64


@nb.njit(
    nb.void(_U8_TABLE, I8S, I8S, I8S, nb.i4[:, ::1], nb.u8[:, ::1], nb.u8[:, ::1], nb.i8[::1]),
    cache=True, nogil=True,
)  # fmt: skip
def find_different(
    ids: U64s, rows: I64s, first: I64s, second: I64s, place: I32s, one: U64s, other: U64s,
    sizes: I64s,
) -> None:  # fmt: skip
    """The different ids that some rows have: those of row rows[i] are number place[g, i] of group g.

    Candidates share their category, many of them their seller: what is read twice costs more than what
    is found twice. Where the first _TRIED rows of a group are all different, so are the others taken
    to be.

    Args:
        rows: (n,)
        first, second: (n_groups,) registers of the one or two ids of a group; -1: no second one.
        place: (n_groups, n); -1 where an id is missing.
        one, other: (n_groups, n) the different ids; `other` is 0 without a second one.
        sizes: (n_groups,) how many there are.
    """
    n = rows.size
    bits = 6
    while (1 << bits) < 2 * n:
        bits += 1
    slots, shift, mask = np.empty(1 << bits, np.int32), np.uint64(64 - bits), (1 << bits) - 1
    for g in range(first.size):
        slots[:] = -1
        has_second, total = second[g] >= 0, 0
        left, right = ids[first[g]], ids[max(second[g], 0)]
        for i in range(n):
            a = left[rows[i]]
            b = right[rows[i]] if has_second else _NO_ID
            if a == _NO_ID or (has_second and b == _NO_ID):
                place[g, i] = -1
                continue
            if i >= _TRIED and total == i:
                place[g, i], one[g, total], other[g, total] = total, a, b
                total += 1
                continue
            slot = np.int64(((a ^ (b * _SPREAD_2)) * _SPREAD_1) >> shift)
            at = slots[slot]
            while at >= 0 and (one[g, at] != a or other[g, at] != b):
                slot = (slot + 1) & mask
                at = slots[slot]
            if at < 0:
                at = np.int32(total)
                slots[slot], one[g, total], other[g, total] = at, a, b
                total += 1
            place[g, i] = at
        sizes[g] = total


@nb.njit(
    nb.i8(U8S, I8S, I8S, _U8_TABLE, _U8_TABLE, I8S, nb.i8[::1], nb.u8[::1]), cache=True, nogil=True
)
def write_keys(
    begins: U64s, group: I64s, second: I64s, one: U64s, other: U64s, sizes: I64s, offsets: I64s,
    keys: U64s,
) -> int:  # fmt: skip
    """keys[offsets[k] + j] = begins[k] combined with the ids number j of its group; how many keys.

    Args:
        begins, group: (n_keys,)
        second: (n_groups,) -1: one id.
        one, other, sizes: as `find_different` gives them.
    """
    total = 0
    for k in range(begins.size):
        g = group[k]
        offsets[k] = total
        for j in range(sizes[g]):
            key = combined(begins[k], one[g, j])
            keys[total + j] = combined(key, other[g, j]) if second[g] >= 0 else key
        total += sizes[g]
    return total


@nb.njit(
    nb.void(
        _F4_TABLE, I8S, _I4_TABLE, I8S, I8S, I8S, I8S, I8S, F8S, F8S, I8S, nb.f8[:, ::1]
    ),
    cache=True, nogil=True,
)  # fmt: skip
def write_counts(
    counts: F32s, rows: I64s, place: I32s, group: I64s, offsets: I64s, count: I64s, per: I64s,
    half_life: I64s, prior: F64s, prior_weight: F64s, outs: I64s, numbers: F64s,
) -> None:  # fmt: skip
    """numbers[outs[j], row] = a count, or (count + prior) / (per + prior_weight); NaN without a key.

    Args:
        counts: (n_different, n_half_lives) of the keys of `write_keys`.
        rows: (n,) whose counts they are.
        place: (n_groups, n) as `find_different` gives it.
        group, offsets: (n_keys,) group of a key, and where its counts begin.
        count, per: (k,) which key; -1: no rate, the count itself.
        half_life: (k,) column of the counts.
    """
    for j in range(outs.size):
        out, column, key = numbers[outs[j]], half_life[j], count[j]
        at, above = place[group[key]], offsets[key]
        if per[j] < 0:
            for i in range(rows.size):
                out[rows[i]] = counts[above + at[i], column] if at[i] >= 0 else np.nan
            continue
        below = offsets[per[j]]  # of the same ids
        for i in range(rows.size):
            if at[i] < 0:
                out[rows[i]] = np.nan
            else:
                a, b = counts[above + at[i], column], counts[below + at[i], column]
                out[rows[i]] = (np.float64(a) + prior[j]) / (np.float64(b) + prior_weight[j])
