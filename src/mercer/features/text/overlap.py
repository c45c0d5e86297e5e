"""How much of a query a listing has: overlap, coverage, Jaccard."""

from collections.abc import Sequence

import numba as nb
import numpy as np
from numpy.typing import NDArray

from mercer.features.text.tally import MAX_LEFT, left_plain, load_left, new_left, tally
from mercer.features.text.weights import WeightTable, weight_of
from mercer.text.kernel_types import F8S, I8S, U4S, read_only

U32s = NDArray[np.uint32]
U64s = NDArray[np.uint64]
I64s = NDArray[np.int64]
F64s = NDArray[np.float64]

U8S = read_only(nb.u8)

_FEW, _BITS = 48, 2048
_BIT_MASK, _6 = np.uint32(_BITS - 1), np.uint32(6)
_63, _1 = np.uint32(63), np.uint64(1)


@nb.njit(nb.void(I8S, I8S, U4S, I8S, I8S, U4S, nb.f8[::1]), cache=True, nogil=True)
def overlap(
    left_starts: I64s, left_stops: I64s, left: U32s,
    right_starts: I64s, right_stops: I64s, right: U32s, out: F64s,
) -> None:  # fmt: skip
    """out[i] = distinct words of left row i that right row i has too; NaN where one is missing."""
    distinct, counts, slots, found = new_left()
    n, at, at_stop = 0, np.int64(-1), np.int64(-1)
    for row in range(out.size):
        if left_stops[row] < left_starts[row] or right_stops[row] < right_starts[row]:
            out[row] = np.nan
            continue
        if left_starts[row] != at or left_stops[row] != at_stop:
            at, at_stop = left_starts[row], left_stops[row]
            n = load_left(left, at, at_stop, distinct, counts, slots)
        tally(right, right_starts[row], right_stops[row], distinct, n, slots, found)
        common = 0
        for i in range(n):
            common += found[i] > 0
        out[row] = common


@nb.njit(nb.void(I8S, I8S, U4S, I8S, I8S, U4S, U8S, nb.f8[::1]), cache=True, nogil=True)
def coverage(
    left_starts: I64s, left_stops: I64s, left: U32s,
    right_starts: I64s, right_stops: I64s, right: U32s, table: U64s, out: F64s,
) -> None:  # fmt: skip
    """out[i] = weight of the distinct words of left row i that right row i has, over that of all.

    Args:
        table: `WeightTable.slots`; empty: all words weigh the same.
    Returns:
        In [0, 1]; NaN where one is missing or the left one has no word that weighs anything.
    """
    distinct, counts, slots, found = new_left()
    weight = np.empty(MAX_LEFT, np.float64)
    n, at, at_stop, total = 0, np.int64(-1), np.int64(-1), 0.0
    for row in range(out.size):
        if left_stops[row] < left_starts[row] or right_stops[row] < right_starts[row]:
            out[row] = np.nan
            continue
        if left_starts[row] != at or left_stops[row] != at_stop:
            at, at_stop = left_starts[row], left_stops[row]
            n = load_left(left, at, at_stop, distinct, counts, slots)
            total = 0.0
            for i in range(n):
                weight[i] = weight_of(distinct[i], table) if table.size else 1.0
                total += weight[i]
        if total == 0.0:
            out[row] = np.nan
            continue
        tally(right, right_starts[row], right_stops[row], distinct, n, slots, found)
        covered = 0.0
        for i in range(n):
            if found[i] > 0:
                covered += weight[i]
        out[row] = covered / total


@nb.njit(nb.i8(I8S, I8S), cache=True, nogil=True)
def room_for(starts: I64s, stops: I64s) -> int:
    """A power of two, at least twice as much as the longest row has words."""
    longest = 4
    for row in range(starts.size):
        longest = max(longest, stops[row] - starts[row])
    size = 8
    while size < 2 * longest:
        size *= 2
    return size


@nb.njit(nb.i8(U4S, nb.i8, nb.i8, nb.u8[::1]), cache=True, nogil=True)
def _count_few(words: U32s, start: int, stop: int, bits: U64s) -> int:
    """How many different words words[start:stop] has, at most _FEW.

    Two words seldom share a bit; only then is it looked up whether the word was there before.

    Args:
        bits: scratch of _BITS / 64, all 0, also afterwards.
    """
    n = 0
    for at in range(start, stop):
        place = words[at] & _BIT_MASK
        bit = _1 << np.uint64(place & _63)
        if bits[place >> _6] & bit:
            before = start
            while words[before] != words[at]:
                before += 1
            n += before == at
        else:
            bits[place >> _6] |= bit
            n += 1
    bits[:] = np.uint64(0)
    return n


