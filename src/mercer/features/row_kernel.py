"""Small loops over rows that a request has one of: numpy would take more calls than there are numbers."""

import numba as nb
import numpy as np
import numpy.typing as npt

from mercer.features.column import F64s, I64s, U64s
from mercer.text.kernel_types import F8_TABLE, I8S, read_only

_U8_TABLE = read_only(nb.u8, ndim=2)


@nb.njit(nb.types.UniTuple(nb.i8, 2)(I8S, I8S), cache=True, nogil=True)  # type: ignore[no-untyped-call]
def sizes_of(starts: I64s, stops: I64s) -> tuple[int, int]:
    """Values of all rows together, and of the longest one; a missing row has none."""
    total, longest = 0, 0
    for i in range(starts.size):
        size = max(stops[i] - starts[i], 0)
        total += size
        longest = max(longest, size)
    return total, longest


@nb.njit(nb.types.UniTuple(nb.i8, 2)(I8S, I8S, nb.i8), cache=True, nogil=True)  # type: ignore[no-untyped-call]
def span_of(starts: I64s, stops: I64s, size: int) -> tuple[int, int]:
    """From where to where the rows take their values, all in all; (size, size) where all are empty."""
    first, last = size, 0
    for i in range(starts.size):
        if stops[i] > starts[i]:
            first, last = min(first, starts[i]), max(last, stops[i])
    return first, max(first, last)


@nb.njit(nb.void(I8S, I8S, nb.i8, I8S, nb.i8[::1], nb.i8[::1]), cache=True, nogil=True)
def rows_through(
    starts: I64s, stops: I64s, first: int, offsets: I64s, out_starts: I64s, out_stops: I64s
) -> None:
    """Rows of items as rows of what the items have; item `first + i` has offsets[i]:offsets[i + 1]."""
    for i in range(starts.size):
        if stops[i] > starts[i]:
            out_starts[i], out_stops[i] = offsets[starts[i] - first], offsets[stops[i] - first]
        else:
            out_starts[i] = 0
            out_stops[i] = 0 if stops[i] == starts[i] else -1


@nb.njit(nb.void(I8S, I8S, nb.i8[::1], nb.i8[::1]), cache=True, nogil=True)
def packed_rows(starts: I64s, stops: I64s, out_starts: I64s, out_stops: I64s) -> None:
    """Where the same rows lie one after the other; a missing one ends before it begins."""
    at = 0
    for i in range(starts.size):
        size = stops[i] - starts[i]
        out_starts[i], out_stops[i] = at, at + max(size, -1)
        at += max(size, 0)


@nb.njit(nb.void(I8S, I8S, nb.f8[::1]), cache=True, nogil=True)
def lengths(starts: I64s, stops: I64s, out: F64s) -> None:
    """out[i] = values of row i; NaN where it is missing."""
    for i in range(starts.size):
        size = stops[i] - starts[i]
        out[i] = np.float64(size) if size >= 0 else np.nan


@nb.njit(
    nb.void(F8_TABLE, I8S, I8S, _U8_TABLE, I8S, I8S, nb.i8, nb.f8[:, ::1], nb.u8[:, ::1]),
    cache=True, nogil=True,
)  # fmt: skip
def repeat_first(
    numbers: npt.NDArray[np.float64], numbers_from: I64s, numbers_to: I64s,
    ids: U64s, ids_from: I64s, ids_to: I64s, n: int,
    out_numbers: npt.NDArray[np.float64], out_ids: U64s,
) -> None:  # fmt: skip
    """The first row of some registers in all of n rows of others."""
    for k in range(numbers_from.size):
        out_numbers[numbers_to[k], :n] = numbers[numbers_from[k], 0]
    for k in range(ids_from.size):
        out_ids[ids_to[k], :n] = ids[ids_from[k], 0]


@nb.njit(nb.void(nb.i8[:, ::1], nb.i8[:, :, ::1]), cache=True, nogil=True)
def repeat_spans(spans: npt.NDArray[np.int64], out: npt.NDArray[np.int64]) -> None:
    """out[k, 0, row] = spans[k, 0] and out[k, 1, row] = spans[k, 1], of every row."""
    for k in range(out.shape[0]):
        for side in range(2):
            out[k, side, :] = spans[k, side]
