"""What pairs of word lists have in common: counted once, for all that is said of the same pairs.

Neighbouring rows mostly have the same left list, the query's: its words are loaded and weighed once. The
right lists are read once, a block at a time, and each measure goes through what was found there. The
measures themselves, with their twins, are in `overlap.py`, `relevance.py` and `run_length.py`.
"""

from typing import Any, Final

import numba as nb
import numpy as np
from numpy.typing import NDArray

from mercer.features.text.overlap import write_coverage, write_jaccard, write_overlap
from mercer.features.text.relevance import weigh_cosine, write_bm25, write_cosine
from mercer.features.text.run_length import write_runs
from mercer.features.text.tally import MAX_LEFT, filter_of, load_left, new_left, tally
from mercer.features.text.weights import weight_of
from mercer.text.kernel_types import F8_TABLE, F8S, I8S, U4S, read_only

U32s = NDArray[np.uint32]
U64s = NDArray[np.uint64]
I64s = NDArray[np.int64]
F64s = NDArray[np.float64]

OVERLAP, COVERAGE, JACCARD, BM25, COSINE, RUN = range(6)
N_SETTINGS: Final = 3
"""Numbers that a measure may be told: BM25 its mean length, k1 and b."""

_BLOCK: Final = 64  # rows whose counts stay in the nearest cache
_U8S = read_only(nb.u8)


@nb.njit(
    nb.f8(nb.i8, nb.u4[::1], I8S, nb.i8, _U8S, nb.i8, nb.i8, nb.f8[::1]), cache=True, nogil=True
)  # fmt: skip
def _weigh(
    measure: int, distinct: U32s, counts: I64s, n: int, slots: U64s, start: int, stop: int,
    weight: F64s,
) -> float:  # fmt: skip
    """Fill `weight` for the n distinct words of a left list; what they weigh together.

    Args:
        slots: slots[start:stop] is a `WeightTable.slots`; empty: all words weigh the same.
    """
    table = slots[start:stop]
    for i in range(n):
        weight[i] = weight_of(distinct[i], table) if table.size else 1.0
    if measure == COSINE:
        return weigh_cosine(counts, n, weight)
    total = 0.0
    for i in range(n):
        total += weight[i]
    return total


@nb.njit(
    nb.void(
        nb.i8, U4S, nb.i8, nb.i8, I8S, I8S, U4S, nb.u8, I8S, I8S, nb.i8, F8S, nb.f8, F8S, F8S, nb.i8,
        nb.i8, nb.f8[::1],
    ),
    cache=True, nogil=True,
)  # fmt: skip
def _write(
    measure: int, left: U32s, begin: int, stop: int, right_starts: I64s, right_stops: I64s,
    right: U32s, bits: Any, found: I64s, common: I64s, n: int, weight: F64s, total: float,
    beside: F64s, settings: F64s, first: int, last: int, out: F64s,
) -> None:  # fmt: skip
    """One measure of the rows first to last - 1, whose left list is left[begin:stop]."""
    if measure == OVERLAP:
        write_overlap(common, first, last, out)
    elif measure == COVERAGE:
        write_coverage(found, common, n, weight, total, first, last, out)
    elif measure == JACCARD:
        write_jaccard(common, n, beside, first, last, out)
    elif measure == BM25:
        write_bm25(
            found, common, n, weight, right_starts, right_stops, settings, first, last, out
        )  # fmt: skip
    elif measure == COSINE:
        write_cosine(found, common, n, weight, total, beside, first, last, out)
    else:
        write_runs(
            left, begin, stop, right_starts, right_stops, right, bits, common, first, last, out
        )  # fmt: skip


@nb.njit(
    nb.void(
        I8S, I8S, U4S, I8S, I8S, U4S, F8_TABLE, I8S, I8S, F8_TABLE, I8S, I8S, _U8S, nb.f8[:, ::1]
    ),
    cache=True, nogil=True,
)  # fmt: skip
def compare(
    left_starts: I64s, left_stops: I64s, left: U32s, right_starts: I64s, right_stops: I64s,
    right: U32s, beside: F64s, measures: I64s, outs: I64s, settings: F64s, table_starts: I64s,
    table_stops: I64s, slots: U64s, numbers: F64s,
) -> None:  # fmt: skip
    """numbers[outs[j], row] = measures[j] of the two lists of the row, for each of k measures.

    Args:
        beside: (k, n) numbers of the right lists: `count_distinct` for JACCARD, `tfidf_norm` for
            COSINE; of others they are not read.
        measures: (k,) such as OVERLAP.
        settings: (k, N_SETTINGS)
        table_starts, table_stops: (k,) slots[start:stop] says what words weigh; see `_weigh`.
    """
    distinct, counts, lookup = new_left()
    weight, total = np.empty((outs.size, MAX_LEFT), np.float64), np.empty(outs.size, np.float64)
    found, common = np.empty(_BLOCK * MAX_LEFT, np.int64), np.empty(_BLOCK, np.int64)
    n: Any = np.int64(0)
    bits: Any = np.uint64(0)
    at: Any = np.int64(-1)
    at_stop: Any = np.int64(-1)
    first, n_rows = 0, left_starts.size
    while first < n_rows:
        begin, stop = left_starts[first], left_stops[first]
        last, end = first + 1, min(first + _BLOCK, n_rows)
        while last < end and left_starts[last] == begin and left_stops[last] == stop:
            last += 1
        if stop < begin:
            common[: last - first] = -1
        else:
            if begin != at or stop != at_stop:
                at, at_stop = begin, stop
                n = load_left(left, begin, stop, distinct, counts, lookup)
                bits = filter_of(distinct, n)
                for j in range(outs.size):
                    total[j] = _weigh(
                        measures[j], distinct, counts, n, slots, table_starts[j], table_stops[j],
                        weight[j],
                    )  # fmt: skip
            tally(
                right_starts, right_stops, right, first, last, distinct, n, lookup, bits, found,
                common,
            )  # fmt: skip
        for j in range(outs.size):
            _write(
                measures[j], left, begin, stop, right_starts, right_stops, right, bits, found, common,
                n, weight[j], total[j], beside[j], settings[j], first, last, numbers[outs[j]],
            )  # fmt: skip
        first = last
