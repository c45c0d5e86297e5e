"""Kernels of the step that adds up counters over a list: each different counter is read once."""

import numba as nb
import numpy as np
import numpy.typing as npt

from mercer.features.column import F32s, F64s, I64s, U64s
from mercer.features.hash import combined
from mercer.features.kernel_types import U8S
from mercer.text.kernel_types import I4S, I8S, U4S, read_only
from mercer.text.prefetch import AHEAD, LINE, prefetch

I32s = npt.NDArray[np.int32]
_F4_TABLE = read_only(nb.f4, ndim=2)
_NO_ID = np.uint64(0)
_SPREAD_1, _SPREAD_2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
_FIRST_BITS = 12


@nb.njit(
    [
        nb.i8(
            U8S, I8S, I8S, values, nb.u8, nb.u8[::1], nb.i4[::1], nb.i4[::1], nb.i4[::1], nb.u8[::1],
            nb.u8[::1],
        )
        for values in (U8S, U4S)
    ],
    cache=True, nogil=True,
)  # fmt: skip
def _find(
    owners: U64s, starts: I64s, stops: I64s, values: U64s, more: int,
    slot_items: U64s, slot_pairs: I32s, latest: I32s, place: I32s, of: U64s, ids: U64s,
) -> int:  # fmt: skip
    """As `find_pairs`; -1 where there are more pairs than `latest` has room for.

    Args:
        slot_items: (2^k,) 0 everywhere, at least twice as many as `latest` has.
        slot_pairs: (2^k,) the pair of the item in the same slot.
        latest: the row that has a pair last.
    """
    n, at, mask = 0, 0, np.uint64(slot_items.size - 1)
    shift = np.uint64(64)
    while mask >> (np.uint64(64) - shift):
        shift -= np.uint64(1)
    for row in range(owners.size):
        owner = owners[row]
        spread = owner * _SPREAD_2
        for i in range(starts[row], stops[row]):
            item = np.uint64(values[i]) + more
            place[at] = 0
            if owner != _NO_ID and item != _NO_ID:
                slot = ((spread ^ item) * _SPREAD_1) >> shift
                while slot_items[slot] != _NO_ID and (
                    slot_items[slot] != item or of[slot_pairs[slot]] != owner
                ):
                    slot = (slot + np.uint64(1)) & mask
                pair = slot_pairs[slot]
                if slot_items[slot] == _NO_ID:
                    if n == latest.size:
                        return -1
                    pair = np.int32(n)
                    slot_items[slot], slot_pairs[slot] = item, pair
                    of[n], ids[n], latest[n] = owner, item, -1
                    n += 1
                if latest[pair] != row:
                    place[at], latest[pair] = pair + 1, row
            at += 1
    return n


_FOUND = nb.types.Tuple((nb.i4[::1], nb.u8[::1], nb.u8[::1]))  # type: ignore[no-untyped-call]


@nb.njit(
    [_FOUND(U8S, I8S, I8S, values, nb.u8) for values in (U8S, U4S)], cache=True, nogil=True
)  # fmt: skip
def find_pairs(
    owners: U64s, starts: I64s, stops: I64s, values: U64s, more: int
) -> tuple[I32s, U64s, U64s]:
    """The different pairs of an owner and an item, in the order in which they appear.

    The table of those that are known begins small, so that it stays in the nearest cache: the listings
    of a request mostly state the same few hundred values.

    Args:
        values: (.,) uint64 ids, or uint32 words.
        more: is added to each value: 0 of ids, 1 of words, whose number may be 0.
    Returns:
        place: (n_items,) 1 + which pair each item is; 0 where one of the two is missing, and where the
            row has the item further up.
        of, ids: (n_pairs,) the owner and the item of each pair.
    """
    n_items = 0
    for row in range(starts.size):
        n_items += max(stops[row] - starts[row], 0)
    place, of = np.empty(n_items, np.int32), np.empty(n_items, np.uint64)
    ids = np.empty(n_items, np.uint64)
    bits = _FIRST_BITS
    while True:
        slot_items, slot_pairs = np.zeros(1 << bits, np.uint64), np.empty(1 << bits, np.int32)
        latest = np.empty(1 << (bits - 1), np.int32)
        n = _find(
            owners, starts, stops, values, more, slot_items, slot_pairs, latest, place, of, ids
        )
        if n >= 0:
            return place, of[:n], ids[:n]
        bits += 2