@nb.njit(nb.i8(U4S, nb.i8, nb.i8, nb.u4[::1], nb.u1[::1]), cache=True, nogil=True)
def _count_many(words: U32s, start: int, stop: int, slots: U32s, used: NDArray[np.uint8]) -> int:
    """The same of any number of words.

    Args:
        slots, used: scratch of a power of two, at least twice as many as there are words; `used` is
            all 0, also afterwards.
    """
    size = 8
    while size < 2 * (stop - start):
        size *= 2
    mask, n = np.uint32(size - 1), 0
    for word in words[start:stop]:
        slot = word & mask
        while used[slot] and slots[slot] != word:
            slot = (slot + np.uint32(1)) & mask
        if not used[slot]:
            used[slot] = np.uint8(1)
            slots[slot] = word
            n += 1
    used[:size] = np.uint8(0)
    return n


@nb.njit(nb.void(I8S, I8S, U4S, nb.f8[::1]), cache=True, nogil=True)
def count_distinct(starts: I64s, stops: I64s, words: U32s, out: F64s) -> None:
    """out[i] = how many different words row i has; NaN where it is missing."""
    size = room_for(starts, stops)
    slots, used = np.empty(size, np.uint32), np.zeros(size, np.uint8)
    bits = np.zeros(_BITS // 64, np.uint64)
    for row in range(out.size):
        start, stop = starts[row], stops[row]
        if stop < start:
            out[row] = np.nan
        elif stop - start <= _FEW:
            out[row] = _count_few(words, start, stop, bits)
        else:
            out[row] = _count_many(words, start, stop, slots, used)


@nb.njit(nb.void(I8S, I8S, U4S, I8S, I8S, U4S, F8S, nb.f8[::1]), cache=True, nogil=True)
def jaccard(
    left_starts: I64s, left_stops: I64s, left: U32s,
    right_starts: I64s, right_stops: I64s, right: U32s, right_distinct: F64s, out: F64s,
) -> None:  # fmt: skip
    """out[i] = words that both rows have over words that either has, each counted once.

    Args:
        right_distinct: (n,) `count_distinct` of the right rows.
    Returns:
        In [0, 1]; NaN where one is missing or both are empty.
    """
    distinct, counts, slots, found = new_left()
    n, at, at_stop = 0, np.int64(-1), np.int64(-1)
    for row in range(out.size):
        if left_stops[row] < left_starts[row] or right_stops[row] < right_starts[row]:
            out[row] = np.nan
            continue
        if left_starts[row] != at or left_stops[row] != at_stop:
            at, at_stop = left_starts[row], left_stops[row]
            n = load_left(left, at, at_stop, distinct, counts, slots)
        tally(right, right_starts[row], right_stops[row], distinct, n, slots, found)
        common = 0
        for i in range(n):
            common += found[i] > 0
        either = np.float64(n - common) + right_distinct[row]
        out[row] = np.float64(common) / either if either > 0.0 else np.nan


def overlap_plain(left: Sequence[int] | None, right: Sequence[int] | None) -> float:
    """The twin of `overlap`."""
    if left is None or right is None:
        return float("nan")
    return float(len(left_plain(left).keys() & set(right)))


def coverage_plain(
    left: Sequence[int] | None, right: Sequence[int] | None, table: WeightTable | None = None
) -> float:
    """The twin of `coverage`."""
    if left is None or right is None:
        return float("nan")
    weight = {word: table.weight(word) if table else 1.0 for word in left_plain(left)}
    total, covered, there = 0.0, 0.0, set(right)
    for word, one in weight.items():
        total += one
        covered += one if word in there else 0.0
    return covered / total if total else float("nan")


def jaccard_plain(
    left: Sequence[int] | None, right: Sequence[int] | None, right_distinct: float
) -> float:
    """The twin of `jaccard`."""
    if left is None or right is None:
        return float("nan")
    mine = left_plain(left).keys()
    common = len(mine & set(right))
    either = len(mine) - common + right_distinct
    return common / either if either > 0 else float("nan")


def count_distinct_plain(words: Sequence[int] | None) -> float:
    """The twin of `count_distinct`."""
    return float("nan") if words is None else float(len(set(words)))
