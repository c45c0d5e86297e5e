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

_63, _1 = np.uint64(63), np.uint64(1)


@nb.njit(nb.i8(U4S, nb.i8, nb.i8, U4S, nb.i8, nb.i8, nb.u8), cache=True, nogil=True)
def _longest(left: U32s, begin: int, n: int, right: U32s, start: int, stop: int, bits: Any) -> int:
    """Of left[begin:begin + n] and right[start:stop]."""
    best = 0
    for j in range(start, stop):
        if not (bits >> (np.uint64(right[j]) & _63)) & _1:
            continue
        for i in range(n):
            # Only where a run begins: the neighbours before differ, or there are none.
            k = begin + i
            if left[k] != right[j] or (i > 0 and j > start and left[k - 1] == right[j - 1]):
                continue
            length = 1
            while i + length < n and j + length < stop and left[k + length] == right[j + length]:
                length += 1
            best = max(best, length)
    return best


@nb.njit(
    nb.void(U4S, nb.i8, nb.i8, I8S, I8S, U4S, nb.u8, I8S, nb.i8, nb.i8, nb.f8[::1]),
    cache=True, nogil=True,
)  # fmt: skip
def write_runs(
    left: U32s, begin: int, stop: int, right_starts: I64s, right_stops: I64s, right: U32s,
    bits: Any, common: I64s, first: int, last: int, out: F64s,
) -> None:  # fmt: skip
    """out[row] = words of the longest run that left[begin:stop] (its first MAX_LEFT words) and the
    right row share, in the same order and without a gap; NaN where one is missing.

    Args:
        bits: `filter_of` the distinct left words.
        common: as `tally` gives it, of the rows first to last - 1.
    """
    n = min(stop - begin, MAX_LEFT)
    for row in range(first, last):
        if common[row - first] > 0:
            out[row] = _longest(
                left, begin, n, right, right_starts[row], right_stops[row], bits
            )  # fmt: skip
        else:
            out[row] = 0.0 if common[row - first] == 0 else np.nan


def longest_run_plain(left: Sequence[int] | None, right: Sequence[int] | None) -> float:
    """The twin of `write_runs`."""
    if left is None or right is None:
        return float("nan")
    mine, there = list(left[:MAX_LEFT]), list(right)
    best, before = 0, [0] * (len(there) + 1)  # length of the run that ends at each word
    for word in mine:
        here = [0] + [before[j] + 1 if there[j] == word else 0 for j in range(len(there))]
        best, before = max(best, *here), here
    return float(best)
