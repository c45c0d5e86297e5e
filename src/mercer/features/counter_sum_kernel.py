"""Kernels of the step that adds up counters over a list: each different counter is read once."""

import numba as nb
import numpy as np

from mercer.features.column import F32s, F64s, I64s, U64s
from mercer.features.hash import combined
from mercer.features.kernel_types import U8S
from mercer.text.kernel_types import I8S, U4S, read_only

_F4_TABLE = read_only(nb.f4, ndim=2)
_NO_ID = np.uint64(0)
_SPREAD_1, _SPREAD_2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
_MIN_BITS = 6


@nb.njit(nb.i8(I8S, I8S), cache=True, nogil=True)
def n_items(starts: I64s, stops: I64s) -> int:
    """How many items the lists have together."""
    n = 0
    for row in range(starts.size):
        n += max(stops[row] - starts[row], 0)
    return n


@nb.njit(
    [
        nb.i8(U8S, I8S, I8S, values, nb.u8, nb.i8[::1], nb.u8[::1], nb.u8[::1])
        for values in (U8S, U4S)
    ],
    cache=True, nogil=True,
)  # fmt: skip
def find_pairs(
    owners: U64s, starts: I64s, stops: I64s, values: U64s, more: int,
    place: I64s, of: U64s, ids: U64s,
) -> int:  # fmt: skip
    """The different pairs of an owner and an item, in the order in which they appear; how many.

    Args:
        more: is added to each value: 0 of ids, 1 of words, whose number may be 0.
        place: (n_items,) which pair each item is; -1 where one of the two is missing, and where the row
            has the item further up.
        of, ids: (>= n_pairs,) the owner and the item of each pair.
    """
    bits = _MIN_BITS
    while (1 << bits) < 2 * place.size:
        bits += 1
    slots, latest = np.full(1 << bits, -1, np.int32), np.empty(place.size, np.int64)
    shift, mask = np.uint64(64 - bits), (1 << bits) - 1
    n, at = 0, 0
    for row in range(owners.size):
        owner = owners[row]
        for i in range(starts[row], stops[row]):
            one = np.uint64(values[i]) + more
            place[at] = -1
            if owner != _NO_ID and one != _NO_ID:
                slot = np.int64(((owner * _SPREAD_2) ^ one) * _SPREAD_1 >> shift)
                while slots[slot] >= 0 and (ids[slots[slot]] != one or of[slots[slot]] != owner):
                    slot = (slot + 1) & mask
                if slots[slot] < 0:
                    slots[slot], of[n], ids[n], latest[n] = n, owner, one, -1
                    n += 1
                pair = slots[slot]
                if latest[pair] != row:
                    place[at], latest[pair] = pair, row
            at += 1
    return n


@nb.njit(nb.void(U8S, U8S, U8S, nb.u8[:, ::1]), cache=True, nogil=True)
def write_pair_keys(begins: U64s, of: U64s, ids: U64s, keys: U64s) -> None:
    """keys[k, pair] = begins[k] combined with the owner and the item."""
    for k in range(begins.size):
        for pair in range(ids.size):
            keys[k, pair] = combined(combined(begins[k], of[pair]), ids[pair])


@nb.njit(nb.void(_F4_TABLE, nb.i8, nb.i8, U8S, I8S, I8S, I8S, nb.f8[::1]), cache=True, nogil=True)
def write_sums(
    counts: F32s, first: int, column: int, owners: U64s, starts: I64s, stops: I64s, place: I64s,
    out: F64s,
) -> None:  # fmt: skip
    """out[row] = the counts of its items added up in their order; NaN without an owner or a list.

    Args:
        counts: (n_keys * n_pairs, n_half_lives); those of the key begin at row `first`.
        place: (n_items,) as `find_pairs` gives it.
    """
    at = 0
    for row in range(owners.size):
        total = 0.0
        for _ in range(starts[row], stops[row]):
            if place[at] >= 0:
                total += np.float64(counts[first + place[at], column])
            at += 1
        is_there = owners[row] != _NO_ID and stops[row] >= starts[row]
        out[row] = total if is_there else np.nan