@nb.njit(
    [
        nb.i8(I8S, I8S, values, nb.u8, nb.i4[::1], nb.u8[::1], nb.i4[::1], nb.i4[::1])
        for values in (U8S, U4S)
    ],
    cache=True, nogil=True,
)  # fmt: skip
def _find_of_one(
    starts: I64s, stops: I64s, values: U64s, more: int, slots: I32s, ids: U64s, latest: I32s,
    place: I32s,
) -> int:  # fmt: skip
    """As `find_items`; -1 where there are more different items than `ids` has room for.

    Args:
        slots: (2^k,) -1 everywhere, twice as many as `ids` has: where an item is looked for.
        latest: the row that has an item last.
    """
    n, at, mask, shift = 0, 0, np.uint64(slots.size - 1), np.uint64(64)
    while mask >> (np.uint64(64) - shift):
        shift -= np.uint64(1)
    per_line = LINE // values.itemsize
    for row in range(starts.size):
        soon = starts[min(row + AHEAD, starts.size - 1)]
        prefetch(values, soon)
        prefetch(values, soon + per_line)
        for i in range(starts[row], stops[row]):
            item = np.uint64(values[i]) + more
            slot = (item * _SPREAD_1) >> shift
            known = slots[slot]
            while known >= 0 and ids[np.uint32(known)] != item:
                slot = (slot + np.uint64(1)) & mask
                known = slots[slot]
            if known < 0:
                if item == _NO_ID:
                    place[at] = 0
                    at += 1
                    continue
                if n == ids.size:
                    return -1
                known = np.int32(n)
                slots[slot], ids[n], latest[n] = known, item, -1
                n += 1
            one = np.uint32(known)
            place[at] = known + 1 if latest[one] != row else 0
            latest[one] = row
            at += 1
    return n


_FOUND_OF_ONE = nb.types.Tuple((nb.i4[::1], nb.u8[::1]))  # type: ignore[no-untyped-call]


@nb.njit(
    [_FOUND_OF_ONE(I8S, I8S, values, nb.u8) for values in (U8S, U4S)], cache=True, nogil=True
)  # fmt: skip
def find_items(starts: I64s, stops: I64s, values: U64s, more: int) -> tuple[I32s, U64s]:
    """`find_pairs` where all rows have the same owner, as those of a request: (place, ids)."""
    n_items = 0
    for row in range(starts.size):
        n_items += max(stops[row] - starts[row], 0)
    place = np.empty(n_items, np.int32)
    bits = _FIRST_BITS
    while True:
        slots = np.full(1 << bits, -1, np.int32)
        ids, latest = np.empty(1 << (bits - 1), np.uint64), np.empty(1 << (bits - 1), np.int32)
        n = _find_of_one(starts, stops, values, more, slots, ids, latest, place)
        if n >= 0:
            return place, ids[:n]
        bits += 2


@nb.njit(nb.void(U8S, U8S, U8S, nb.u8[::1]), cache=True, nogil=True)
def write_pair_keys(begins: U64s, of: U64s, ids: U64s, keys: U64s) -> None:
    """keys[k * n + pair] = begins[k] combined with the owner and the item of each of the n pairs."""
    n = ids.size
    for k in range(begins.size):
        owner, both = _NO_ID, _NO_ID
        for pair in range(n):
            if of[pair] != owner:
                owner = of[pair]
                both = combined(begins[k], owner)
            keys[k * n + pair] = combined(both, ids[pair])


@nb.njit(
    nb.void(_F4_TABLE, nb.i8, nb.i8, nb.i8, nb.f8, U8S, I8S, I8S, I4S, nb.f8[::1]),
    cache=True, nogil=True,
)  # fmt: skip
def write_sums(
    counts: F32s, first: int, n_pairs: int, column: int, at_most: float,
    owners: U64s, starts: I64s, stops: I64s, place: I32s, out: F64s,
) -> None:  # fmt: skip
    """out[row] = the counts of its items added up in their order; NaN without an owner or a list.

    Args:
        counts: (n_keys * n_pairs, n_half_lives); those of the key begin at row `first`.
        at_most: what one item adds at most.
        place: (n_items,) as `find_pairs` gives it.
    """
    worth = np.empty(n_pairs + 1, np.float64)
    worth[0] = 0.0  # of an item that adds nothing
    is_any = False
    for pair in range(n_pairs):
        one = min(np.float64(counts[first + pair, column]), at_most)
        worth[pair + 1] = one
        is_any |= one != 0.0
    at = 0
    for row in range(owners.size):
        total = 0.0
        if is_any:
            for _ in range(starts[row], stops[row]):
                total += worth[place[at]]
                at += 1
        is_there = owners[row] != _NO_ID and stops[row] >= starts[row]
        out[row] = total if is_there else np.nan
