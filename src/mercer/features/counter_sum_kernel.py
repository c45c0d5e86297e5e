"""Kernels of the step that adds up counters over a list: each different counter is read once."""

import numba as nb
import numpy as np
import numpy.typing as npt

from mercer.features.column import F32s, F64s, I64s, U64s
from mercer.features.hash import combined
from mercer.features.kernel_types import U8S
from mercer.text.kernel_types import I4S, I8S, U4S, read_only

I32s = npt.NDArray[np.int32]
_F4_TABLE = read_only(nb.f4, ndim=2)
_NO_ID = np.uint64(0)
_SPREAD_1, _SPREAD_2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
_FIRST_BITS = 11


@nb.njit(nb.i8(I8S, I8S), cache=True, nogil=True)
def n_items(starts: I64s, stops: I64s) -> int:
    """How many items the lists have together."""
    n = 0
    for row in range(starts.size):
        n += max(stops[row] - starts[row], 0)
    return n


@nb.njit(
    [
        nb.i8(U8S, I8S, I8S, values, nb.u8, nb.i4[::1], nb.i4[::1], nb.i4[::1], nb.u8[::1], nb.u8[::1])
        for values in (U8S, U4S)
    ],
    cache=True, nogil=True,
)  # fmt: skip
def _find(
    owners: U64s, starts: I64s, stops: I64s, values: U64s, more: int,
    slots: I32s, latest: I32s, place: I32s, of: U64s, ids: U64s,
) -> int:  # fmt: skip
    """As `find_pairs`; -1 where there are more pairs than `latest` has room for.

    Args:
        slots: (2^k,) -1 everywhere, at least twice as many as `latest` has.
        latest: the row that has a pair last.
    """
    n, at, mask = 0, 0, slots.size - 1
    shift = np.uint64(64)
    while mask >> (64 - np.int64(shift)):
        shift -= np.uint64(1)
    for row in range(owners.size):
        owner = owners[row]
        spread = owner * _SPREAD_2
        for i in range(starts[row], stops[row]):
            item = np.uint64(values[i]) + more
            place[at] = -1
            if owner != _NO_ID and item != _NO_ID:
                slot = np.int64(((spread ^ item) * _SPREAD_1) >> shift)
                pair = slots[slot]
                while pair >= 0 and (ids[pair] != item or of[pair] != owner):
                    slot = (slot + 1) & mask
                    pair = slots[slot]
                if pair < 0:
                    if n == latest.size:
                        return -1
                    pair = np.int32(n)
                    slots[slot], of[n], ids[n], latest[n] = pair, owner, item, -1
                    n += 1
                if latest[pair] != row:
                    place[at], latest[pair] = pair, row
            at += 1
    return n


def find_pairs(
    owners: U64s, starts: I64s, stops: I64s, values: U64s, more: int,
    place: I32s, of: U64s, ids: U64s,
) -> int:  # fmt: skip
    """The different pairs of an owner and an item, in the order in which they appear; how many.

    The table of those that are known begins small, so that it stays in the nearest cache: the listings
    of a request mostly state the same few hundred values.

    Args:
        values: (.,) uint64 ids, or uint32 words.
        more: is added to each value: 0 of ids, 1 of words, whose number may be 0.
        place: (n_items,) which pair each item is; -1 where one of the two is missing, and where the row
            has the item further up.
        of, ids: (>= n_pairs,) the owner and the item of each pair.
    """
    bits = _FIRST_BITS
    while True:
        slots, latest = np.full(1 << bits, -1, np.int32), np.empty(1 << (bits - 1), np.int32)
        n = _find(owners, starts, stops, values, more, slots, latest, place, of, ids)
        if n >= 0:
            return int(n)
        bits += 2


@nb.njit(nb.void(U8S, U8S, U8S, nb.i8, nb.u8[::1]), cache=True, nogil=True)
def write_pair_keys(begins: U64s, of: U64s, ids: U64s, n: int, keys: U64s) -> None:
    """keys[k * n + pair] = begins[k] combined with the owner and the item, for the first n pairs."""
    for k in range(begins.size):
        for pair in range(n):
            keys[k * n + pair] = combined(combined(begins[k], of[pair]), ids[pair])


@nb.njit(
    nb.void(_F4_TABLE, nb.i8, nb.i8, nb.f8, U8S, I8S, I8S, I4S, nb.f8[::1]), cache=True, nogil=True
)
def write_sums(
    counts: F32s, first: int, column: int, at_most: float,
    owners: U64s, starts: I64s, stops: I64s, place: I32s, out: F64s,
) -> None:  # fmt: skip
    """out[row] = the counts of its items added up in their order; NaN without an owner or a list.

    Args:
        counts: (n_keys * n_pairs, n_half_lives); those of the key begin at row `first`.
        at_most: what one item adds at most.
        place: (n_items,) as `find_pairs` gives it.
    """
    at = 0
    for row in range(owners.size):
        total = 0.0
        for _ in range(starts[row], stops[row]):
            if place[at] >= 0:
                total += min(np.float64(counts[first + place[at], column]), at_most)
            at += 1
        is_there = owners[row] != _NO_ID and stops[row] >= starts[row]
        out[row] = total if is_there else np.nan
