"""How much of a query a listing has: overlap, coverage, Jaccard."""

from collections.abc import Sequence

import numba as nb
import numpy as np
from numpy.typing import NDArray

from mercer.features.text.tally import left_plain
from mercer.features.text.weights import WeightTable
from mercer.text.kernel_types import F8S, I8S, U4S

U32s = NDArray[np.uint32]
U64s = NDArray[np.uint64]
I64s = NDArray[np.int64]
F64s = NDArray[np.float64]

_FEW, _BITS = 48, 2048
_BIT_MASK, _6 = np.uint32(_BITS - 1), np.uint32(6)
_63, _1 = np.uint32(63), np.uint64(1)


@nb.njit(nb.void(I8S, nb.i8, nb.i8, nb.f8[::1]), cache=True, nogil=True)
def write_overlap(common: I64s, first: int, last: int, out: F64s) -> None:
    """out[row] = distinct words of the left list that the right one has too; NaN where one is missing.

    Args:
        common: as `tally` gives it, of the rows first to last - 1.
    """
    for row in range(first, last):
        n = common[row - first]
        out[row] = np.float64(n) if n >= 0 else np.nan


@nb.njit(
    nb.void(I8S, I8S, nb.i8, F8S, nb.f8, nb.i8, nb.i8, nb.f8[::1]), cache=True, nogil=True
)  # fmt: skip
def write_coverage(
    found: I64s, common: I64s, n: int, weight: F64s, total: float, first: int, last: int, out: F64s
) -> None:
    """out[row] = weight of the distinct left words that the right list has, over that of all.

    Args:
        found, common: as `tally` gives them, of the rows first to last - 1.
        weight, total: of each of the n distinct words, and their sum.
    Returns:
        In [0, 1]; NaN where one is missing or the left one has no word that weighs anything.
    """
    for row in range(first, last):
        at = (row - first) * n
        if common[row - first] < 0 or total == 0.0:
            out[row] = np.nan
            continue
        covered = 0.0
        if common[row - first]:
            for i in range(n):
                covered += weight[i] if found[at + i] > 0 else 0.0
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


@nb.njit(nb.void(I8S, nb.i8, F8S, nb.i8, nb.i8, nb.f8[::1]), cache=True, nogil=True)
def write_jaccard(
    common: I64s, n: int, right_distinct: F64s, first: int, last: int, out: F64s
) -> None:
    """out[row] = words that both lists have over words that either has, each counted once.

    Args:
        common: as `tally` gives it, of the rows first to last - 1.
        n: distinct words of the left list.
        right_distinct: `count_distinct` of all right rows.
    Returns:
        In [0, 1]; NaN where one is missing or both are empty.
    """
    for row in range(first, last):
        both = common[row - first]
        either = np.float64(n - both) + right_distinct[row]
        out[row] = np.float64(both) / either if both >= 0 and either > 0.0 else np.nan


def overlap_plain(left: Sequence[int] | None, right: Sequence[int] | None) -> float:
    """The twin of `write_overlap`."""
    if left is None or right is None:
        return float("nan")
    return float(len(left_plain(left).keys() & set(right)))


def coverage_plain(
    left: Sequence[int] | None, right: Sequence[int] | None, table: WeightTable | None = None
) -> float:
    """The twin of `write_coverage`."""
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
    """The twin of `write_jaccard`."""
    if left is None or right is None:
        return float("nan")
    mine = left_plain(left).keys()
    common = len(mine & set(right))
    either = len(mine) - common + right_distinct
    return common / either if either > 0 else float("nan")


def count_distinct_plain(words: Sequence[int] | None) -> float:
    """The twin of `count_distinct`."""
    return float("nan") if words is None else float(len(set(words)))
