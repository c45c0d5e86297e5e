"""The longest run of neighbouring words that two texts share."""

from collections.abc import Sequence
from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from mercer.features.text.tally import MAX_LEFT
from mercer.text.kernel_types import I8S, U4S

U32s = NDArray[np.uint32]
I64s = NDArray[np.int64]
F64s = NDArray[np.float64]

_63, _1, _0 = np.uint64(63), np.uint64(1), np.uint64(0)


@nb.njit(nb.u8(nb.u4[::1], nb.i8), cache=True, nogil=True)
def _filter_of(words: U32s, n: int) -> Any:
    """64 bits, of which each word sets one: a word whose bit is 0 is none of them."""
    bits = _0
    for i in range(n):
        bits |= _1 << (np.uint64(words[i]) & _63)
    return bits


@nb.njit(nb.i8(nb.u4[::1], nb.i8, U4S, nb.i8, nb.i8, nb.u8), cache=True, nogil=True)
def _longest(mine: U32s, n: int, right: U32s, start: int, stop: int, bits: int) -> int:
    best = 0
    for j in range(start, stop):
        if not (bits >> (np.uint64(right[j]) & _63)) & _1:
            continue
        for i in range(n):
            # Only where a run begins: the neighbours before differ, or there are none.
            if mine[i] != right[j] or (i > 0 and j > start and mine[i - 1] == right[j - 1]):
                continue
            length = 1
            while i + length < n and j + length < stop and mine[i + length] == right[j + length]:
                length += 1
            best = max(best, length)
    return best


@nb.njit(nb.void(I8S, I8S, U4S, I8S, I8S, U4S, nb.f8[::1]), cache=True, nogil=True)
def longest_run(
    left_starts: I64s, left_stops: I64s, left: U32s,
    right_starts: I64s, right_stops: I64s, right: U32s, out: F64s,
) -> None:  # fmt: skip
    """out[i] = words of the longest run that the left row (its first MAX_LEFT words) and the right
    row share, in the same order and without a gap; NaN where one is missing.
    """
    mine = np.empty(MAX_LEFT, np.uint32)
    n: Any = 0
    bits: Any = _0
    at, at_stop = np.int64(-1), np.int64(-1)
    for row in range(out.size):
        if left_stops[row] < left_starts[row] or right_stops[row] < right_starts[row]:
            out[row] = np.nan
            continue
        if left_starts[row] != at or left_stops[row] != at_stop:
            at, at_stop = left_starts[row], left_stops[row]
            n = min(at_stop - at, MAX_LEFT)
            for i in range(n):
                mine[i] = left[at + i]
            bits = _filter_of(mine, n)
        out[row] = _longest(mine, n, right, right_starts[row], right_stops[row], bits)


def longest_run_plain(left: Sequence[int] | None, right: Sequence[int] | None) -> float:
    """The twin of `longest_run`."""
    if left is None or right is None:
        return float("nan")
    mine, there = list(left[:MAX_LEFT]), list(right)
    best, before = 0, [0] * (len(there) + 1)  # length of the run that ends at each word
    for word in mine:
        here = [0] + [before[j] + 1 if there[j] == word else 0 for j in range(len(there))]
        best, before = max(best, *here), here
    return float(best)
